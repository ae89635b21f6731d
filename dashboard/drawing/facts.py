"""What a table says of the runs it came from: what titles and captions may ask for."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from hmw_core.log.reader import RunReader

# Column of a table -> placeholder of a title. Of several columns the first there counts.
COLUMNS = {
    "run": "run",
    "recipe": "recipe",
    "dataset": "dataset",
    "noise": "noise",
    "noise_rate": "noise_rate",
    "seed": "seed",
    "weight_epoch": "epoch",
    "map_epoch": "epoch",
    "epoch": "epoch",
}
MOST = 4  # of several runs


def origin(run: RunReader) -> dict[str, Any]:
    """Return the columns that say which run a table came from."""
    noise = run.info.get("noise") or {}
    rate = noise.get("rate")
    if rate is None and noise.get("mislabeled_fraction") is not None:
        rate = round(noise["mislabeled_fraction"], 4)  # measured, where none was set
    return {
        "run": run.name,
        "recipe": run.info.get("recipe") or "",
        "dataset": run.info["dataset"]["name"] or "",
        "noise": noise.get("name") or "",
        "noise_rate": "" if rate is None else f"{rate:g}",
        "seed": "" if run.info.get("seed") is None else str(run.info["seed"]),
    }


def with_origin(table: pd.DataFrame, runs: Sequence[RunReader]) -> pd.DataFrame:
    """Return a table with the columns of `origin` that it lacks, by its column `run` if it has one.

    A table of several runs that does not say which row is whose is returned as it is; so is what
    two runs of one name do not have in common left empty.
    """
    names = [run.name for run in runs]
    if len(runs) > 1 and "run" not in table:
        return table
    rows = pd.DataFrame([origin(run) for run in runs])
    rows = rows.where(rows.groupby("run").transform("nunique").assign(run=1).le(1), "")
    whose = np.zeros(len(table), int) if len(runs) == 1 else table["run"].map(names.index)
    added = {name: pd.Categorical(rows[name]).take(whose) for name in rows if name not in table}
    return table.assign(**added)


def facts_of(table: pd.DataFrame) -> dict[str, str]:
    """Return what a title's template may ask for of a table, or of a panel's part of it.

    Of several runs, their values one after another. The epoch is the last one.
    """
    facts: dict[str, str] = {}
    for column, name in COLUMNS.items():
        if column not in table or name in facts:
            continue
        values = table[column].dropna().unique()
        if name == "epoch":
            values = values[[values.argmax()]] if len(values) else values
        if 0 < len(values) <= MOST:
            facts[name] = ", ".join(str(value) for value in values)
    classes = table["class_name"].dropna().unique() if "class_name" in table else []
    if len(classes) == 1:
        name = str(classes[0])
        facts["class"] = name if "kind" in table else name.removeprefix("class ")
    return facts


def knows_truth(table: pd.DataFrame) -> bool:
    """Tell whether a table says of any sample whether its label is right."""
    said = (table[column] for column in ("group", "role", "panel", "value") if column in table)
    return any(bool(values.isin(["clean", "easy", "mislabeled"]).any()) for values in said)


def about(table: pd.DataFrame) -> str:
    """Return what follows a caption's title: class, epoch, runs and their settings, samples."""
    facts = facts_of(table)
    of = f", class {facts['class']}" if facts.get("class", "all classes") != "all classes" else ""
    until = f", epoch {facts['epoch']}" if "epoch" in facts else ""
    known = [c for c in ("recipe", "dataset", "noise", "noise_rate", "seed") if c in table]
    runs = table.drop_duplicates("run").astype(object) if "run" in table and known else table[:0]
    if "seed" in table and table["seed"].nunique() > len(runs):
        runs = runs.assign(seed="")  # of trainings, not of the run
    told = "; ".join(_run_in_words(row) for _, row in runs.iterrows())
    return f"{of}{until}.{f' {told}.' if told else ''}{_samples(table)}"


def _run_in_words(row: pd.Series) -> str:
    noise = f"{row['noise']} noise" if row["noise"] else ""
    rate = f"rate {row['noise_rate']}" if row["noise_rate"] else ""
    seed = f"seed {row['seed']}" if row["seed"] else ""
    said = ", ".join(filter(None, [row["recipe"], row["dataset"], noise, rate, seed]))
    return f"Run {row['run']}: {said}" if said else f"Run {row['run']}"


def _samples(table: pd.DataFrame) -> str:
    if "sample_id" not in table:
        said = counts_of(table)
        return f" {said}." if said else ""
    by = table.groupby("panel", sort=False) if "kind" in table else table.groupby(lambda _: 0)
    counts = by["sample_id"].nunique().unique()
    told = " and ".join(f"{count:,}" for count in counts)
    if told == "1":
        return " One sample a panel."
    return f" {told} samples{' a panel' if 'kind' in table else ''}."


def counts_of(table: pd.DataFrame) -> str:
    """Return how many samples a figure rests on, in words; empty where it rests on none."""
    if {"panel", "kind", "n_samples"} <= set(table):
        drawn = table[table["kind"] == "sample"].groupby("panel", sort=False).size()
        return "; ".join(f"{panel}: {count:,} samples" for panel, count in drawn.items())
    if "sample_id" in table:
        return f"{table['sample_id'].nunique():,} samples"
    if "n_mislabeled" in table:
        return "; ".join(_parts_of_contests(table))
    for group in ("group", "title"):
        if {group, "n_samples"} <= set(table):
            first = table.drop_duplicates(group)
            if (first["n_samples"] == 1).all():
                return f"{len(first)} samples"
            pairs = zip(first[group], first["n_samples"], strict=True)
            return "; ".join(f"{name}: {count:,}" for name, count in pairs)
    return ""


def _parts_of_contests(table: pd.DataFrame) -> list[str]:
    if "contest" not in table:
        table = table.assign(contest="")
    parts = []
    for contest, part in table.groupby("contest", sort=False):
        wrong = int(part["n_mislabeled"].max())
        right = int((part["n_clean"] if "n_clean" in part else part["n_samples"] - wrong).max())
        prefix = f"{contest}: " if contest else ""
        parts.append(f"{prefix}{right:,} clean and {wrong:,} mislabeled samples")
    return parts
