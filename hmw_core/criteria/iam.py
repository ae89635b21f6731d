"""Integrated Area Margin of the logits, cosine-annealed.

Source: HMW (AAAI-24), Eqs. 4-9 with alpha = beta = 1.
"""

from hmw_core.criteria.criterion import Criterion, iam_value

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
