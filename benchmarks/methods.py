"""All methods side by side: accuracy, cost, and what each believes of each sample; docs/methods.md.

    python -m benchmarks.methods                                           # digits
    python -m benchmarks.methods --data FOLDER_OF_CIFAR10N                 # CIFAR-10N beside it

Trains what the named sweeps `methods-digits` and `methods-cifar10n` lack (resumed after a stop),
times an epoch of every method in turn, and writes docs/methods.md. Every number of the report is
made here. Nothing is chosen on the test split: `best` is shown because papers show it.

Predicted of the cost: `training.sweeps.named.COSTS`, passes over the training set by networks;
asked: at most 1.25 times that.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console

from benchmarks.method_costs import cost_part
from benchmarks.which_criterion import as_table, finished_runs, verdict, with_interval
from hmw_core.criteria.of_run import criteria_of, title_of
from hmw_core.laboratory.contest import contest_of
from hmw_core.log.reader import RunReader
from training.sweeps.grid import Fields
from training.sweeps.named import COSTS, NAMED_SWEEPS
from training.sweeps.named_sweep import planned
from training.sweeps.plan import run_cells

REPORT = Path("docs/methods.md")
BASE, HMW = "CCE", "CCE+HMW-code"
SHARED = ("last_loss", "mean_loss", "aum", "iam", "hm_weight")
SEED_COUNT = 3

WORSE_IS_KNOWN = {
    "Backward": "its source and methods.md 7.25: the inverse of an estimated matrix has large "
    "entries at high rates, and single losses become negative",
    "Co-teaching": "INCV's comparison has it at 16 % on CIFAR-10 at a rate of 0.8",
    "Co-teaching+": "DivideMix's comparison has it behind at high rates, and it trains on fewer "
    "and fewer samples once the networks agree",
    "JoCoR": "its source reports 28 % on CIFAR-10 at a rate of 0.8",
    "MentorNet": "its source reports 28 % on CIFAR-10 at a rate of 0.8 for the predefined form",
    "D2L": "INCV's comparison has it at chance on CIFAR-10 at a rate of 0.8",
    "Forward": "INCV's comparison has it at 35 % on CIFAR-10 at a rate of 0.8",
}


def main() -> None:
    """Train what is missing, measure, and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of cifar10_train.parquet")
    parser.add_argument("--sweeps", type=Path, default=Path("data/sweeps"))
    parser.add_argument("--seeds", type=int, default=SEED_COUNT)
    parser.add_argument("--human-seeds", type=int, default=SEED_COUNT)
    parser.add_argument("--human-epochs", type=int, default=None)
    parser.add_argument("--repeats", type=int, default=5, help="timings of each method")
    parser.add_argument("--processes", type=int)
    parser.add_argument("--report", type=Path, default=REPORT)
    parser.add_argument(
        "--only-report", action="store_true", help="from what is trained; train nothing"
    )
    options = parser.parse_args()
    console = Console()
    parts = [INTRODUCTION]
    given: Fields = {}
    if not options.only_report:
        train("methods-digits", given, range(options.seeds), options, console)
    parts += data_part("Digits", list(finished_runs([options.sweeps / "methods-digits"])))
    if options.data is not None:
        given = {"data": str(options.data / "cifar10_train.parquet")}
        if options.human_epochs is not None:
            given["epochs"] = options.human_epochs
        if not options.only_report:
            train("methods-cifar10n", given, range(options.human_seeds), options, console)
        runs = list(finished_runs([options.sweeps / "methods-cifar10n"]))
        parts += data_part(HUMAN, runs)
    else:
        parts += [f"## {HUMAN}", NOT_TRAINED]
    parts += cost_part(options.data, options.repeats, console)
    options.report.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    console.print(f"wrote {options.report}", highlight=False)


INTRODUCTION = (
    "# Methods side by side\n\n"
    "Made by `python -m benchmarks.methods --data FOLDER`, from the sweeps `methods-digits` and "
    "`methods-cifar10n`: small networks, small data, every method with its published knobs, epochs "
    "scaled to the run's. It says how the methods of this package behave here. It does not say "
    "what they reach at the sizes of their papers. Values are means over seeds with Student's "
    "95 % interval. *Last* is the accuracy after the last epoch; *best* is the best of all epochs, "
    "chosen on the test split, which only a paper can afford."
)


HUMAN = "CIFAR-10N, the worst label of three people"
NOT_TRAINED = (
    "Not trained for this report: `python -m training sweep methods-cifar10n --data FILE` does it."
)


def train(
    name: str, given: Fields, seeds: Sequence[int], options: argparse.Namespace, console: Console
) -> None:
    """Train what a named sweep lacks."""
    whole = planned(name, NAMED_SWEEPS[name], given)
    run_cells(
        name,
        whole.base,
        whole.cells,
        seeds,
        options.sweeps,
        options.processes,
        console,
        about=whole.about,
    )


def data_part(title: str, runs: Sequence[RunReader]) -> list[str]:
    """Return the sections on one data set."""
    results = pd.DataFrame([result_of(run) for run in runs])
    settings = results[["noise", "rate"]].drop_duplicates().itertuples(index=False)
    sections = [f"## {title}", about(runs)]
    for noise, rate in settings:
        part = results[(results["noise"] == noise) & (results["rate"] == rate)]
        said = noise.replace("_", " ") + (f" {rate:g}" if rate else "")
        sections += [
            f"### {said[0].upper()}{said[1:]}: {part['mislabeled'].mean():.1%} mislabeled",
            as_table(accuracy_table(part)),
            behind(part),
            "The best of the method's own criteria beside every log's, AUROC on the same run:",
            as_table(criterion_table(part)),
        ]
    return sections


def about(runs: Sequence[RunReader]) -> str:
    """Return what the runs share."""
    config = runs[0].info["config"]
    seeds = sorted({run.info["seed"] for run in runs})
    return (
        f"{runs[0].n_samples:,} training samples, {config['network']}, {runs[0].n_epochs} epochs "
        f"in all, seeds {seeds[0]} to {seeds[-1]}. Each criterion's AUROC is over "
        "the samples that it scores: the last loss knows no sample that a last stage left out."
    )


def result_of(run: RunReader) -> dict[str, Any]:
    """Return what is measured of a run."""
    accuracy = run.metrics()["test_accuracy"]
    own = [
        name
        for name in criteria_of(run)
        if name in run.method_columns and run.method_columns[name].higher_means is not None
    ]
    # One contest each: together they are about the samples that all of them have a score of, and
    # of those that a last stage has dropped a criterion of the last epoch has none.
    values = {
        name: contest_of(run, [name], n_resamples=0).values.loc[name, "auroc"]
        for name in [*SHARED, *own]
    }
    best = max(own, key=lambda name: values.get(name, np.nan), default=None)
    noise = run.info["noise"]
    return {
        "recipe": run.info["recipe"],
        "noise": noise["name"],
        "rate": noise["rate"],
        "seed": run.info["seed"],
        "mislabeled": noise["mislabeled_fraction"],
        "last": accuracy.iloc[-1],
        "best": accuracy.max(),
        "own": best,
        "own_auroc": values.get(best, np.nan),
        **{name: values.get(name, np.nan) for name in SHARED},
    }


def by_recipe(part: pd.DataFrame, value: str) -> pd.DataFrame:
    """Return seed x recipe, in the order of `COSTS`."""
    table = part.pivot(index="seed", columns="recipe", values=value)
    return table[[recipe for recipe in COSTS if recipe in table]]


def accuracy_table(part: pd.DataFrame) -> pd.DataFrame:
    """Return a row a method: accuracies, and differences paired by seed."""
    last, best = by_recipe(part, "last"), by_recipe(part, "best")
    rows = []
    for recipe in last:
        row = {
            "recipe": recipe,
            "seeds": int(last[recipe].notna().sum()),
            "last": with_interval(last[recipe].tolist()),
            "best": with_interval(best[recipe].tolist()),
        }
        for base in (BASE, HMW):
            lead = (last[recipe] - last[base]).to_numpy() if base in last else np.array([np.nan])
            same = recipe == base
            row[f"last, minus {base}"] = (
                "" if same else f"{with_interval(lead.tolist(), '+')} {verdict(lead)}"
            )
        rows.append(row)
    return pd.DataFrame(rows)


def behind(part: pd.DataFrame) -> str:
    """Return which methods end worse than plain cross entropy, and whether that is known."""
    last = by_recipe(part, "last")
    worse = [
        recipe
        for recipe in last
        if recipe != BASE and verdict((last[recipe] - last[BASE]).to_numpy()) == "behind"
    ]
    if not worse:
        return "No method ends behind plain cross entropy."
    said = [
        f"- {recipe}: {WORSE_IS_KNOWN.get(recipe, 'no source that we read reports such a case')}."
        for recipe in worse
    ]
    return "\n".join(
        ["Behind plain cross entropy after the last epoch, the interval below 0:", *said]
    )


def criterion_table(part: pd.DataFrame) -> pd.DataFrame:
    """Return a row a method: AUROC of its own best criterion and of the shared ones."""
    rows = []
    for recipe in by_recipe(part, "last"):
        mine = part[part["recipe"] == recipe]
        names = mine["own"].dropna()
        rows.append(
            {
                "recipe": recipe,
                "its own": title_of(names.mode()[0]) if len(names) else "none",
                "AUROC": with_interval(mine["own_auroc"].tolist()),
                **{title_of(name): with_interval(mine[name].tolist()) for name in SHARED},
            }
        )
    return pd.DataFrame(rows)


if __name__ == "__main__":
    main()
