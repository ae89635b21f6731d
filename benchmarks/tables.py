"""The paper's Table 1 in bench size: trained, and written beside the paper's into docs/tables.md.

    python -m benchmarks.tables                                  # digits
    python -m benchmarks.tables --data FOLDER_OF_CIFAR10         # 10,000 pictures of CIFAR-10, too
    python -m benchmarks.tables --data FOLDER --only-report      # from what is trained

Trains what the sweeps `table-1-digits` and `table-1-cifar10-subset` lack (resumed after a stop) and
writes the report. Every number of it is made here; the paper's stand beside them as the paper's.
FOLDER holds `cifar10_train.parquet` with the pictures and the column `label`.
"""

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from rich.console import Console

from hmw_core.errors import UnreadableRun
from hmw_core.experiments.paper_tables import SHORT, effect_sentences, rows_of, sources_table
from hmw_core.experiments.sweeps import Sweep, pipe_table, read_sweep, sweep_table
from hmw_core.experiments.table_files import SOURCES, table_notes, table_parts
from training.sweeps.grid import Fields
from training.sweeps.named_sweep import planned
from training.sweeps.plan import run_cells
from training.sweeps.tables import TABLES

REPORT = Path("docs/tables.md")
DIGITS, CIFAR = "table-1-digits", "table-1-cifar10-subset"
DIGITS_COLUMNS = ("symmetric-0.2", "symmetric-0.5", "symmetric-0.8")
CIFAR_COLUMNS = ("symmetric-0.5",)
N_PICTURES, TEST_SHARE = 10_000, 0.04  # 2,000 of 50,000 pictures test

INTRODUCTION = (
    "# The paper's tables in bench size\n\n"
    "Made by `python -m benchmarks.tables --data FOLDER`, from the sweeps named below: small "
    "networks, small data, few epochs, every method with its published knobs, epochs scaled to the "
    "run's. All methods of one table see the same data and noise, and have the same network and "
    "schedule."
)
CANNOT_SAY = (
    "**What these tables cannot say.** How the methods rank at the paper's sizes. The paper trains "
    "a PreAct ResNet-18 on 50,000 pictures of 32 x 32 pixels for 250 epochs or more; methods that "
    "need many epochs (semi-supervised ones, whose ramps and warm-ups are a larger share here), "
    "large batches (contrastive ones) or strong augmentation (which 8 x 8 digits hardly have) are "
    "at a disadvantage. A large network memorises wrong labels sooner than a small one, so what a "
    "method gains by preventing that can be larger there. Intervals are over seeds on one data "
    "set: they say nothing about other data. The paper's numbers stand beside ours as the paper's, "
    "each with what is known of it, and not to be compared by value."
)
READ = (
    "*Last* is the accuracy after the last epoch, *best* that of the best epoch, chosen on the "
    "test samples, *mean of last 10* that of the last ten. HMW *helps* or *harms* where the 95 % "
    "interval of the difference, paired by seed, excludes 0; with one seed there is no interval, "
    "so it *cannot be told*."
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train what is missing, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of cifar10_train.parquet")
    parser.add_argument("--sweeps", type=Path, default=Path("data/sweeps"))
    parser.add_argument("--epochs", type=int, default=40, help="of digits")
    parser.add_argument("--seeds", type=int, default=3, help="of digits")
    parser.add_argument("--cifar-epochs", type=int, default=30)
    parser.add_argument("--cifar-seeds", type=int, default=1)
    parser.add_argument("--rows", nargs="+", default=(), help="train these recipes only")
    parser.add_argument("--processes", type=int)
    parser.add_argument("--report", type=Path, default=REPORT)
    parser.add_argument(
        "--only-report", action="store_true", help="from what is trained; train nothing"
    )
    options = parser.parse_args(arguments)
    console = Console()
    if not options.only_report:
        digits = {"dataset": "digits", "epochs": options.epochs}
        train(DIGITS, digits, DIGITS_COLUMNS, options.seeds, options, console)
        if options.data is not None:
            given = subset(options.data, options.cifar_epochs)
            train(CIFAR, given, CIFAR_COLUMNS, options.cifar_seeds, options, console)
    options.report.write_text(report(options.sweeps), encoding="utf-8")
    console.print(f"wrote {options.report}", highlight=False)


def subset(data: Path, epochs: int) -> Fields:
    """Return what the subset of CIFAR-10 is trained with."""
    return {
        "dataset": "parquet",
        "data": str(data / "cifar10_train.parquet"),
        "true_label_column": "label",
        "train_samples": N_PICTURES,
        "test_fraction": TEST_SHARE,
        "epochs": epochs,
    }


def train(
    name: str,
    given: Fields,
    columns: Sequence[str],
    seeds: int,
    options: argparse.Namespace,
    console: Console,
) -> None:
    """Train what a copy of Table 1 lacks."""
    whole = planned("table-1", TABLES["table-1"], given, options.rows, columns)
    about = whole.about | {"command": command(name, given, columns, seeds)}
    run_cells(
        name,
        whole.base,
        whole.cells,
        range(seeds),
        options.sweeps,
        options.processes,
        console,
        about=about,
    )


def command(name: str, given: Fields, columns: Sequence[str], seeds: int) -> str:
    """Return the command that trains the same sweep."""
    words = ["python", "-m", "training", "sweep", "table-1"]
    for field, value in given.items():
        words += [f"--{field.replace('_', '-')}", str(value)]
    words += ["--columns", *columns, "--seeds", str(seeds), "--save-as", name]
    return shlex.join(words)


def report(folder: Path) -> str:
    """Return the report on the sweeps in a folder."""
    parts, found = [INTRODUCTION, CANNOT_SAY, READ], []
    for name, title in ((DIGITS, "Digits"), (CIFAR, "10,000 pictures of CIFAR-10")):
        parts.append(f"## {title}")
        try:
            sweep = read_sweep(folder / name)
        except UnreadableRun as reason:
            parts.append(f"Not trained for this report: {reason}.")
            continue
        parts += table_sections(sweep)
        found.append(sweep)
    if found:
        parts += ["## What the sources say of the paper's rows", SOURCES]
        parts.append(pipe_table(sources_table(found[0])))
    return "\n\n".join(parts) + "\n"


def table_sections(sweep: Sweep) -> list[str]:
    """Return the sections on one sweep."""
    base, seeds = sweep.info["base"], sweep.info["seeds"]
    drawn = f"seeds {seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else f"seed {seeds[0]}"
    samples = f"{base['train_samples']:,} training samples, " if "train_samples" in base else ""
    parts = [
        f"Sweep `{sweep.name}`: {samples}{base.get('network', 'small_cnn')}, "
        f"{base.get('epochs', 100)} epochs in all, {drawn}.",
    ]
    for title, table, caption in table_parts(sweep):
        parts += [f"### {title}", caption]
        if "With HMW" in table:
            parts += effect_lists(sweep)
        parts.append(pipe_table(table))
    parts += ["### What a training costs", pipe_table(cost_table(sweep))]
    return [*parts, "### What must be said beside it", *table_notes(sweep)]


def effect_lists(sweep: Sweep) -> list[str]:
    """Return where HMW helps and harms in sentences, by measure."""
    parts = []
    for measure, title in SHORT.items():
        lines = [f"- {sentence}" for sentence in effect_sentences(sweep, measure)]
        parts.append("\n".join([f"{title}:", "", *lines]))
    return parts


def cost_table(sweep: Sweep) -> pd.DataFrame:
    """Return the seconds of a training, by method: the median over columns and seeds."""
    trainings = sweep_table(sweep)
    seconds = trainings.groupby("recipe")["seconds"].median()
    rows = [row for row in rows_of(sweep) if row in seconds and seconds[row] == seconds[row]]
    plain = seconds.get("CCE", float("nan"))
    return pd.DataFrame(
        {
            "Method": rows,
            "Seconds a training": [f"{seconds[row]:.0f}" for row in rows],
            "Times CCE": [f"{seconds[row] / plain:.1f}" for row in rows],
        }
    )


if __name__ == "__main__":
    main()
