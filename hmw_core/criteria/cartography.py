"""Dataset cartography beside its confidence: correctness and variability.

Source: Swayamdipta et al. (EMNLP 2020), section 2.
"""

from hmw_core.criteria.criterion import Criterion

CORRECTNESS = Criterion(
    title="Correctness",
    reads=("is_fitted",),
    slice=lambda signals: signals["is_fitted"],
    over="mean",
    unit="fraction of epochs",
    family="dynamics",
    higher_means="clean",
    source="Swayamdipta et al. (EMNLP 2020): share of epochs that predict the given label",
)

# Not a matter of more or less: a sample that is never fitted varies as little as one that always
# is. Where wrong labels end up fitted, they vary most, which is what the direction stands for.
VARIABILITY = Criterion(
    title="Variability",
    reads=("confidence",),
    slice=lambda signals: signals["confidence"],
    over="deviation",
    unit="probability",
    family="dynamics",
    higher_means="mislabeled",
    source="Swayamdipta et al. (EMNLP 2020): standard deviation of the confidence over epochs",
)
