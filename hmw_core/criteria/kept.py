"""Scores of a run: those kept with it, or computed from its log and then kept."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from hmw_core.criteria import CRITERIA_VERSION, MAIN_CRITERIA
from hmw_core.criteria.compute import compute_scores, parts_read
from hmw_core.criteria.criterion import Criterion
from hmw_core.criteria.of_run import main_criteria_of, pick_criterion
from hmw_core.log.cache import kept_table
from hmw_core.log.reader import RunReader


def score_table(
    run: RunReader,
    criteria: Sequence[str] | None = None,
    epoch: int | None = None,
    given_label: int | None = None,
    first: int = 1,
) -> pd.DataFrame:
    """Return a column of scores per criterion, by `sample_id`: kept ones, or from the log.

    What is computed of all samples is kept with the run, and computed again only when the log or
    the criteria change.

    Parameters
    ----------
    run : RunReader
    criteria : sequence of str, optional
        Names of `CRITERIA`. Default: those of `main_criteria_of`.
    epoch : int, optional
        Last epoch used. Default: the last one logged.
    given_label : int, optional
        Only the samples of this class.
    first : int
        First epoch used.

    Raises
    ------
    UsageError
        If a criterion is unknown.
    """
    names = list(main_criteria_of(run)) if criteria is None else criteria
    picked = {name: pick_criterion(run, name) for name in names}
    last = run.last_epoch if epoch is None else epoch
    kept = run.scores(last, CRITERIA_VERSION, picked) if first == 1 else None
    others = {n: c for n, c in picked.items() if kept is None or n not in kept}
    parts = [] if kept is None else [kept]
    if given_label is not None and others and set(others) <= set(MAIN_CRITERIA):
        # One class of these is read faster than all classes are kept.
        parts.append(compute_scores(run, others, last, given_label, first))
    elif others:
        parts.append(_kept_scores(run, others, first, last))
    if given_label is not None:
        ids = np.sort(run.sample_ids(given_label))
        parts = [part.loc[ids] for part in parts]
    return pd.concat(parts, axis=1)[list(picked)]


def _kept_scores(
    run: RunReader, criteria: dict[str, Criterion], first: int, last: int
) -> pd.DataFrame:
    """Return scores of all samples; those of one epoch and window are computed in one pass."""
    made: pd.DataFrame | None = None
    parts = []
    for name in criteria:

        def compute(name: str = name) -> pd.DataFrame:
            nonlocal made
            if made is None:
                made = compute_scores(run, criteria, last, first=first)
            return made[[name]]

        decides = {
            "criterion": name,
            "version": CRITERIA_VERSION,
            "first": first,
            "last": last,
            "n_epochs": run.n_epochs,
            "annealing_start": run.annealing_start,
        }
        reads = ("samples.parquet", *parts_read(criteria[name]))
        epochs = [epoch for epoch in run.epochs() if first <= epoch <= last]
        parts.append(kept_table(run, f"score-{name}", decides, compute, reads=reads, epochs=epochs))
    return pd.concat(parts, axis=1)
