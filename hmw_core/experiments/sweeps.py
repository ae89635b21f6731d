"""A sweep: the same training over a grid of settings and seeds, and what came of it.

`python -m training sweep` writes it into `data/sweeps/<name>/`, its runs beside `sweep.json`; the
dashboard reads it. A cell is one combination of settings; it is trained once with each seed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hmw_core.criteria.of_run import title_of
from hmw_core.errors import UnreadableRun, UsageError
from hmw_core.experiments.proof import t_interval
from hmw_core.file_names import is_folder_name
from hmw_core.log import checks, layout
from hmw_core.log.files import shown
from hmw_core.log.reader import RunReader
from hmw_core.spreadsheet import csv_bytes

SWEEP_FORMAT = 1
STATUSES = ("waiting", "running", "finished", "stopped", "failed")
LAST = 10
"""Epochs of which `last10_accuracy` is the mean, as papers often report it."""
ACCURACIES = {
    "last_accuracy": "Test accuracy, last epoch",
    "last10_accuracy": f"Test accuracy, mean of the last {LAST} epochs",
    "best_accuracy": "Test accuracy, best epoch",
}
DATA_FIELDS = (
    "dataset data test_data image_column label_column true_label_column noise_column "
    "test_fraction train_samples image_size noise noise_rate noise_args noise_file labels data_seed"
).split()
"""Fields that decide what is trained on: a condition. The others make a setting."""
TRAINING: dict[str, Any] = {
    "run": None,
    "cell": None,
    "seed": None,
    "status": "waiting",
    "error": None,
    "attempts": 0,
    "seconds": None,
    "mislabeled_fraction": None,
    "test_accuracy": [],
    "tests": {},
    "auroc": {},
}
"""What `sweep.json` keeps of a training; `test_accuracy` in [0, 1] by epoch, null without one, and
`tests` the same of further measures and test splits, by their names in the metrics."""

FIELDS = {
    "title?": checks.TEXT,
    "named?": checks.TEXT,
    "notes?": [checks.TEXT],
    "created": checks.TEXT,
    "status": checks.one_of(STATUSES),
    "error?": checks.TEXT,
    "base": checks.OBJECT,
    "seeds": [checks.whole(-(2**63), 2**64)],
    "cells": [{"fields": checks.OBJECT, "departs?": checks.OBJECT}],
    "trainings": [
        {
            "run?": ("the name of a folder", lambda v: isinstance(v, str) and is_folder_name(v)),
            "cell": checks.whole(0, 1_000_000),
            "seed": checks.whole(-(2**63), 2**64),
            "status": checks.one_of(STATUSES),
            "error?": checks.TEXT,
            "seconds?": checks.number(0, 1e300),
            "mislabeled_fraction?": checks.SHARE,
            "test_accuracy": [("a number or null", lambda v: v is None or checks.FINITE[1](v))],
            "tests?": {"*": [("a number or null", lambda v: v is None or checks.FINITE[1](v))]},
            "auroc": {"*": checks.FINITE},
        }
    ],
}
"""What `sweep.json` must hold; a run's name becomes part of a path."""

Fields = dict[str, Any]


@dataclass(frozen=True)
class Sweep:
    """What `sweep.json` holds, and whether its trainings are going on."""

    folder: Path
    info: dict[str, Any]
    is_being_computed: bool = False

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def status(self) -> str:
        """`running`, `finished`, `stopped` or `failed`; one that was killed counts as stopped."""
        status = self.info["status"]
        return "stopped" if status == "running" and not self.is_being_computed else status

    @property
    def cells(self) -> list[Fields]:
        """The settings of each cell that differ from the base."""
        return [cell["fields"] for cell in self.info["cells"]]

    @cached_property
    def fields(self) -> list[str]:
        """The fields that some cell sets, in the order in which they first come."""
        return list(dict.fromkeys(name for fields in self.cells for name in fields))

    @property
    def n_planned(self) -> int:
        """Number of trainings when it is complete."""
        return len(self.info["trainings"])

    def count(self, status: str) -> int:
        """Return how many trainings have this status, one of `STATUSES`."""
        return sum(training["status"] == status for training in self.info["trainings"])

    def epochs_done(self, training: Mapping[str, Any]) -> int:
        """Return how many epochs of a training are logged."""
        return len(layout.logged_epochs(self.folder / training["run"], "metrics"))


def read_sweep(folder: Path) -> Sweep:
    """Return the sweep in a folder.

    Raises
    ------
    UnreadableRun
        If it is missing, damaged, or of a newer format.
    """
    path = folder / "sweep.json"
    info = layout.read_versioned(path, "sweep", SWEEP_FORMAT)
    try:
        checks.check(info, FIELDS)
        sweep = Sweep(folder, info, layout.has_writer(folder))
        info["created"], info["base"], info["seeds"], sweep.status
        summary_table(sweep), curves(sweep)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise UnreadableRun(f"{shown(path)} lacks what a sweep has ({error!r})") from None
    return sweep


def write_sweep(folder: Path, info: Mapping[str, Any]) -> None:
    """Write `sweep.json`, whole."""
    layout.write_json(folder / "sweep.json", info, indent=1)


def list_sweeps(
    folder: Path, open_sweep: Callable[[Path], Sweep] = read_sweep
) -> tuple[list[Sweep], dict[str, str]]:
    """Return the sweeps below a folder, the newest first, and why others cannot be read.

    `open_sweep` may keep sweeps it has read before.
    """
    sweeps, broken = [], {}
    for file in sorted(folder.glob("[!.]*/sweep.json")):
        try:
            sweeps.append(open_sweep(file.parent))
        except UsageError as error:
            broken[shown(file.parent.name)] = str(error)
    sweeps.sort(key=lambda sweep: str(sweep.info["created"]), reverse=True)
    return sweeps, broken


def result_of(folder: Path) -> dict[str, Any]:
    """Return what a sweep keeps of a run that has finished: see `TRAINING`."""
    run = RunReader(folder)
    metrics = run.metrics()
    last = metrics.iloc[-1]
    aurocs = {
        name.removeprefix("auroc_"): float(last[name])
        for name in metrics.columns
        if name.startswith("auroc_") and np.isfinite(last[name])
    }
    tested = metrics["test_accuracy"].notna().any()
    return {
        "seconds": float(metrics["seconds"].sum()) if "seconds" in metrics else None,
        "mislabeled_fraction": (run.info.get("noise") or {}).get("mislabeled_fraction"),
        "test_accuracy": metrics["test_accuracy"].tolist() if tested else [],
        "tests": {
            name: metrics[name].tolist()
            for name in metrics.columns
            if name.startswith("test_") and name != "test_accuracy" and metrics[name].notna().all()
        },
        "auroc": aurocs,
    }


def sweep_table(sweep: Sweep) -> pd.DataFrame:
    """Return one row a training.

    Columns: cell, the fields that some cell sets (missing where this cell leaves them at the
    base's), seed, run, status, error, `ACCURACIES` (shares of the test samples in [0, 1]),
    best_epoch, auroc_<criterion> at the last epoch, mislabeled_fraction and seconds; missing where
    the training has not finished, or there is no such number.
    """
    rows = []
    for training in sweep.info["trainings"]:
        fields = sweep.cells[training["cell"]]
        by_epoch = np.array(training["test_accuracy"], dtype=np.float64)
        row = {"cell": training["cell"]} | {name: fields.get(name) for name in sweep.fields}
        row |= {name: training[name] for name in ("seed", "run", "status", "error")}
        if len(by_epoch):
            best = int(by_epoch.argmax())  # the first of equals
            row |= {
                "last_accuracy": by_epoch[-1],
                "last10_accuracy": by_epoch[-LAST:].mean(),
                "best_accuracy": by_epoch[best],
                "best_epoch": best + 1,
            }
        row |= {f"auroc_{name}": value for name, value in training["auroc"].items()}
        row |= {name: training[name] for name in ("mislabeled_fraction", "seconds")}
        rows.append(row)
    columns = ["cell", *sweep.fields, "seed", "run", "status", "error", *ACCURACIES, "best_epoch"]
    aurocs = [name for row in rows for name in row if str(name).startswith("auroc_")]
    columns += [*dict.fromkeys(aurocs), "mislabeled_fraction", "seconds"]
    table = pd.DataFrame(rows, columns=columns)
    numbers = columns[columns.index("error") + 1 :]
    return table.astype(dict.fromkeys(numbers, float)).astype({"cell": int, "seed": int})


def measures(sweep: Sweep) -> list[str]:
    """Return the columns of `sweep_table` that can be compared between cells, those with values."""
    table = sweep_table(sweep)
    names = [name for name in table if name in ACCURACIES or name.startswith("auroc_")]
    return [name for name in names if table[name].notna().any()]


def summary_table(sweep: Sweep) -> pd.DataFrame:
    """Return one row a cell: what its finished trainings came to.

    Columns: cell, the fields, n (finished trainings), n_planned, n_failed, mislabeled_fraction
    (mean), and for each measure its mean under its own name, `_sd` (standard deviation between
    seeds, n - 1), `_low` and `_high` (95 % interval of the mean, Student's t over the seeds,
    within [0, 1]). Spread and interval are missing for fewer than two seeds, and the interval
    where all seeds came to the same.
    """
    table = sweep_table(sweep)
    names = [name for name in table if name in ACCURACIES or name.startswith("auroc_")]
    rows = []
    for number, fields in enumerate(sweep.cells):
        part = table[table["cell"] == number]
        done = part[part["status"] == "finished"]
        row = {"cell": number} | {name: fields.get(name) for name in sweep.fields}
        row |= {
            "n": len(done),
            "n_planned": len(part),
            "n_failed": int((part["status"] == "failed").sum()),
            "mislabeled_fraction": done["mislabeled_fraction"].mean(),
        }
        for name in names:
            values = done[name].dropna().to_numpy()
            mean, low, high = t_interval(values)
            row[name] = mean
            row[f"{name}_sd"] = values.std(ddof=1) if len(values) > 1 else np.nan
            row[f"{name}_low"], row[f"{name}_high"] = np.clip([low, high], 0, 1)
        rows.append(row)
    return pd.DataFrame(rows)


def curves(sweep: Sweep) -> pd.DataFrame:
    """Return cell, seed, epoch and test_accuracy (share, in [0, 1]) of the finished trainings."""
    parts = [
        pd.DataFrame(
            {
                "cell": training["cell"],
                "seed": training["seed"],
                "epoch": np.arange(1, len(training["test_accuracy"]) + 1),
                "test_accuracy": np.array(training["test_accuracy"], dtype=np.float64),
            }
        )
        for training in sweep.info["trainings"]
        if training["test_accuracy"]
    ]
    columns = ["cell", "seed", "epoch", "test_accuracy"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def condition(fields: Mapping[str, Any]) -> Fields:
    """Return the fields of a cell that decide what is trained on."""
    return {name: value for name, value in fields.items() if name in DATA_FIELDS}


def setting(fields: Mapping[str, Any]) -> Fields:
    """Return the fields of a cell that decide how it is trained."""
    return {name: value for name, value in fields.items() if name not in DATA_FIELDS}


def numbers(sweep: Sweep) -> list[str]:
    """Return the fields of settings that take two or more different numbers."""
    found = []
    for name in sweep.fields:
        values = {fields[name] for fields in sweep.cells if is_number(fields.get(name))}
        if name not in DATA_FIELDS and len(values) > 1:
            found.append(name)
    return found


def is_number(value: Any) -> bool:
    """Tell whether a field's value is a number, which `True` is not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def families(sweep: Sweep, field: str) -> list[tuple[str, str, list[tuple[float, int]]]]:
    """Return the lines along which only one number changes.

    Each is the condition in words, the other fields of the setting in words, and the values of
    `field` with their cells, ascending; of two values or more.
    """
    lines: dict[tuple[str, str], list[tuple[float, int]]] = {}
    for number, fields in enumerate(sweep.cells):
        if is_number(fields.get(field)):
            others = {name: value for name, value in setting(fields).items() if name != field}
            key = in_words(condition(fields)), in_words(others)
            lines.setdefault(key, []).append((float(fields[field]), number))
    return [(*key, sorted(line)) for key, line in lines.items() if len(line) > 1]


def references(sweep: Sweep, field: str) -> list[int]:
    """Return the cells that lines along `field` are seen against.

    Those without this field, and those in which every number that varies is 0: no weight at all.
    """
    varied = numbers(sweep)
    return [
        number
        for number, fields in enumerate(sweep.cells)
        if field not in fields or all(fields.get(name) == 0 for name in varied)
    ]


def in_words(fields: Mapping[str, Any]) -> str:
    """Return how people are told of a cell, or of some of its fields.

    Examples
    --------
    >>> in_words({"recipe": "CCE", "noise": "symmetric", "noise_rate": 0.2, "alpha": 10.0})
    'CCE, symmetric 0.2, alpha 10'
    """
    words = []
    for name, value in fields.items():
        if name == "noise_rate" and "noise" in fields:
            continue
        if name == "noise" and "noise_rate" in fields:
            words.append(f"{value} {fields['noise_rate']:g}")
        elif name in ("recipe", "noise", "dataset", "network") and value is not None:
            words.append(str(value))
        else:
            words.append(f"{name} {value_in_words(value)}")
    return ", ".join(words) or "the base"


def value_in_words(value: Any) -> str:
    """Return a field's value as people read it."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    if isinstance(value, int | float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {value_in_words(each)}" for key, each in value.items()) or "none"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(value_in_words, value)) or "none"
    return str(value)


def display_table(sweep: Sweep, measure: str = "last_accuracy") -> pd.DataFrame:
    """Return a measure as text for people: one row a setting, one column a condition.

    Accuracies are in per cent. A cell is the mean of its finished trainings, `±` the standard
    deviation between seeds where there are two or more, and `n` where it differs from the number
    of seeds asked for; – where none has finished, empty where the sweep has no such cell.
    """
    summary = summary_table(sweep)
    many = [condition(fields) for fields in sweep.cells]
    names = {} if len(set(map(in_words, many))) > 1 else {"": measure_title(measure)}
    table: dict[str, dict[str, str]] = {}
    for fields, row in zip(sweep.cells, summary.to_dict("records"), strict=True):
        column = in_words(condition(fields)) if not names else names[""]
        table.setdefault(in_words(setting(fields)), {})[column] = cell_text(row, measure)
    whole = pd.DataFrame.from_dict(table, orient="index").fillna("")
    return whole.rename_axis("Setting").reset_index()


def cell_text(row: Mapping[str, Any], measure: str) -> str:
    """Return mean ± standard deviation of a row of `summary_table`, as `display_table` has it."""
    scale, digits = (100, 1) if measure in ACCURACIES else (1, 3)
    failed = f" ({row['n_failed']} failed)" if row["n_failed"] else ""
    if row["n"] == 0 or np.isnan(row[measure]):
        return f"–{failed}"
    text = f"{scale * row[measure]:.{digits}f}"
    if measure not in ACCURACIES and 0.9995 <= row[measure] < 1:
        text = ">0.999"  # only what is 1 is shown as such
    if row["n"] > 1:
        text += f" ± {scale * row[f'{measure}_sd']:.{digits}f}"
    return text + (f" (n = {row['n']})" if row["n"] < row["n_planned"] else "") + failed


def measure_title(measure: str) -> str:
    """Return what a measure is, with its unit; of a column of `sweep_table`."""
    if measure in ACCURACIES:
        return f"{ACCURACIES[measure]} (%)"
    name = measure.removeprefix("auroc_")
    return f"AUROC of {title_of(name)}, last epoch"


def caption(sweep: Sweep, measure: str = "last_accuracy") -> str:
    """Return what must be said beside `display_table`."""
    seeds = sweep.info["seeds"]
    n_seeds = f"{len(seeds)} seeds" if len(seeds) > 1 else "one seed"
    open_ = sweep.n_planned - sweep.count("finished")
    left = f" {open_} of {sweep.n_planned} trainings are missing." if open_ else ""
    spread = "mean ± standard deviation between seeds" if len(seeds) > 1 else "no spread is known"
    base = {k: v for k, v in sweep.info["base"].items() if k not in ("outputs", "device")}
    shared = "data_seed" in sweep.fields or "data_seed" in base
    drawn = "data_seed draws noise and split" if shared else "a seed also draws noise and split"
    return f"{measure_title(measure)}: {spread} ({n_seeds}; {drawn}). Base: {in_words(base)}.{left}"


def write_results(sweep: Sweep) -> None:
    """Write `results.csv` (one row a training), `results.md` and `results.tex` into the sweep."""
    table = display_table(sweep)
    text = "\n".join([caption(sweep), "", pipe_table(table), ""])
    tex = table.to_latex(index=False, escape=True, caption=latex_text(caption(sweep)))
    write = layout.write_whole
    write(sweep.folder / "results.csv", csv_bytes(sweep_table(sweep)))
    write(sweep.folder / "results.md", text.encode())
    write(sweep.folder / "results.tex", f"% needs \\usepackage{{booktabs}}\n{tex}".encode())


def pipe_table(table: pd.DataFrame) -> str:
    """Return a table of texts as a Markdown pipe table."""
    columns = list(table.columns)
    rows = [columns, ["---"] * len(columns), *table.to_numpy().tolist()]
    lines = ["| " + " | ".join(str(v).replace("|", "\\|") for v in row) + " |" for row in rows]
    return "\n".join(lines)


def latex_text(text: str) -> str:
    """Return a text that LaTeX sets letter by letter."""
    return "".join(f"\\{letter}" if letter in "&%$#_{}" else letter for letter in text)
