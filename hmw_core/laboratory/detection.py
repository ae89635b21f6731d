"""How well a criterion finds the mislabeled samples, in numbers.

One rule for what cannot be ranked, everywhere in this file: a sample without a score (NaN or null)
or without a known true label is left out, and where that leaves no clean or no mislabeled sample,
the result is NaN. An infinite score is a score.
"""

from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from hmw_core.criteria import CRITERIA, MAIN_CRITERIA
from hmw_core.errors import UsageError
from hmw_core.samples.groups import HARD_FRACTION, score_table, split_groups
from hmw_core.statistics.intervals import BOOTSTRAP_UP_TO, auroc_intervals, wins

if TYPE_CHECKING:
    from hmw_core.log.reader import RunReader

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


def detect(
    run: "RunReader",
    criteria: Sequence[str] | None = None,
    epoch: int | None = None,
    given_label: int | None = None,
    *,
    by_class: bool = False,
    hard_fraction: float = HARD_FRACTION,
    hard_by: str = "last_loss",
    budget: float | int | None = None,
    reference: str | None = None,
    n_resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Return how well each criterion finds mislabeled samples, among all and among hard ones.

    Parameters
    ----------
    run : RunReader
    criteria : sequence of str, optional
        Names of `CRITERIA`. Default: those of `MAIN_CRITERIA`.
    epoch : int, optional
        Last epoch used. Default: the last one logged.
    given_label : int, optional
        Only the samples of this class; the hard ones are then the hardest of the class.
    by_class : bool
        Rank inside each given label, which then is the first column.
    hard_fraction, hard_by
        Which clean samples are hard to learn, see `groups.groups`. The default, the largest last
        loss, is the paper's. A contest whose clean samples were chosen by a criterion is by that
        very choice the hardest for that criterion: try another `hard_by` before concluding.
    budget : float, int or None
        See `precision_recall_at_budget`. Default: as many as are mislabeled.
    reference : str, optional
        The criterion that `difference` compares with. Default: the first of `criteria`.
    n_resamples, seed : int
        Of the bootstrap, see `intervals.auroc_intervals`; every criterion sees the same resamples.

    Returns
    -------
    DataFrame
        A row per contest and criterion. `criterion`; `contest`, `all` (every clean sample against
        every mislabeled one) or `hard clean` (only the hard clean ones against them); `n_clean`
        and `n_mislabeled`, those ranked; `auroc` with its 95 % interval `auroc_low`, `auroc_high`
        and how that was made, `interval` (`bootstrap` or `DeLong`); `average_precision`;
        `precision`, `recall` and `n_flagged` at the budget; `difference`, the AUROC minus the
        reference's, with its paired 95 % interval `difference_low`, `difference_high`. Chance is
        0.5 for the AUROC, the contest's mislabeled fraction for both precisions.

    Raises
    ------
    UsageError
        If a criterion is unknown, or a fraction or budget out of range.
    """
    names = list(MAIN_CRITERIA) if criteria is None else list(criteria)
    reference = reference or names[0]
    needed = dict.fromkeys([*names, hard_by, reference])  # each once, in order
    scores = score_table(run, list(needed), epoch, given_label)
    samples = run.samples().loc[scores.index]
    parts = scores.groupby(samples["given_label"]).groups if by_class else {None: scores.index}
    rng = np.random.default_rng(seed)
    method = "DeLong" if len(scores) > BOOTSTRAP_UP_TO else "bootstrap"
    tables = []
    for label, rows in parts.items():
        part, wrong = scores.loc[rows], samples.loc[rows, "is_mislabeled"]
        group = split_groups(part[hard_by], CRITERIA[hard_by], wrong, hard_fraction)
        for contest, clean in (("all", ["clean", "hard"]), ("hard clean", ["hard"])):
            chosen = group.isin([*clean, "mislabeled"])
            table = _contest(
                part[chosen],
                group[chosen] == "mislabeled",
                names,
                reference,
                budget,
                method,
                n_resamples,
                rng,
            )
            table.insert(1, "contest", contest)
            if by_class:
                table.insert(0, "given_label", label)
            tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _contest(
    scores: pd.DataFrame,
    is_mislabeled: pd.Series,
    names: list[str],
    reference: str,
    budget: float | int | None,
    method: str,
    n_resamples: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    wrong = is_mislabeled.to_numpy(dtype=bool)
    compared = list(dict.fromkeys([*names, reference]))
    turned = np.column_stack([suspicion(scores[c], CRITERIA[c].higher_means) for c in compared])
    intervals = auroc_intervals(
        turned[~wrong],
        turned[wrong],
        compared.index(reference),
        n_resamples=n_resamples,
        rng=rng,
        method=method,
    )
    aurocs = [auroc(turned[:, k], wrong, "mislabeled") for k in range(len(compared))]
    rows = []
    for k, name in enumerate(names):
        seen = ~np.isnan(turned[:, k])
        found = precision_recall_at_budget(turned[:, k], wrong, "mislabeled", budget)
        rows.append({
            "criterion": name,
            "n_clean": int(np.sum(seen & ~wrong)),
            "n_mislabeled": int(np.sum(seen & wrong)),
            "auroc": aurocs[k],
            "auroc_low": intervals.low[k],
            "auroc_high": intervals.high[k],
            "interval": method,
            "average_precision": average_precision(turned[:, k], wrong, "mislabeled"),
            **found._asdict(),
            "difference": aurocs[k] - aurocs[compared.index(reference)],
            "difference_low": intervals.difference_low[k],
            "difference_high": intervals.difference_high[k],
        })  # fmt: skip
    return pd.DataFrame(rows)


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
