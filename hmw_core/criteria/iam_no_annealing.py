"""Integrated Area Margin with every epoch counting the same.

Source: HMW (AAAI-24), Eq. 4, averaged over epochs instead of Eqs. 7-9.
"""

from hmw_core.criteria.criterion import Criterion, iam_value

IAM_NO_ANNEALING = Criterion(
    title="IAM, no annealing",
    reads=("given_logit", "other_logit", "topk_logit"),
    slice=iam_value,
    over="mean",
    unit="logit",
    family="margin",
    higher_means="clean",
    source="HMW (AAAI-24), Eq. 4, averaged over epochs instead of Eqs. 7-9",
)
