"""Probability of the given label, averaged over the epochs.

Source: Swayamdipta et al. (EMNLP 2020), dataset cartography: confidence.
"""

from hmw_core.criteria.criterion import Criterion

CONFIDENCE = Criterion(
    title="Mean confidence",
    reads=("confidence",),
    slice=lambda signals: signals["confidence"],
    over="mean",
    unit="probability",
    family="dynamics",
    higher_means="clean",
    source="Swayamdipta et al. (EMNLP 2020), dataset cartography: confidence",
)
