"""Has a score two modes? Hartigan's dip test, and the deepest valley of a smoothed histogram.

Both look at numbers on one axis, and what is one mode on one axis may be two on another: say which.
"""

from typing import NamedTuple

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import isotonic_regression
from scipy.stats import binom

LEVEL = 0.05  # how often one mode may be taken for two; either test has half of it
N_SPLITS = 9  # of the held-out test
SHOWS = 0.3  # of the numbers say where the valley is; the others say whether it is there
FEWEST_VALUES = 50  # different ones; below, a score is steps, and every step looks like a mode
MOST_SHARED = 10  # samples to a value, on average; above it, too
CELLS = (1024, 65536)  # of the smoothed histogram: at least, at most
SMALLEST_SIDE = 0.01  # of the samples; a bump of fewer is an outlier, not a mode

# Quantiles of sqrt(n) times the dip of n uniform numbers: 50,000 draws at each n up to 1,000,
# 20,000 at 5,000 and 8,000 at 20,000. Of all distributions of one mode the uniform is the hardest
# to tell from one of two, so for any other one false alarms are rarer than the level.
P_VALUES = (1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.001)
SIZES = (50, 100, 200, 500, 1_000, 5_000, 20_000)
QUANTILES = np.array([
    [0.0, 0.3452, 0.4158, 0.4595, 0.4978, 0.5399, 0.5715, 0.6550],
    [0.0, 0.3548, 0.4273, 0.4726, 0.5119, 0.5575, 0.5899, 0.6798],
    [0.0, 0.3618, 0.4360, 0.4815, 0.5212, 0.5692, 0.6028, 0.7034],
    [0.0, 0.3679, 0.4431, 0.4905, 0.5316, 0.5811, 0.6125, 0.7068],
    [0.0, 0.3707, 0.4462, 0.4931, 0.5349, 0.5843, 0.6201, 0.7295],
    [0.0, 0.3757, 0.4512, 0.4991, 0.5427, 0.5928, 0.6305, 0.7290],
    [0.0, 0.3757, 0.4542, 0.4997, 0.5427, 0.5976, 0.6394, 0.7290],
])  # fmt: skip


class Valley(NamedTuple):
    """The lowest place between two modes, on the axis that was smoothed."""

    at: float
    left_mode: float
    right_mode: float
    depth: float
    """1 - density at the valley / density at the lower mode, in (0, 1]."""
    bandwidth: float


class Modes(NamedTuple):
    """What `modes` found, with the rule's verdict."""

    two: bool | None
    """Whether there are two modes; None where that cannot be told."""
    n: int
    n_different: int
    dip: float
    dip_p: float
    """In [0.001, 1]: the ends stand for all beyond."""
    valley_p: float
    valley: Valley | None


def modes(values: np.ndarray) -> Modes:
    """Return whether numbers have two modes, so that a cut between them means something.

    The rule: the smoothed histogram has a valley with at least `SMALLEST_SIDE` of the numbers on
    either side, and Hartigan's dip test or the test of the valley on held-out numbers rejects one
    mode at half of `LEVEL`, so that both together err as often as that at most. The dip is the
    better at two modes of like size, the valley at a small one. It cannot be told of fewer than
    `FEWEST_VALUES` different numbers, or of more than `MOST_SHARED` samples a number: a score
    that comes in steps has a mode at each.

    Parameters
    ----------
    values : ndarray of shape (N,), finite

    Notes
    -----
    How often the rule calls one mode two, in 1,000 draws of 1,437 numbers and 300 of 10,000 (as
    many as our digits and CIFAR-10N runs have): 3.1 and 3.3 % of uniform numbers; never of normal,
    exponential, gamma, lognormal and t numbers and of a mode with a shoulder. What it misses:
    of two normals 4 sd apart whose smaller one has a fifth of 1,437 numbers, 45 %; where it has a
    tenth, nearly all. So a warning says that no two modes were shown, not that there is one.

    The usual comparison instead, BIC of one Gaussian against two, prefers two in every one of 40
    draws of each of these shapes but the normal: it answers whether the shape is Gaussian, not how
    many modes it has. And every smoothed histogram of a heavy tail has some valley.
    """
    n, n_different = len(values), len(np.unique(values))
    if n_different < max(FEWEST_VALUES, n / MOST_SHARED):
        return Modes(None, n, n_different, np.nan, np.nan, np.nan, None)
    found = dip(values)
    lowest = valley(values)
    p_values = dip_p_value(found, n), valley_p_value(values)
    two = lowest is not None and min(p_values) < LEVEL / 2
    return Modes(two, n, n_different, found, *p_values, lowest)


def dip(values: np.ndarray) -> float:
    """Return how far a sample is from any distribution of one mode, in (0, 1/4].

    Parameters
    ----------
    values : ndarray of shape (N,)
        Finite, any order; ties may be.

    Returns
    -------
    float
        The largest distance between the empirical distribution function and the nearest one
        that is convex up to a mode and concave after it; at least 1 / (2 N).

    Notes
    -----
    Source: Hartigan and Hartigan (1985), "The dip test of unimodality", their algorithm. The
    greatest convex minorant is the isotonic regression of the slopes of the distribution function,
    weighted by the distances between neighbouring values.

    Examples
    --------
    >>> dip(np.array([0.0, 0.0, 1.0, 1.0]))
    0.25
    """
    x, counts = np.unique(values, return_counts=True)
    n = int(counts.sum())
    upper = np.cumsum(counts)  # n times the distribution function at x; before x: `lower`
    lower = upper - counts
    first, last, found = 0, len(x) - 1, 1.0
    while first < last:
        part = slice(first, last + 1)
        minorant = _convex_minorant(x[part], lower[part])
        majorant = -_convex_minorant(x[part], -upper[part])
        gap = majorant - minorant
        widest = float(gap.max())
        if widest <= found:
            break
        # The mode lies where the two are furthest apart: between the last corner of the minorant
        # at or before, and the first of the majorant at or after that place.
        place = int(gap.argmax())
        on_minorant = np.flatnonzero(np.isclose(minorant, lower[part], rtol=0, atol=1e-6))
        on_majorant = np.flatnonzero(np.isclose(majorant, upper[part], rtol=0, atol=1e-6))
        left = int(on_minorant[on_minorant <= place].max())
        right = int(on_majorant[on_majorant >= place].min())
        # A jump at either end may be the mode itself, where a jump is allowed.
        before = (upper[part] - minorant)[:left].max(initial=0.0)
        after = (majorant - lower[part])[right + 1 :].max(initial=0.0)
        found = max(found, float(before), float(after))
        if left == 0 and right == last - first:
            break
        first, last = first + left, first + right
    return found / (2 * n)


def dip_p_value(found: float, n: int) -> float:
    """Return how often n uniform numbers have a dip of `found` or more, in [0.001, 1].

    Interpolated in the table of this file, between sizes over log n; a dip beyond it counts as
    its end.
    """
    at = [np.interp(np.log(n), np.log(SIZES), column) for column in QUANTILES.T]
    return float(np.exp(np.interp(found * np.sqrt(n), at, np.log(P_VALUES))))


def bandwidth(values: np.ndarray) -> float:
    """Return Silverman's rule of thumb: 0.9 min(sd, IQR / 1.34) n^(-1/5).

    Source: Silverman (1986), Eq. 3.31. Where the middle half is one value, the sd alone.
    """
    spread = float(np.std(values))
    quartiles = np.percentile(values, (25, 75))
    between = float(quartiles[1] - quartiles[0]) / 1.34
    return 0.9 * (min(spread, between) if between > 0 else spread) * len(values) ** -0.2


def density(values: np.ndarray, width: float) -> tuple[np.ndarray, np.ndarray]:
    """Return places on the axis and the Gaussian kernel density there, which sums to one."""
    low, high = values.min() - 3 * width, values.max() + 3 * width
    n_cells = int(np.clip((high - low) / width * 8, *CELLS))
    counts, edges = np.histogram(values, n_cells, (low, high))
    cell = edges[1] - edges[0]
    smooth = gaussian_filter1d(counts.astype(np.float64), width / cell, mode="constant")
    return (edges[:-1] + edges[1:]) / 2, smooth / (len(values) * cell)


def valley(values: np.ndarray) -> Valley | None:
    """Return the deepest valley of the smoothed histogram, None where it has none.

    Deepest is the place of the largest difference between the density there and the lower of the
    highest modes on both sides, among the places with at least `SMALLEST_SIDE` of the numbers on
    either side; a valley less than a hundredth below its lower mode is a ripple and none.
    """
    width = bandwidth(values)
    if not width > 0:
        return None
    x, height = density(values, width)
    left = np.maximum.accumulate(height)
    right = np.maximum.accumulate(height[::-1])[::-1]
    below = np.minimum(left, right) - height
    ordered = np.sort(values)
    share = np.searchsorted(ordered, x) / len(ordered)
    below[(share < SMALLEST_SIDE) | (share > 1 - SMALLEST_SIDE)] = 0.0
    deepest = below.max()
    lowest = np.flatnonzero(below >= deepest - 1e-12 * height.max())
    place = int(lowest[len(lowest) // 2])  # the middle of a gap without any number
    lower_mode = min(left[place], right[place])
    if deepest < 0.01 * lower_mode:
        return None
    return Valley(
        at=float(x[place]),
        left_mode=float(x[: place + 1][height[: place + 1].argmax()]),
        right_mode=float(x[place:][height[place:].argmax()]),
        depth=float(deepest / lower_mode),
        bandwidth=width,
    )


def valley_p_value(values: np.ndarray) -> float:
    """Return the p-value of a valley that some of the numbers show and the others confirm.

    A share `SHOWS` says where the valley and the two modes are, the rest how many numbers lie in
    windows of one width around these three: under any density of one mode the window in the
    middle has no smaller chance than the lesser of the two others, wherever the three are. The
    p-value is that of the sign test of the middle against each mode, the larger of both; where the
    first numbers have no valley, 1.

    Notes
    -----
    Source: the sign test on held-out data; over `N_SPLITS` seeded splits twice the median,
    which is a p-value whatever they have in common (Meinshausen, Meier and Bühlmann, 2009).
    """
    rng = np.random.default_rng(0)
    found = []
    for _ in range(N_SPLITS):
        shuffled = rng.permutation(values)
        first = round(SHOWS * len(values))
        shown = valley(shuffled[:first])
        if shown is None:
            found.append(1.0)
            continue
        held_out = np.sort(shuffled[first:])
        half = min(shown.at - shown.left_mode, shown.right_mode - shown.at) / 3
        middle, *modes_ = (
            int(np.diff(np.searchsorted(held_out, (at - half, at + half)))[0])
            for at in (shown.at, shown.left_mode, shown.right_mode)
        )
        found.append(max(float(binom.sf(k - 1, k + middle, 0.5)) for k in modes_))
    return min(1.0, 2 * float(np.median(found)))


def _convex_minorant(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return at `x`, strictly ascending, the greatest convex function below the points."""
    width = np.diff(x)
    slopes = isotonic_regression(np.diff(y) / width, weights=width).x
    return y[0] + np.concatenate(([0.0], np.cumsum(slopes * width)))
