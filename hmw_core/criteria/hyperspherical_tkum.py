"""Mean difference of the cosine distances to the nearest other classes.

Source: HMW (AAAI-24), Eq. 6 on the distances of Eq. 11: never positive, and far below 0 where one
other class stands out.
"""

from hmw_core.criteria.criterion import Criterion

HYPERSPHERICAL_TKUM = Criterion(
    title="Hyperspherical TKUM",
    reads=("other_distance", "topk_distance"),
    slice=lambda signals: signals["other_distance"] - signals["topk_distance"],
    over="mean",
    unit="cosine distance",
    family="hyperspherical",
    higher_means="clean",
    source="HMW (AAAI-24), Eq. 6 on the distances of Eq. 11",
)
