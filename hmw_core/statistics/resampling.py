"""Measures of rankings on resamples: a stratified, paired bootstrap of the samples.

Shape letters: N clean and M mislabeled samples, K criteria, R resamples.

A resample draws N clean and M mislabeled samples with replacement, each from their own, and all
criteria and measures see the same resamples, so that differences pair. It is kept as how often it
holds each sample: each criterion is then sorted once, and a resample costs two cumulative sums.

Source: Efron and Tibshirani (1993), stratified and paired bootstrap, percentile intervals.
"""

import math

import numpy as np

LEVEL = 0.95
TAIL = (1.0 - LEVEL) / 2.0
DRAWN = ("auroc", "average_precision", "hits")
"""What is computed of each resample; `hits`, the mislabeled samples among those flagged, gives
precision and recall, which rank criteria alike since budget and M are the same for all."""
CELLS = 200_000  # of resamples x samples held at once: what fits the processor's cache


def measure_resamples(
    clean: np.ndarray,
    mislabeled: np.ndarray,
    n_flagged: int,
    n_resamples: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Return what `DRAWN` names, of the samples and of each resample of them.

    Parameters
    ----------
    clean : ndarray of shape (N, K), float
        Suspicion of the clean samples (higher: more suspicious), without NaN.
    mislabeled : ndarray of shape (M, K), float
        The same of the mislabeled samples.
    n_flagged : int
        The budget: how many samples are flagged, 1 to N + M, in the samples and every resample.
    n_resamples : int
    rng : Generator

    Returns
    -------
    values : ndarray of shape (K, 3)
    drawn : ndarray of shape (R, K, 3)
        NaN throughout without a clean or a mislabeled sample.

    Notes
    -----
    Memory is O(R K + (N + M) K). Samples of equal score are flagged together, and share the places
    of a budget that cuts through them.
    """
    n_clean, n_criteria = clean.shape
    n_mislabeled = len(mislabeled)
    values = np.full((n_criteria, len(DRAWN)), np.nan)
    drawn = np.full((n_resamples, n_criteria, len(DRAWN)), np.nan)
    if not n_clean or not n_mislabeled:
        return values, drawn
    sorted_once = [Ranked(clean[:, k], mislabeled[:, k]) for k in range(n_criteria)]
    once = tuple(np.ones((1, n), dtype=np.int32) for n in (n_clean, n_mislabeled))
    for k, ranked in enumerate(sorted_once):
        values[k] = ranked.measure(once[0], once[1], n_flagged)[0]
    at_once = max(1, CELLS // (n_clean + n_mislabeled))
    for first in range(0, n_resamples, at_once):
        n = min(at_once, n_resamples - first)
        counts = [resamples(size, n, rng) for size in (n_clean, n_mislabeled)]
        for k, ranked in enumerate(sorted_once):
            drawn[first : first + n, k] = ranked.measure(counts[0], counts[1], n_flagged)
    return values, drawn


class Ranked:
    """The order of one criterion, most suspicious first, by which resamples are counted."""

    def __init__(self, clean: np.ndarray, mislabeled: np.ndarray) -> None:
        self.clean_order = np.argsort(-clean, kind="stable")
        self.order = np.argsort(-mislabeled, kind="stable")
        ranked, wrong = -clean[self.clean_order], -mislabeled[self.order]
        self.above = np.searchsorted(ranked, wrong, "left")  # clean samples above each mislabeled
        self.down_to = np.searchsorted(ranked, wrong, "right")  # and those level with it, too
        self.last_tied = np.searchsorted(wrong, wrong, "right") - 1
        self.first_tied = np.searchsorted(wrong, wrong, "left")
        self.has_ties = bool(
            (self.above != self.down_to).any() or (self.first_tied != self.last_tied).any()
        )

    def measure(self, clean: np.ndarray, mislabeled: np.ndarray, n_flagged: int) -> np.ndarray:
        """Return `DRAWN` from how often each resample has each sample: (R, N), (R, M) to (R, 3)."""
        n_resamples = len(clean)
        n_clean, n_mislabeled = clean.sum(axis=1), mislabeled.sum(axis=1)
        wrong = np.zeros((n_resamples, clean.shape[1] + 1), dtype=np.int32)
        np.cumsum(np.take(clean, self.clean_order, axis=1), axis=1, out=wrong[:, 1:])
        weight = np.take(mislabeled, self.order, axis=1)
        right = np.cumsum(weight, axis=1, dtype=np.int32)
        down_to = np.take(wrong, self.down_to, axis=1)
        if self.has_ties:
            above = np.take(wrong, self.above, axis=1)
            level = np.take(right, self.last_tied, axis=1)
        else:
            above, level = down_to, right
        as_float = weight.astype(np.float64)
        missed = np.einsum("rm,rm->r", as_float, down_to)
        if self.has_ties:
            missed = (missed + np.einsum("rm,rm->r", as_float, above)) / 2.0
        flagged = level + down_to  # when all down to this mislabeled sample are
        precision = level / np.maximum(flagged, 1)
        measured = np.empty((n_resamples, len(DRAWN)))
        with np.errstate(invalid="ignore"):  # a resample without one of the groups: NaN
            measured[:, 0] = 1.0 - missed / (n_mislabeled * n_clean)
            measured[:, 1] = np.einsum("rm,rm->r", as_float, precision) / n_mislabeled
        measured[:, 2] = self._hits(right, level, above, flagged, n_flagged)
        return measured

    def _hits(
        self,
        right: np.ndarray,
        level: np.ndarray,
        above: np.ndarray,
        flagged: np.ndarray,
        n_flagged: int,
    ) -> np.ndarray:
        """Return the mislabeled samples among the `n_flagged`, expected where ties are cut."""
        rows = np.arange(len(right))
        whole = np.sum(flagged <= n_flagged, axis=1)  # as `flagged` never falls
        hits = np.where(whole > 0, level[rows, whole - 1], 0).astype(np.float64)
        cut = np.minimum(whole, right.shape[1] - 1)  # the first that the budget does not reach
        before = above[rows, cut] + np.where(whole > 0, level[rows, whole - 1], 0)
        places = np.clip(n_flagged - before, 0, None)
        tied = flagged[rows, cut] - before
        wrong_of_tied = level[rows, cut] - hits
        share = np.divide(places, tied, out=np.zeros(len(rows)), where=tied > 0)
        return hits + np.where(whole < right.shape[1], np.minimum(share, 1.0) * wrong_of_tied, 0.0)


def resamples(n: int, n_resamples: int, rng: np.random.Generator) -> np.ndarray:
    """Return how often each of n samples is in each resample of n, shape (R, n), int32."""
    return counted(rng.integers(0, n, size=(n_resamples, n)))


def counted(drawn: np.ndarray) -> np.ndarray:
    """Return how often each row of drawn places, (R, n) in 0..n-1, has each of them, int32."""
    n_resamples, n = drawn.shape
    cells = (drawn + n * np.arange(n_resamples)[:, None]).ravel()
    return np.bincount(cells, minlength=n * n_resamples).reshape(n_resamples, n).astype(np.int32)


def percentiles(drawn: np.ndarray) -> tuple[float, float]:
    """Return the bounds of the 95 % interval, NaN without a resample."""
    if not len(drawn) or np.isnan(drawn).any():
        return math.nan, math.nan
    low, high = np.quantile(drawn, (TAIL, 1.0 - TAIL))
    return float(low), float(high)
