"""How sure an AUROC is, and the difference of two: paired bootstrap, or DeLong for many samples.

Shape letters: N clean, M mislabeled samples, K criteria, R resamples.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from hmw_core.statistics.ranking import wins
from hmw_core.statistics.resampling import TAIL, Ranked, counted

BOOTSTRAP_UP_TO = 2_000  # samples; above it DeLong is close, and far faster


@dataclass(frozen=True)
class Intervals:
    """95 % intervals of K AUROCs and of what each is above one of them; all of shape (K,)."""

    low: np.ndarray
    high: np.ndarray
    difference_low: np.ndarray
    difference_high: np.ndarray
    method: str


def auroc_intervals(
    clean: np.ndarray,
    mislabeled: np.ndarray,
    *,
    n_resamples: int = 1000,
    rng: np.random.Generator,
    method: str = "auto",
) -> Intervals:
    """Return 95 % intervals of the AUROC of each criterion and of its lead over the first.

    Clean and mislabeled samples are drawn separately, so that every resample has as many of each,
    and all criteria see the same samples, so that their differences pair.

    Parameters
    ----------
    clean : ndarray of shape (N, K)
        Suspicion (higher: more suspicious) of the clean samples; NaN where it has none.
    mislabeled : ndarray of shape (M, K)
        The same of the mislabeled samples.
    n_resamples : int
        Resamples R of the bootstrap.
    rng : Generator
        Draws the resamples; DeLong draws nothing.
    method : str
        `bootstrap` (percentile), `DeLong`, or `auto`: DeLong above `BOOTSTRAP_UP_TO` samples.

    Returns
    -------
    Intervals
        NaN where a group has fewer than two samples. Groups that do not overlap at all give every
        resample the same AUROC: there, the bound is the exact one for no miss in as many trials
        as the smaller group has samples, so that an interval of zero width claims nothing.

    Notes
    -----
    Source: DeLong, DeLong and Clarke-Pearson (1988), variance of an AUROC and of a difference from
    the samples' placements; the interval of one AUROC is taken on the logit scale, which keeps it
    in [0, 1]. Bootstrap: Efron and Tibshirani (1993), percentile interval.
    """
    if method == "auto":
        method = "DeLong" if len(clean) + len(mislabeled) > BOOTSTRAP_UP_TO else "bootstrap"
    bounds = _delong if method == "DeLong" else _bootstrap
    value, low, high, difference_low, difference_high = bounds(clean, mislabeled, n_resamples, rng)
    smaller = np.minimum(np.sum(~np.isnan(clean), axis=0), np.sum(~np.isnan(mislabeled), axis=0))
    no_miss = TAIL ** (1.0 / np.maximum(smaller, 1))
    low = np.where(value == 1.0, no_miss, np.where(value == 0.0, 0.0, low))
    high = np.where(value == 0.0, 1.0 - no_miss, np.where(value == 1.0, 1.0, high))
    for bound in (low, high, difference_low, difference_high):
        bound[smaller < 2] = np.nan
    return Intervals(low, high, difference_low, difference_high, method)


def _placements(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return, by criterion, the share of `others` below each of `values`, NaN for NaN."""
    share = np.full(values.shape, np.nan)
    for k in range(values.shape[1]):
        ranked = np.sort(others[~np.isnan(others[:, k]), k])
        seen = ~np.isnan(values[:, k])
        share[seen, k] = wins(ranked, values[seen, k]) / max(len(ranked), 1)
    return share


def _mean_and_variance(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of each column over its known values, and that mean's variance."""
    seen = ~np.isnan(values)
    n = np.maximum(seen.sum(axis=0), 1)
    mean = np.where(seen, values, 0.0).sum(axis=0) / n
    squares = (np.where(seen, values - mean, 0.0) ** 2).sum(axis=0)
    return mean, squares / np.maximum(n - 1, 1) / n


def _delong(clean: np.ndarray, mislabeled: np.ndarray, *_: object) -> tuple[np.ndarray, ...]:
    above = _placements(mislabeled, clean)  # (M, K)
    below = 1.0 - _placements(clean, mislabeled)  # (N, K)
    value, variance = _mean_and_variance(above)
    variance = variance + _mean_and_variance(below)[1]
    z = NormalDist().inv_cdf(1.0 - TAIL)
    with np.errstate(divide="ignore", invalid="ignore"):  # 0 and 1 are set by the caller
        middle = np.log(value / (1.0 - value))
        half = z * np.sqrt(variance) / (value * (1.0 - value))
        low, high = (1.0 / (1.0 + np.exp(-(middle + side * half))) for side in (-1.0, 1.0))
    lead = value - value[0]
    lead_variance = (
        _mean_and_variance(above - above[:, [0]])[1] + _mean_and_variance(below - below[:, [0]])[1]
    )
    half = z * np.sqrt(lead_variance)
    return value, low, high, lead - half, lead + half


def _bootstrap(
    clean: np.ndarray, mislabeled: np.ndarray, n_resamples: int, rng: np.random.Generator
) -> tuple[np.ndarray, ...]:
    # Drawn a sample a row, as `resamples` does not, so that bounds stay those of earlier versions.
    counts = [
        counted(rng.integers(0, max(n, 1), size=(n, n_resamples)).T)
        for n in (len(clean), len(mislabeled))
    ]
    n_criteria = clean.shape[1]
    value = np.full(n_criteria, np.nan)
    drawn = np.full((n_resamples, n_criteria), np.nan)  # (R, K)
    for k in range(n_criteria):
        seen = [~np.isnan(group[:, k]) for group in (clean, mislabeled)]
        if not (seen[0].any() and seen[1].any()):
            continue
        ranked = Ranked(clean[seen[0], k], mislabeled[seen[1], k])
        ones = [np.ones((1, part.sum()), dtype=np.int32) for part in seen]
        value[k] = ranked.measure(ones[0], ones[1], 1)[0, 0]
        taken = [of[:, part] for of, part in zip(counts, seen, strict=True)]
        drawn[:, k] = ranked.measure(taken[0], taken[1], 1)[:, 0]
    low, high = _quantiles(drawn)
    return value, low, high, *_quantiles(drawn - drawn[:, [0]])


def _quantiles(drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the lower and upper bound of each column, NaN for a column without any number."""
    low, high = np.full((2, drawn.shape[1]), np.nan)
    for k in range(drawn.shape[1]):
        known = drawn[~np.isnan(drawn[:, k]), k]
        if len(known):
            low[k], high[k] = np.quantile(known, (TAIL, 1.0 - TAIL))
    return low, high
