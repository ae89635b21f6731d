"""Margins of the logits: AUM, TKUM and IAM, with and without annealing, and with another k.

The log's own columns hold the k that the run was made with (1 unless it says otherwise). The
forms with k = 3 and 5 read `outputs/`, whose float16 keeps three digits.
"""

from dataclasses import replace

import numpy as np

from hmw_core.criteria.criterion import Criterion, Signals, too_few_classes
from hmw_core.criteria.epoch_signals import or_zero, under


def margin(signals: Signals) -> np.ndarray:
    """Return Eq. 5's slice, the given less the largest other logit, shape (N,)."""
    return signals["given_logit"] - signals["other_logit"]


def iam_value(signals: Signals) -> np.ndarray:
    """Return Eq. 4's slice with alpha = beta = 1, in logits: only their ratio moves a ranking.

    With two classes TKUM does not exist (`topk_logit` is NaN) and the margin stands alone.

    Source: HMW (AAAI-24), Eq. 4.
    """
    under = signals["other_logit"] - signals["topk_logit"]
    return margin(signals) - or_zero(under)


AUM = Criterion(
    title="AUM",
    reads=("given_logit", "other_logit"),
    slice=margin,
    over="mean",
    unit="logit",
    family="margin",
    higher_means="clean",
    source="Pleiss et al. (NeurIPS 2020), Eq. 1; the slice is HMW (AAAI-24), Eq. 5",
)
# The paper's Table 4, AUM + CA, on logits.
AUM_ANNEALED = replace(
    AUM, title="AUM, annealed", over="annealed", source="HMW (AAAI-24), Eq. 5 under Eqs. 7-9"
)
AUM_OF_PROBABILITIES = Criterion(
    title="AUM of probabilities",
    reads=("entropy", "other_probability"),
    slice=lambda signals: np.exp(-signals["entropy"]) - signals["other_probability"],
    over="mean",
    unit="probability",
    family="margin",
    higher_means="clean",
    source="Pleiss et al. (NeurIPS 2020), Eq. 1, on the softmax in place of the logits",
)
TKUM = Criterion(
    title="TKUM",
    reads=("other_logit", "topk_logit"),
    slice=lambda signals: signals["other_logit"] - signals["topk_logit"],
    over="mean",
    unit="logit",
    family="margin",
    higher_means="mislabeled",
    source="HMW (AAAI-24), Eq. 6, averaged over epochs as AUM is",
    lacks=too_few_classes(1),
)
IAM = Criterion(
    title="IAM",
    reads=("given_logit", "other_logit", "topk_logit"),
    slice=iam_value,
    over="annealed",
    unit="logit",
    family="margin",
    higher_means="clean",
    source="HMW (AAAI-24), Eqs. 4-9 with alpha = beta = 1",
)
IAM_NO_ANNEALING = replace(
    IAM,
    title="IAM, no annealing",
    over="mean",
    source="HMW (AAAI-24), Eq. 4, averaged over epochs instead of Eqs. 7-9",
)


def tkum_of(k: int) -> Criterion:
    """Return TKUM with this k, 1 to 5."""
    return replace(
        TKUM,
        title=f"TKUM, k = {k}",
        reads=("other_logits",),
        slice=lambda signals: under(signals["other_logits"], k),
        source=f"HMW (AAAI-24), Eq. 6 with k = {k}, averaged over epochs as AUM is",
        lacks=too_few_classes(k),
    )


def iam_of(k: int) -> Criterion:
    """Return IAM with this k, 1 to 5."""
    return replace(
        IAM,
        title=f"IAM, k = {k}",
        reads=("given_logit", "other_logit", "other_logits"),
        slice=lambda signals: margin(signals) - or_zero(under(signals["other_logits"], k)),
        source=f"HMW (AAAI-24), Eqs. 4-9 with alpha = beta = 1 and k = {k}",
        lacks=too_few_classes(k),
    )
