"""One pass over a batch's rows for loss, gradient, cosines and HM weight: Eqs. 1, 7 and 10-13.

On a CPU the thirty small operations of such a step cost several times their arithmetic, because
each finds the caches full of the network. Compiled by numba at the first call on a machine, which
takes seconds, and kept beside this file. `hmw_core.margins` is the specification; the torch
modules in `losses` and `weighting` compute the same for every option and device, and parity tests
tie the three.

Shape letters: B samples of a batch, C classes, D features, N samples of the training set.
"""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from hmw_core.margins import SMALLEST_LENGTH

SHORTEST = np.float32(SMALLEST_LENGTH)
TINY = np.finfo(np.float32).tiny
ZERO, ONE, HALF = np.float32(0), np.float32(1), np.float32(0.5)
LARGEST_K = 8  # the nearest classes are kept sorted by insertion

UNIFORM, WARM_UP, WEIGHTED = 0, 1, 2
"""What the weights are: 1; 1 while slices are already recorded; the HM weight."""


def _compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    # Sums may be reordered, so that they run in vector registers; NaN and infinity keep theirs.
    options: dict[str, Any] = {"fastmath": {"reassoc", "contract", "nsz"}, "error_model": "numpy"}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # no folder to keep it in: compiled anew in each process
        return numba.njit(**options)(function)


@_compiled
def _length(vector):
    total = ZERO
    for d in range(len(vector)):
        total += vector[d] * vector[d]
    return max(np.sqrt(total), SHORTEST)


@_compiled
def _dot(one, other):
    total = ZERO
    for d in range(len(one)):
        total += one[d] * other[d]
    return total


@_compiled
def _slice(cosine, given_label, alpha, beta, nearest):
    """Return Eq. 12 of one row; `nearest` (k + 1,) is room for the largest other cosines."""
    nearest[:] = -np.inf
    last = len(nearest) - 1
    for c in range(len(cosine)):
        value = cosine[c]
        if c == given_label or value <= nearest[last]:
            continue
        place = last
        while place > 0 and (nearest[place - 1] < value or np.isnan(value)):  # NaN is the largest
            nearest[place] = nearest[place - 1]
            place -= 1
        nearest[place] = value
    other = nearest[0]
    topk = nearest[1:].mean()
    aum_term = ONE / (ONE + np.exp(HALF * alpha * (other - cosine[given_label])))
    tkum_term = np.exp(HALF * beta * (topk - other))
    return max(HALF * (aum_term + tkum_term), TINY)


@_compiled
def _cross_entropy(logits, given_label, gradient):
    """Return the cross entropy of one row, and put its gradient into `gradient` (C,).

    The given class is taken against the sum of the others: exact where the sum of all rounds to
    the given one, as for a memorised sample.
    """
    largest = np.float32(-np.inf)
    for c in range(len(logits)):
        if c != given_label and not logits[c] <= largest:
            largest = logits[c]
    others = ZERO
    for c in range(len(logits)):
        gradient[c] = ZERO if c == given_label else np.exp(logits[c] - largest)
        others += gradient[c]
    ahead = np.log(others) + largest - logits[given_label]
    prob_of_others = ONE / (ONE + np.exp(-ahead))
    for c in range(len(logits)):
        gradient[c] *= prob_of_others / others
    gradient[given_label] = -prob_of_others
    return max(ahead, ZERO) + np.log1p(np.exp(-abs(ahead)))


@_compiled
def weighted_cross_entropy(
    logits,
    features,
    class_vectors,
    given_label,
    sample_id,
    normalize,
    weighting,
    slice_sum,
    coefficient_sum,
    coefficient,
    alpha,
    beta,
    k,
):
    """Return loss (B,), gradient (B, C), cosine (B, C) and weight (B,) of a batch, all float32.

    Parameters
    ----------
    logits, features, class_vectors : float32 arrays of shape (B, C), (B, D), (C, D)
    given_label, sample_id : int64 arrays of shape (B,)
        In ``0..C-1`` and ``0..N-1``; this is not checked.
    normalize : bool
        Whether the loss takes each row of logits divided by its length.
    weighting : int
        `UNIFORM`, `WARM_UP` or `WEIGHTED`.
    slice_sum, coefficient_sum : float32 arrays of shape (N,)
        The running sums of `HMWeighting`; updated unless `UNIFORM`.
    coefficient, alpha, beta : float
        Eq. 9 of this epoch, and the steepness of Eq. 12's terms.
    k : int
        As `HMWeighting`'s, 1 to `LARGEST_K`.

    Returns
    -------
    loss
        Unweighted cross entropy, nat.
    gradient
        Of mean(weight x loss) with respect to `logits`.
    cosine
        Eq. 10.
    weight
        Eqs. 7 and 13, or 1.
    """
    n_rows, n_classes = logits.shape
    coefficient = np.float32(coefficient)
    alpha, beta = np.float32(alpha), np.float32(beta)
    loss = np.empty(n_rows, np.float32)
    gradient = np.empty((n_rows, n_classes), np.float32)
    cosine = np.empty((n_rows, n_classes), np.float32)
    weight = np.ones(n_rows, np.float32)
    lengths = np.empty(n_classes, np.float32)
    for c in range(n_classes):
        lengths[c] = _length(class_vectors[c])
    nearest = np.empty(k + 1, np.float32)
    for i in range(n_rows):
        length = _length(features[i])
        for c in range(n_classes):
            cosine[i, c] = _dot(features[i], class_vectors[c]) / length / lengths[c]
        if weighting != UNIFORM:
            slice_now = _slice(cosine[i], given_label[i], alpha, beta, nearest)
            slice_sum[sample_id[i]] += coefficient * slice_now
            coefficient_sum[sample_id[i]] += coefficient
    if weighting == WEIGHTED:  # a sample may be in the batch twice: all slices come first
        for i in range(n_rows):
            weight[i] = slice_sum[sample_id[i]] / coefficient_sum[sample_id[i]]
    values = np.empty(n_classes, np.float32)
    for i in range(n_rows):
        factor = weight[i] / np.float32(n_rows)
        if normalize:
            length = _length(logits[i])
            for c in range(n_classes):
                values[c] = logits[i, c] / length
            loss[i] = _cross_entropy(values, given_label[i], gradient[i])
            along = _dot(values, gradient[i])  # what points along the row changes nothing
            for c in range(n_classes):
                gradient[i, c] = factor * (gradient[i, c] - along * values[c]) / length
        else:
            loss[i] = _cross_entropy(logits[i], given_label[i], gradient[i])
            for c in range(n_classes):
                gradient[i, c] *= factor
    return loss, gradient, cosine, weight
