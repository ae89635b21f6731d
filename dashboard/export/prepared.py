"""Every table that an export draws, or why there is none: no figure goes missing in silence."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from dashboard.figures import FIGURES
from dashboard.presenters.counterparts import in_papers_order
from hmw_core.errors import UsageError, pick
from hmw_core.log.reader import RunReader

PAPER = tuple(name for name, figure in FIGURES.items() if figure.paper)
"""What is exported where nobody chooses: the figures that have a place in the paper."""
OF_FEATURES = ("sphere", "clusters", "class_clusters")  # few epochs log any, so these take the last


@dataclass(frozen=True)
class Prepared:
    """The tables of the figures that can be shown, and the reason for each that cannot."""

    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)


def figures_of(names: Sequence[str], n_runs: int = 1) -> list[str]:
    """Return the figures that `paper`, `all`, or names of `FIGURES` ask for, in their order.

    Of the two groups, those that compare more runs than there are, are left out.

    Raises
    ------
    UsageError
        If a figure is unknown.
    """
    groups = {"paper": PAPER, "all": tuple(FIGURES)}
    chosen: list[str] = []
    for name in names:
        fitting = [n for n in groups.get(name, ()) if FIGURES[n].n_runs <= n_runs]
        if name not in groups:
            pick({**dict.fromkeys(groups), **FIGURES}, name, "figure")
        chosen += fitting or [name]
    return [name for name in FIGURES if name in chosen]


def options_of(name: str, choices: Mapping[str, Any]) -> dict[str, Any]:
    """Return which of a reader's choices a figure takes; of no choice, its own default.

    Parameters
    ----------
    name : str
        Of `FIGURES`.
    choices : mapping
        Options of `prepare` by name, such as `given_label`, `sample_ids`, `epoch` or `criteria`.
        Figures that are not the paper's take the class only.
    """
    takes = set(inspect.signature(FIGURES[name].prepare).parameters)
    takes &= set(choices) if name in PAPER else {"given_label"}
    takes -= {"epoch"} if name in OF_FEATURES else set()
    return {key: choices[key] for key in takes if choices.get(key) is not None}


def prepare_figures(
    runs: Sequence[RunReader],
    figures: Sequence[str] | None = None,
    choices: Mapping[str, Any] | None = None,
    told: Callable[[str], None] = lambda name: None,
) -> Prepared:
    """Prepare figures of a run, those of many runs with the other runs beside it.

    Parameters
    ----------
    runs : sequence of RunReader
        The run, and those that figures of several runs compare it with.
    figures : sequence of str, optional
        As `figures_of`'s. Default: the paper's.
    choices : mapping, optional
        As `options_of`'s.
    told : callable
        Called with a figure's name before it is prepared.

    Raises
    ------
    UsageError
        If a figure is unknown.
    """
    prepared = Prepared()
    for name in figures_of(("paper",) if figures is None else figures, len(runs)):
        told(name)
        figure = FIGURES[name]
        shown = in_papers_order(runs) if figure.many else runs[0]
        try:
            prepared.tables[name] = figure.prepare(shown, **options_of(name, choices or {}))
        except UsageError as reason:  # CannotShow, or a file of the run that is damaged
            prepared.reasons[name] = str(reason)
    return prepared
