"""Margins of one forward pass and their annealing: Eqs. 4-9, 11 and 12 in numpy, the specification.

Shape letters: B samples, C classes. Everything is vectorised over samples. Half precision is
raised to float32, float64 stays. Ties: values do not depend on which of the tied classes is named;
`other_label` names the first.

Two classes have a largest other value but no next one, so TKUM does not exist there: `top_values`
then gives NaN for `topk`, `tkum` raises, and both slices keep their AUM term alone.

Values that are not finite, one rule: minus infinity rules a class out (a masked softmax), so
margins are taken over the other classes; two that are left are like a run of two classes. A NaN
counts as the largest value, as in numpy and torch. Where the given or the largest other value is
not finite, the margin is not, and TKUM and the slices are NaN: an average leaves such a row out.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from hmw_core.errors import UsageError

SMALLEST_LENGTH = 1e-12  # of a vector a cosine is taken of; as in torch's own normalize


@dataclass(frozen=True)
class HMSettings:
    """What decides an HM weight, checked here for all who use one.

    Raises
    ------
    UsageError
        If a value is out of range.

    Notes
    -----
    Source: HMW (AAAI-24), Eqs. 6, 8, 9 and 12.
    """

    alpha: float = 100.0
    """Steepness of the AUM term, >= 0 (Eq. 12)."""
    beta: float = 100.0
    """Steepness of the TKUM term, >= 0 (Eq. 12)."""
    k: int = 1
    """Classes that TKUM averages after the nearest other one, 1 to C - 2 (Eq. 6)."""
    annealing_start: int = 1
    """Index of the first epoch in Eq. 9: 1 in the paper, 0 in the authors' code."""

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        for name in ("alpha", "beta"):
            value = getattr(self, name)
            if not 0 <= value < np.inf:  # NaN fails, too
                raise UsageError(f"{name} must be 0 or more, got {value}")
        if self.k < 1:
            raise UsageError(f"k must be 1 or more, got {self.k}")
        if self.annealing_start not in (0, 1):
            raise UsageError(
                f"annealing_start must be 1 (paper) or 0 (code), got {self.annealing_start!r}"
            )

    def check(self, n_classes: int) -> None:
        """Raise UsageError if `k` does not fit the number of classes."""
        check_k(self.k, n_classes)


class TopValues(NamedTuple):
    """What every margin needs of one row of values; each field has shape (B,).

    `given` is the value of the given label, `other` the largest of the rest, `topk` the mean of
    the k largest after that, or of as many as are not ruled out (NaN where there is none, or where
    `given` or `other` is not finite), `other_label` the class of `other` (int64).
    """

    given: np.ndarray
    other: np.ndarray
    topk: np.ndarray
    other_label: np.ndarray


def check_k(k: int, n_classes: int) -> None:
    """Refuse a `k` that asks for more classes than there are beside the given and the nearest.

    Raises
    ------
    UsageError
        Unless ``1 <= k <= n_classes - 2``; with two classes only ``k = 1`` passes.
    """
    if n_classes < 2:
        raise UsageError(f"a margin needs at least 2 classes, got {n_classes}")
    largest = max(1, n_classes - 2)
    if not 1 <= k <= largest:
        raise UsageError(
            f"k is {k}, but with {n_classes} classes it must lie in 1..{largest} "
            "(the classes left beside the given and the largest other one)"
        )


def top_values(values: ArrayLike, given_label: ArrayLike, k: int = 1) -> TopValues:
    """Return the given, the largest other and the mean of the next `k` values of each row.

    Parameters
    ----------
    values : array of shape (B, C)
        Logits, cosines or negated distances: whatever is larger for a likelier class.
    given_label : array of shape (B,), int
        Class in ``0..C-1``.
    k : int
        How many values after the largest other one are averaged, ``1..C-2``.

    Raises
    ------
    UsageError
        If shapes do not fit, a label is out of range, or `k` is.
    """
    values = np.asarray(values)
    values = values.astype(np.result_type(values.dtype, np.float32), copy=False)
    given_label = np.asarray(given_label)
    if values.ndim != 2 or given_label.shape != values.shape[:1]:
        raise UsageError(
            f"values of shape {values.shape} and labels of shape {given_label.shape}; "
            "accepted are (B, C) and (B,)"
        )
    n_samples, n_classes = values.shape
    check_k(k, n_classes)
    if n_samples and not 0 <= given_label.min() <= given_label.max() < n_classes:
        raise UsageError(
            f"given labels run from {given_label.min()} to {given_label.max()}, "
            f"but there are {n_classes} classes: 0..{n_classes - 1}"
        )
    rows = np.arange(n_samples)
    by_class = values.T.copy()  # (C, B): what runs along the classes is several times as fast
    given = by_class[given_label, rows]
    by_class[given_label, rows] = -np.inf
    other_label = by_class.argmax(axis=0)
    # A row whose other classes are all -inf (masked classes) must still not name the given one.
    other_label = np.where(other_label == given_label, given_label == 0, other_label)
    other = by_class[other_label, rows]
    if n_classes == 2:
        return TopValues(given, other, np.full_like(other, np.nan), other_label)
    by_class[other_label, rows] = -np.inf  # what remains: the candidates for the next k
    if k == 1:
        topk = by_class.max(axis=0)
    else:
        by_class.partition(n_classes - k, axis=0)
        topk = mean_of_allowed(by_class[n_classes - k :])
    with np.errstate(invalid="ignore", over="ignore"):
        topk += 0 * (given + other + topk)  # NaN where one of them is not finite
    return TopValues(given, other, topk, other_label)


def mean_of_allowed(values: np.ndarray) -> np.ndarray:
    """Return the mean over the first axis of what is not infinite; where all are, NaN.

    The infinite ones are classes that were ruled out.
    """
    ruled_out = np.isinf(values)
    with np.errstate(invalid="ignore", over="ignore"):
        if not ruled_out.any():
            return values.mean(axis=0)
        count = (len(values) - ruled_out.sum(axis=0)).astype(values.dtype)
        return np.where(ruled_out, 0, values).sum(axis=0) / count


def margin(logits: ArrayLike, given_label: ArrayLike) -> np.ndarray:
    """Return the given logit minus the largest other one, shape (B,), in logits, any sign.

    High means the network agrees with the given label.

    Notes
    -----
    Source: HMW (AAAI-24), Eq. 5; its mean over epochs is the AUM of Pleiss et al. (2020).

    Examples
    --------
    >>> margin([[3.0, 1.0, 0.0], [3.0, 1.0, 0.0]], [0, 1])
    array([ 2., -2.])
    """
    top = top_values(logits, given_label)
    with np.errstate(invalid="ignore", over="ignore"):
        return top.given - top.other


def tkum(logits: ArrayLike, given_label: ArrayLike, k: int = 1) -> np.ndarray:
    """Return the largest other logit minus the mean of the next `k`, shape (B,), in logits, >= 0.

    High means one other class stands out, which the paper reads as a sign of a wrong label.

    Raises
    ------
    UsageError
        If there are only two classes, or `k` is not in ``1..C-2``.

    Notes
    -----
    Source: HMW (AAAI-24), Eq. 6.

    Examples
    --------
    >>> tkum([[3.0, 1.0, 0.5, 0.0]], [0], k=2)
    array([0.75])
    """
    top = top_values(logits, given_label, k)
    if np.shape(logits)[1] == 2:
        raise UsageError("TKUM needs at least 3 classes: with 2 there is no second other class")
    return top.other - top.topk


def iam_slice(
    logits: ArrayLike, given_label: ArrayLike, alpha: float, beta: float, k: int = 1
) -> np.ndarray:
    """Return ``alpha * margin - beta * tkum`` of one epoch, shape (B,), in logits, any sign.

    High means clean. With two classes it is ``alpha * margin``.

    Notes
    -----
    Source: HMW (AAAI-24), Eq. 4.
    """
    top = top_values(logits, given_label, k)
    under = np.where(np.isnan(top.topk), 0.0, top.other - top.topk).astype(top.other.dtype)
    with np.errstate(invalid="ignore", over="ignore"):
        return alpha * (top.given - top.other) - beta * under


def annealing_coefficient(epoch: ArrayLike, n_epochs: int, start: int = 1) -> np.ndarray:
    """Return ``exp(1 + cos(pi * j / T))``, in [1, e^2]: what a running sum multiplies a slice by.

    Parameters
    ----------
    epoch : int or array of int
        1-based epoch, ``1..n_epochs``.
    n_epochs : int
        The horizon T.
    start : {1, 0}
        Index j of the first epoch: 1 in the paper, 0 in the authors' code.

    Raises
    ------
    UsageError
        If an epoch lies outside ``1..n_epochs`` (the cosine would rise again) or `start` is
        neither 0 nor 1.

    Notes
    -----
    Source: HMW (AAAI-24), Eqs. 8 and 9 before the softmax divides by the sum.
    """
    if start not in (0, 1):
        raise UsageError(f"the annealing starts at 1 (paper) or 0 (code), got {start!r}")
    epoch = np.asarray(epoch)
    if epoch.size and not 1 <= epoch.min() <= epoch.max() <= n_epochs:
        raise UsageError(f"epoch {epoch} is outside 1..{n_epochs}, the horizon of the annealing")
    return np.exp(1 + np.cos(np.pi * (epoch - 1 + start) / n_epochs))


def annealing_weights(epoch: int, n_epochs: int, start: int = 1) -> np.ndarray:
    """Return the weights B of the epochs ``1..epoch``, shape (epoch,), falling, sum 1.

    Arguments as `annealing_coefficient`.

    Notes
    -----
    Source: HMW (AAAI-24), Eqs. 8 and 9.

    Examples
    --------
    >>> annealing_weights(4, 4).round(6)
    array([0.521492, 0.257131, 0.126783, 0.094593])
    """
    coefficient = annealing_coefficient(np.arange(1, epoch + 1), n_epochs, start)
    return coefficient / coefficient.sum()


def slice_of_distances(
    given_distance: ArrayLike,
    other_distance: ArrayLike,
    topk_distance: ArrayLike,
    alpha: float,
    beta: float,
) -> np.ndarray:
    """Return the hyperspherical slice from the three logged distances, any one shape.

    Where `topk_distance` is NaN (two classes) it is ``sigmoid(-alpha * M)`` without the factor
    1/2. Where M is not finite, the slice is NaN.

    Notes
    -----
    Source: HMW (AAAI-24), Eq. 12.
    """
    other_distance = np.asarray(other_distance)
    with np.errstate(invalid="ignore", over="ignore"):
        behind = np.asarray(given_distance) - other_distance
        nearness = alpha * np.where(np.isfinite(behind), behind, np.asarray(np.nan, behind.dtype))
        decay = np.exp(-np.abs(nearness))
        aum_term = np.where(nearness > 0, decay, 1) / (1 + decay)  # sigmoid(-nearness), no overflow
        tkum_term = np.exp(beta * (other_distance - np.asarray(topk_distance)))
    exact = np.where(np.isnan(tkum_term), aum_term, (aum_term + tkum_term) / 2)
    return np.maximum(exact, np.finfo(exact.dtype).tiny)  # underflow must not make it 0


def hyperspherical_slice(
    cosine: ArrayLike, given_label: ArrayLike, alpha: float, beta: float, k: int = 1
) -> np.ndarray:
    """Return the slice S_h of one epoch, shape (B,), in (0, 1]; high means clean.

    Parameters
    ----------
    cosine : array of shape (B, C)
        Cosine between a sample's features and each class vector, in [-1, 1] (Eq. 10).
    given_label : array of shape (B,), int
        Class in ``0..C-1``.
    alpha, beta : float
        Steepness of the AUM and of the TKUM term, >= 0.
    k : int
        How many distances after the nearest other one are averaged, ``1..C-2``.

    Notes
    -----
    Source: HMW (AAAI-24), Eqs. 11 and 12 (its Eq. 12 says (0, 1), but exp(0) = 1 is reached).
    Two classes: the AUM term alone, without the factor 1/2.
    """
    distance = cosine_distance(cosine)
    top = top_values(-distance, given_label, k)
    return slice_of_distances(-top.given, -top.other, -top.topk, alpha, beta)


def cosine_distance(cosine: ArrayLike) -> np.ndarray:
    """Return ``(1 - cosine) / 2``, same shape, in [0, 1]: 0 is the same direction.

    Notes
    -----
    Source: HMW (AAAI-24), Eq. 11.
    """
    cosine = np.asarray(cosine)
    return (1 - cosine.astype(np.result_type(cosine.dtype, np.float32), copy=False)) / 2
