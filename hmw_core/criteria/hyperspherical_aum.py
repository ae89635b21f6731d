"""Mean difference of the cosine distances to the given and the nearest other class.

Source: HMW (AAAI-24), Eq. 5 on the distances of Eq. 11.
"""

from hmw_core.criteria.criterion import Criterion

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
