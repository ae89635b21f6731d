"""Every table that an export draws, or why there is none: no figure goes missing in silence."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd

from dashboard.figures import FIGURES
from hmw_core.errors import UsageError, pick
from hmw_core.log.reader import RunReader


@dataclass(frozen=True)
class Prepared:
    """The tables of the figures that can be shown, and the reason for each that cannot."""

    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)


def prepare_figures(
    runs: Sequence[RunReader],
    figures: Sequence[str] | None = None,
    given_label: int | None = None,
) -> Prepared:
    """Prepare figures of a run, those of many runs with the other runs beside it.

    Parameters
    ----------
    runs : sequence of RunReader
        The run, and those that figures of several runs compare it with.
    figures : sequence of str, optional
        Names of `FIGURES`. Default: all that so many runs can fill, in their order.
    given_label : int, optional
        The class of the figures that can be of one. Default: each figure's own.

    Raises
    ------
    UsageError
        If a figure is unknown.
    """
    fitting = [name for name, figure in FIGURES.items() if figure.n_runs <= len(runs)]
    names = fitting if figures is None else list(dict.fromkeys(figures))
    prepared = Prepared()
    for name in names:
        figure = pick(FIGURES, name, "figure")
        takes_class = "given_label" in inspect.signature(figure.prepare).parameters
        options = {"given_label": given_label} if takes_class else {}
        try:
            prepared.tables[name] = figure.prepare(runs if figure.many else runs[0], **options)
        except UsageError as reason:  # CannotShow, or a file of the run that is damaged
            prepared.reasons[name] = str(reason)
    return prepared


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
