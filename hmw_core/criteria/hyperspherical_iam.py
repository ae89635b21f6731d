"""Integrated Area Margin of the cosine distances, annealed, without Eq. 12's squashing.

Source: HMW (AAAI-24), Eq. 4 on the distances of Eq. 11 with alpha = beta = 1, Eqs. 7-9.
"""

from hmw_core.criteria.criterion import Criterion, hyperspherical_iam_value

HYPERSPHERICAL_IAM = Criterion(
    title="Hyperspherical IAM",
    reads=("given_distance", "other_distance", "topk_distance"),
    slice=hyperspherical_iam_value,
    over="annealed",
    unit="cosine distance",
    family="hyperspherical",
    higher_means="clean",
    source="HMW (AAAI-24), Eq. 4 on the distances of Eq. 11 with alpha = beta = 1, Eqs. 7-9",
)
