"""TKUM, IAM and their hyperspherical forms with k = 3 and 5, from all logits and cosines.

The log's own columns hold the k that the run was made with (1 unless it says otherwise); these
read `outputs/`, whose float16 keeps three digits.

Source: HMW (AAAI-24), Eqs. 4, 6, 11 and 12, with the k of Eq. 6.
"""

from collections.abc import Callable

import numpy as np

from hmw_core.criteria.criterion import Criterion
from hmw_core.log.reader import RunReader
from hmw_core.margins import slice_of_distances


def too_few_classes(k: int) -> Callable[[RunReader], str | None]:
    """Return what says whether a run has the k + 2 classes that a k needs."""

    def lacks(run: RunReader) -> str | None:
        if run.n_classes >= k + 2:
            return None
        return f"k = {k} needs {k + 2} classes, and it has {run.n_classes}"

    return lacks


def tkum_of(k: int) -> Criterion:
    """Return TKUM with this k, 1 to 5."""
    return Criterion(
        title=f"TKUM, k = {k}",
        reads=("other_logits",),
        slice=lambda signals: _under(signals["other_logits"], k),
        over="mean",
        unit="logit",
        family="margin",
        higher_means="mislabeled",
        source=f"HMW (AAAI-24), Eq. 6 with k = {k}, averaged over epochs as AUM is",
        lacks=too_few_classes(k),
    )


def iam_of(k: int) -> Criterion:
    """Return IAM with this k, 1 to 5."""
    return Criterion(
        title=f"IAM, k = {k}",
        reads=("given_logit", "other_logit", "other_logits"),
        slice=lambda s: s["given_logit"] - s["other_logit"] - _under(s["other_logits"], k),
        over="annealed",
        unit="logit",
        family="margin",
        higher_means="clean",
        source=f"HMW (AAAI-24), Eqs. 4-9 with alpha = beta = 1 and k = {k}",
        lacks=too_few_classes(k),
    )


def hyperspherical_tkum_of(k: int) -> Criterion:
    """Return TKUM on the distances with this k, 1 to 5; never positive."""
    return Criterion(
        title=f"Hyperspherical TKUM, k = {k}",
        reads=("other_distances",),
        slice=lambda signals: _under(signals["other_distances"], k),
        over="mean",
        unit="cosine distance",
        family="hyperspherical",
        higher_means="clean",
        source=f"HMW (AAAI-24), Eq. 6 with k = {k} on the distances of Eq. 11",
        lacks=too_few_classes(k),
    )


def hyperspherical_iam_of(k: int) -> Criterion:
    """Return IAM on the distances with this k, 1 to 5, without Eq. 12's squashing."""
    return Criterion(
        title=f"Hyperspherical IAM, k = {k}",
        reads=("given_distance", "other_distance", "other_distances"),
        slice=lambda s: s["other_distance"] - s["given_distance"] + _under(s["other_distances"], k),
        over="annealed",
        unit="cosine distance",
        family="hyperspherical",
        higher_means="clean",
        source=f"HMW (AAAI-24), Eq. 4 with k = {k} on the distances of Eq. 11, annealed",
        lacks=too_few_classes(k),
    )


def hm_weight_of(alpha: float, beta: float, k: int) -> Criterion:
    """Return the HM weight for any alpha, beta >= 0 and k, 1 to 5, from the logged cosines."""
    return Criterion(
        title=f"HM weight, {_settings(alpha, beta)}, k = {k}",
        reads=("given_distance", "other_distances"),
        slice=lambda s: _hm_slice(s["given_distance"], s["other_distances"], alpha, beta, k),
        over="annealed",
        unit="1",
        family="hyperspherical",
        higher_means="clean",
        source=f"HMW (AAAI-24), Eqs. 7-13 with alpha = {alpha:g}, beta = {beta:g}, k = {k}",
        lacks=too_few_classes(k),
    )


def _under(others: np.ndarray, k: int) -> np.ndarray:
    """Return the first of sorted values minus the mean of the next k, shape (N,)."""
    return others[:, 0] - others[:, 1 : 1 + k].mean(axis=1)


def _hm_slice(
    given: np.ndarray, others: np.ndarray, alpha: float, beta: float, k: int
) -> np.ndarray:
    return slice_of_distances(given, others[:, 0], others[:, 1 : 1 + k].mean(axis=1), alpha, beta)


def _settings(alpha: float, beta: float) -> str:
    return f"scale {alpha:g}" if alpha == beta else f"alpha {alpha:g}, beta {beta:g}"
