"""Margins of the cosine distances of Eq. 11, and the HM weight; with another k from `outputs/`."""

from dataclasses import replace

import numpy as np

from hmw_core.criteria.criterion import Criterion, Signals, too_few_classes
from hmw_core.criteria.epoch_signals import mean_of_next, or_zero, under
from hmw_core.margins import slice_of_distances


def iam_value(signals: Signals) -> np.ndarray:
    """Return Eq. 4's slice on the distances of Eq. 11, alpha = beta = 1, at the run's own k.

    Source: HMW (AAAI-24), Eqs. 4 and 11, without Eq. 12's squashing; two classes as for logits.
    """
    standing_out = signals["other_distance"] - signals["topk_distance"]
    margin = signals["other_distance"] - signals["given_distance"]
    return margin + or_zero(standing_out)


HYPERSPHERICAL_AUM = Criterion(
    title="Hyperspherical AUM",
    reads=("given_distance", "other_distance"),
    slice=lambda signals: signals["given_distance"] - signals["other_distance"],
    over="mean",
    unit="cosine distance",
    family="hyperspherical",
    higher_means="mislabeled",
    source="HMW (AAAI-24), Eq. 5 on the distances of Eq. 11",
)
# Never positive, and far below 0 where one other class is much nearer than the rest.
HYPERSPHERICAL_TKUM = Criterion(
    title="Hyperspherical TKUM",
    reads=("other_distance", "topk_distance"),
    slice=lambda signals: signals["other_distance"] - signals["topk_distance"],
    over="mean",
    unit="cosine distance",
    family="hyperspherical",
    higher_means="clean",
    source="HMW (AAAI-24), Eq. 6 on the distances of Eq. 11",
    lacks=too_few_classes(1),
)
HYPERSPHERICAL_IAM = Criterion(
    title="Hyperspherical IAM",
    reads=("given_distance", "other_distance", "topk_distance"),
    slice=iam_value,
    over="annealed",
    unit="cosine distance",
    family="hyperspherical",
    higher_means="clean",
    source="HMW (AAAI-24), Eq. 4 on the distances of Eq. 11 with alpha = beta = 1, Eqs. 7-9",
)
# Known whether or not the training used it.
HM_WEIGHT = Criterion(
    title="HM weight",
    reads=("hm_weight",),
    slice=lambda signals: signals["hm_weight"],
    unit="1",
    family="hyperspherical",
    higher_means="clean",
    source="HMW (AAAI-24), Eqs. 7-13: gamma, which already sums the epochs up to the last",
)


def hyperspherical_tkum_of(k: int) -> Criterion:
    """Return TKUM on the distances with this k, 1 to 5; never positive."""
    return replace(
        HYPERSPHERICAL_TKUM,
        title=f"Hyperspherical TKUM, k = {k}",
        reads=("other_distances",),
        slice=lambda signals: under(signals["other_distances"], k),
        source=f"HMW (AAAI-24), Eq. 6 with k = {k} on the distances of Eq. 11",
        lacks=too_few_classes(k),
    )


def hyperspherical_iam_of(k: int) -> Criterion:
    """Return IAM on the distances with this k, 1 to 5, without Eq. 12's squashing."""
    return replace(
        HYPERSPHERICAL_IAM,
        title=f"Hyperspherical IAM, k = {k}",
        reads=("given_distance", "other_distance", "other_distances"),
        slice=lambda s: (
            s["other_distance"] - s["given_distance"] + or_zero(under(s["other_distances"], k))
        ),
        source=f"HMW (AAAI-24), Eq. 4 with k = {k} on the distances of Eq. 11, annealed",
        lacks=too_few_classes(k),
    )


def hm_weight_of(alpha: float, beta: float, k: int) -> Criterion:
    """Return the HM weight for any alpha, beta >= 0 and k, 1 to 5, from the logged cosines."""
    scales = f"scale {alpha:g}" if alpha == beta else f"alpha {alpha:g}, beta {beta:g}"

    def hm_slice(signals: Signals) -> np.ndarray:
        given, others = signals["given_distance"], signals["other_distances"]
        return slice_of_distances(given, others[:, 0], mean_of_next(others, k), alpha, beta)

    return replace(
        HM_WEIGHT,
        title=f"HM weight, {scales}, k = {k}",
        reads=("given_distance", "other_distances"),
        slice=hm_slice,
        over="annealed",
        source=f"HMW (AAAI-24), Eqs. 7-13 with alpha = {alpha:g}, beta = {beta:g}, k = {k}",
        lacks=too_few_classes(k),
    )
