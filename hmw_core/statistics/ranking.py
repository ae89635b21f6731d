"""How well one score ranks the mislabeled samples first, in numbers.

One rule for what cannot be ranked, everywhere in this file: a sample without a score (NaN or null)
or without a known true label is left out, and where that leaves no clean or no mislabeled sample,
the result is NaN. An infinite score is a score.
"""

from numbers import Integral
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from hmw_core.errors import UsageError

HigherMeans = Literal["clean", "mislabeled"]


class AtBudget(NamedTuple):
    """What a review of the `n_flagged` most suspicious samples finds."""

    precision: float
    recall: float
    n_flagged: int


def suspicion(score: ArrayLike, higher_means: HigherMeans) -> np.ndarray:
    """Return a criterion's score turned so that higher is more suspicious, float64, NaN for null.

    Raises
    ------
    ValueError
        If `higher_means` is neither `clean` nor `mislabeled`.
    """
    if higher_means not in ("clean", "mislabeled"):
        raise ValueError(f"higher_means is 'clean' or 'mislabeled', not {higher_means!r}")
    if isinstance(score, np.ndarray) and score.dtype == np.float64:
        values = score  # ten times an epoch from the run writer: pandas would cost more than ranks
    else:
        values = pd.Series(score).to_numpy(dtype=np.float64, na_value=np.nan)
    return values if higher_means == "mislabeled" else -values


def auroc(score: ArrayLike, is_mislabeled: ArrayLike, higher_means: HigherMeans) -> float:
    """Return the chance that a mislabeled sample looks more suspicious than a clean one.

    Parameters
    ----------
    score : array of shape (N,)
        A criterion's score, any unit.
    is_mislabeled : array of shape (N,), bool or null
        In the order of `score`.
    higher_means : {"clean", "mislabeled"}
        What a high score means.

    Returns
    -------
    float
        In [0, 1]; 0.5 is chance, a tie counts a half. NaN by the rule at the top of this file.

    Raises
    ------
    ValueError
        If the two differ in length.

    Notes
    -----
    Source: Mann and Whitney (1947), U divided by the number of pairs; exact.

    Examples
    --------
    >>> auroc([0.1, 0.2, 0.2, 0.9], [False, False, True, True], "mislabeled")
    0.875
    """
    return _share_of_wins(*_split(score, is_mislabeled, higher_means))


def auroc_of_groups(clean: np.ndarray, mislabeled: np.ndarray, higher_means: HigherMeans) -> float:
    """Return `auroc` of the scores of the clean and of the mislabeled samples, float64 each.

    For one who asks again and again of the same samples; the two arrays are sorted in place.
    """
    clean, mislabeled = _ranked(clean), _ranked(mislabeled)
    if higher_means == "clean":  # who looks more suspicious is who scores lower
        return _share_of_wins(mislabeled, clean)
    return _share_of_wins(clean, mislabeled)


def _share_of_wins(clean: np.ndarray, mislabeled: np.ndarray) -> float:
    """Return the share of pairs in which the mislabeled one is larger; both ascending."""
    if len(clean) == 0 or len(mislabeled) == 0:
        return float("nan")
    return float(wins(clean, mislabeled).sum() / (len(clean) * len(mislabeled)))


def wins(clean: np.ndarray, mislabeled: np.ndarray) -> np.ndarray:
    """Return for each of `mislabeled`, how many of sorted `clean` lie below it; a tie is a half."""
    below = clean.searchsorted(mislabeled, "left")
    if len(clean) and not (clean.take(below, mode="clip") == mislabeled).any():
        return below.astype(np.float64)  # no tie, as nearly always: half the searching
    return (below + clean.searchsorted(mislabeled, "right")) / 2.0


def average_precision(
    score: ArrayLike, is_mislabeled: ArrayLike, higher_means: HigherMeans
) -> float:
    """Return the mean, over mislabeled samples, of the precision of flagging all down to it.

    Arguments as `auroc`'s. In (0, 1]; chance is the mislabeled fraction. Samples of equal score
    are flagged together.

    Source: the step-wise average precision, as scikit-learn's `average_precision_score`.
    """
    clean, mislabeled = _split(score, is_mislabeled, higher_means)
    if len(clean) == 0 or len(mislabeled) == 0:
        return float("nan")
    right = len(mislabeled) - np.searchsorted(mislabeled, mislabeled, "left")
    wrong = len(clean) - np.searchsorted(clean, mislabeled, "left")
    return float(np.mean(right / (right + wrong)))


def precision_recall_at_budget(
    score: ArrayLike,
    is_mislabeled: ArrayLike,
    higher_means: HigherMeans,
    budget: float | int | None = None,
) -> AtBudget:
    """Return precision and recall of reviewing the most suspicious samples.

    Parameters
    ----------
    score, is_mislabeled, higher_means
        As `auroc`'s.
    budget : float, int or None
        A float is a share of the ranked samples, in [0, 1]; an int is their number, at least 1 and
        cut at all of them. Default: as many as are mislabeled, where precision and recall agree.

    Returns
    -------
    AtBudget
        Both in [0, 1]. Where the budget cuts through equal scores, the expected value over a
        random choice among them. At least one sample is flagged.

    Raises
    ------
    UsageError
        If the budget is out of its range.
    """
    clean, mislabeled = _split(score, is_mislabeled, higher_means)
    n_ranked = len(clean) + len(mislabeled)
    n_flagged = flagged_by(budget, len(clean), len(mislabeled))
    if n_flagged == 0:
        return AtBudget(float("nan"), float("nan"), 0)
    ranked = np.concatenate((clean, mislabeled))
    threshold = np.partition(ranked, n_ranked - n_flagged)[n_ranked - n_flagged]
    above = int(np.sum(mislabeled > threshold))
    tied = int(np.sum(mislabeled == threshold))
    open_places = n_flagged - int(np.sum(ranked > threshold))
    hits = above + tied * open_places / int(np.sum(ranked == threshold))
    return AtBudget(hits / n_flagged, hits / len(mislabeled), n_flagged)


def flags(values: np.ndarray, n_flagged: int) -> np.ndarray:
    """Return how much of each sample a budget flags: 1, 0, or a share where it cuts through ties.

    Parameters
    ----------
    values : ndarray of shape (N,), float
        Suspicion (higher: more suspicious), without NaN.
    n_flagged : int
        1 to N.

    Returns
    -------
    ndarray of shape (N,), float64
        In [0, 1], of sum `n_flagged`: the expected flags over a random choice among the tied.

    Examples
    --------
    >>> flags(np.array([3.0, 1.0, 2.0, 2.0]), 2).tolist()
    [1.0, 0.0, 0.5, 0.5]
    """
    threshold = np.partition(values, len(values) - n_flagged)[len(values) - n_flagged]
    above, tied = values > threshold, values == threshold
    return above + tied * ((n_flagged - above.sum()) / tied.sum())


def flagged_by(budget: float | int | None, n_clean: int, n_mislabeled: int) -> int:
    """Return how many samples a budget flags; 0 where there is no clean or no mislabeled sample.

    Raises
    ------
    UsageError
        If the budget is out of its range, see `precision_recall_at_budget`.
    """
    if budget is not None and not (budget >= 1 if _is_count(budget) else 0 <= budget <= 1):
        raise UsageError(f"a budget is a share in [0, 1] or a number of samples, not {budget!r}")
    if not n_clean or not n_mislabeled:
        return 0
    n_ranked = n_clean + n_mislabeled
    if budget is None:
        return n_mislabeled
    n_flagged = int(budget) if _is_count(budget) else round(budget * n_ranked)
    return min(max(n_flagged, 1), n_ranked)


def _split(
    score: ArrayLike, is_mislabeled: ArrayLike, higher_means: HigherMeans
) -> tuple[np.ndarray, np.ndarray]:
    """Return the sorted suspicion of the clean and of the mislabeled samples that can be ranked."""
    values = suspicion(score, higher_means)
    if isinstance(is_mislabeled, np.ndarray) and is_mislabeled.dtype == bool:
        clean, wrong = ~is_mislabeled, is_mislabeled  # as in `suspicion`
    else:
        marks = pd.array(is_mislabeled, dtype="boolean")
        wrong = marks.to_numpy(dtype=bool, na_value=False)
        clean = ~(wrong | marks.isna())
    if len(values) != len(wrong):
        raise ValueError(f"{len(values)} scores, but {len(wrong)} marks of mislabeled samples")
    return _ranked(values[clean]), _ranked(values[wrong])


def _ranked(values: np.ndarray) -> np.ndarray:
    """Return the values that are numbers, ascending."""
    values.sort()
    return values[: values.searchsorted(np.nan)]  # NaN comes last


def _is_count(budget: float | int) -> bool:
    return isinstance(budget, Integral)
