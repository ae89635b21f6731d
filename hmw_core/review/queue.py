"""In which order samples are shown to a reviewer: most suspicious first, or at random."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from hmw_core.criteria.kept import score_table
from hmw_core.criteria.of_run import pick_criterion
from hmw_core.errors import UsageError
from hmw_core.log.reader import RunReader
from hmw_core.samples.sample_table import suspicion_rank


def queue(
    run: RunReader,
    criterion: str,
    *,
    given_label: int | None = None,
    sample_ids: Sequence[int] | np.ndarray | None = None,
    epoch: int | None = None,
) -> pd.DataFrame:
    """Return the samples in the order of review, most suspicious first.

    Parameters
    ----------
    run : RunReader
    criterion : str
        Name of `CRITERIA`.
    given_label : int, optional
        Only the samples of this class; ranks are then places in the class.
    sample_ids : sequence of int, optional
        Only these samples, with their ranks among all (or all of the class).
    epoch : int, optional
        Last epoch used. Default: the last one logged.

    Returns
    -------
    DataFrame
        Columns `sample_id`, `rank` (Int64, 1 for the most suspicious, ties to the smaller
        `sample_id`) and `score`. Samples without a score come last, by `sample_id`, and have no
        rank: a page counts them as `rank.isna().sum()`.

    Raises
    ------
    UsageError
        If the criterion, the class or a sample is unknown.
    """
    chosen = _scope(run, given_label, sample_ids)
    score = score_table(run, [criterion], epoch, given_label)[criterion]
    table = pd.DataFrame(
        {"rank": suspicion_rank(score, pick_criterion(run, criterion)), "score": score}
    )
    table = table.loc[chosen].reset_index(names="sample_id")
    return table.sort_values("rank", kind="stable", ignore_index=True)[
        ["sample_id", "rank", "score"]
    ]


def audit_sample(run: RunReader, seed: int = 0, *, given_label: int | None = None) -> pd.DataFrame:
    """Return every sample of the run, or of a class, in a random order that all reviewers share.

    Any first part of it is a random sample without replacement. The order of a class is the order
    of the whole run with the other classes left out, so one audit serves both.

    Parameters
    ----------
    run : RunReader
    seed : int
        Another seed, another order. 0 or above.
    given_label : int, optional
        Only the samples of this class.

    Returns
    -------
    DataFrame
        Columns `sample_id` and `rank`, the place in the order from 1.

    Raises
    ------
    UsageError
        If the seed is negative or the class unknown.
    """
    if seed < 0:
        raise UsageError(f"the seed of an audit must be 0 or above, not {seed}")
    chosen = _scope(run, given_label, None)
    # Raw bits: unlike a shuffle's, their stream is promised not to change with NumPy's version.
    place = np.random.PCG64(seed).random_raw(run.n_samples)[chosen]
    sample_id = chosen[np.argsort(place, kind="stable")]
    return pd.DataFrame({"sample_id": sample_id, "rank": np.arange(1, len(sample_id) + 1)})


def _scope(
    run: RunReader, given_label: int | None, sample_ids: Sequence[int] | np.ndarray | None
) -> np.ndarray:
    """Return the ids in question, ascending, each once."""
    if given_label is not None and not 0 <= given_label < run.n_classes:
        raise UsageError(
            f"run {run.name!r} has the classes 0..{run.n_classes - 1}, not {given_label}"
        )
    in_scope = np.sort(run.sample_ids(given_label))
    if sample_ids is None:
        return in_scope
    wanted = np.unique(np.asarray(sample_ids, dtype=np.int64))
    strays = wanted[~np.isin(wanted, in_scope)]
    if len(strays):
        where = f"run {run.name!r}" if given_label is None else f"class {given_label}"
        raise UsageError(f"{where} has no sample {strays[0]} ({len(strays)} of those chosen)")
    return wanted
