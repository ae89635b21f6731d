"""Thresholds of a score in words and cells: what a rule flags, and whether to trust it."""

import math

import pandas as pd

from dashboard.drawing.text import percent
from hmw_core.criteria.criterion import Criterion
from hmw_core.laboratory.thresholds import RULES, axis_scale
from hmw_core.statistics.modes import LEVEL, MOST_SHARED, Modes

NOT_MODES_OF_LABELS = (
    "Two modes need not be clean and mislabeled samples: they may be easy and hard classes, or "
    "samples memorised and not."
)


TRUTH = ["precision", "precision_low", "precision_high", "recall", "recall_low", "recall_high"]


def without_truth(table: pd.DataFrame) -> pd.DataFrame:
    """Return `thresholds.threshold_table` as if no true label were known."""
    return table.assign(**dict.fromkeys(TRUTH, math.nan), n_known=0)


def cells(table: pd.DataFrame, criterion: Criterion) -> pd.DataFrame:
    """Return `thresholds.threshold_table` in words; columns without any number are left out."""
    unit = criterion.unit
    rows = []
    for rule, row in table.iterrows():
        there = not math.isnan(row["cut"])
        share = f" ({percent(row['n_flagged'] / row['n_scored'])})" if row["n_scored"] else ""
        rows.append({
            "Rule": RULES[str(rule)].title,
            f"Threshold ({unit})": f"{row['cut']:.4g}" if there else "none",
            "Flagged": f"{row['n_flagged']:,.0f}{share}" if there else "–",
            "Precision believed": percent(row["expected_precision"]),
            "Real precision": with_interval(row, "precision"),
            "Recall believed": percent(row["expected_recall"]),
            "Real recall": with_interval(row, "recall"),
            "Why no threshold": row["why"],
        })  # fmt: skip
    shown = pd.DataFrame(rows)
    if table["recall"].isna().all() and table["n_known"].eq(0).all():
        shown = shown.drop(columns=["Real precision", "Real recall"])
    return shown if shown["Why no threshold"].any() else shown.drop(columns="Why no threshold")


def with_interval(row: pd.Series, name: str) -> str:
    """Return a share and its interval in per cent, a dash where there is none."""
    if math.isnan(row[name]):
        return "–"
    low, high = 100 * row[f"{name}_low"], 100 * row[f"{name}_high"]
    return f"{percent(row[name])} ({low:.1f}–{high:.1f})"


def caption(criterion: Criterion, level: float, n_without_score: int, is_known: bool) -> str:
    """Return what the table's numbers mean and how they were made."""
    said = [
        "Believed is what the rule's own model says, without any true label: for a mixture, the "
        f"mean posterior of the flagged (threshold at a posterior of {level:g}), and their part of "
        "all posteriors; it is right only where the model fits. A dash: the rule believes nothing.",
    ]
    if is_known:
        said.append(
            "Real is counted from the true labels, among samples with a score and a known true "
            "label, with the 95 % interval of a share (Wilson)."
        )
    if n_without_score:
        said.append(f"{n_without_score:,} samples without a score are left out.")
    if axis_scale(criterion) == "log":
        said.append(
            "Two Gaussians and the valley look at the logarithm of the loss, DivideMix and the "
            "betas at the loss itself."
        )
    return " ".join(said)


def flag_sentence(rule: str, row: pd.Series, criterion: Criterion) -> str:
    """Say what a rule flags, what it believes of that, and what is true."""
    side = "below" if criterion.higher_means == "clean" else "above"
    unit = "" if criterion.unit == "1" else f" {criterion.unit}"
    n_flagged, n_scored = int(row["n_flagged"]), int(row["n_scored"])
    said = [
        f"**{RULES[rule].title} flags {n_flagged:,} of {n_scored:,} samples "
        f"({percent(n_flagged / n_scored)})**: those with {criterion.title} {side} "
        f"{row['cut']:.4g}{unit}."
    ]
    precision, recall = row["expected_precision"], row["expected_recall"]
    if not math.isnan(precision):
        said.append(
            f"By its own model {percent(precision)} of them are mislabeled, and they are "
            f"{percent(recall)} of all that are."
        )
    elif not math.isnan(recall):
        said.append(f"By its own reckoning they are {percent(recall)} of all mislabeled samples.")
    if not math.isnan(row["precision"]):
        said.append(
            f"By the true labels **{with_interval(row, 'precision')}** of them are, and they are "
            f"**{with_interval(row, 'recall')}** of all that are (95 % intervals)."
        )
    return " ".join(said)


def is_off(row: pd.Series) -> bool:
    """Tell whether what a rule believes lies outside an interval of what is true."""
    for name in ("precision", "recall"):
        believed = row[f"expected_{name}"]
        known = not (math.isnan(believed) or math.isnan(row[f"{name}_low"]))
        if known and not row[f"{name}_low"] <= believed <= row[f"{name}_high"]:
            return True
    return False


def modes_sentence(found: Modes | None, criterion: Criterion) -> tuple[bool, str]:
    """Return whether to warn, and what is known of the score's modes and how."""
    axis = "its logarithm" if axis_scale(criterion) == "log" else "the score"
    if found is None:
        return True, "Too few samples have a score to tell whether it has two modes."
    if found.two is None:
        return True, (
            f"This score comes in steps: {found.n:,} samples share {found.n_different:,} values "
            f"(more than {MOST_SHARED} a value, or fewer than 50 values). Whether it has two modes "
            "cannot be told, and a threshold moves whole steps at once."
        )
    tests = (
        f"dip test p {_p(found.dip_p)}, valley on held-out samples p {_p(found.valley_p)}; either "
        f"below {LEVEL / 2:g} shows two modes of {axis}, so that one mode is taken for two at most "
        f"{100 * LEVEL:.0f} times in 100"
    )
    if found.two:
        assert found.valley is not None, "the rule asks for one"
        depth = f"the valley is {100 * found.valley.depth:.0f} % below the lower mode"
        return False, f"Two modes are shown: {depth} ({tests}). {NOT_MODES_OF_LABELS}"
    return True, (
        "**No two modes are shown, so any threshold would be arbitrary**: what is flagged is the "
        "rule's choice, and what a mixture believes of it is its own shape, not the data's. Take a "
        "number to review instead, or another criterion or epoch. "
        f"({tests[0].upper()}{tests[1:]}. A second mode of few samples may be missed.)"
    )


def _p(value: float) -> str:
    return "≤ 0.001" if value <= 0.00101 else f"= {value:.3f}"
