"""How a sample was learned: forgetting events, the first epoch that fits it, prediction flips.

Source: Toneva et al. (ICLR 2019).
"""

from hmw_core.criteria.criterion import Criterion

FORGETTING = Criterion(
    title="Forgetting events",
    reads=("is_fitted",),
    slice=lambda signals: signals["is_fitted"],
    over="drops",
    unit="events",
    family="dynamics",
    higher_means="mislabeled",
    source="Toneva et al. (ICLR 2019): epochs in which the given label was lost; never learned "
    "counts as more than any",
)

FIRST_LEARNED = Criterion(
    title="First learned",
    reads=("is_fitted",),
    slice=lambda signals: signals["is_fitted"],
    over="first",
    unit="epoch",
    family="dynamics",
    higher_means="mislabeled",
    source="Toneva et al. (ICLR 2019): first epoch whose prediction is the given label; one past "
    "the last where there is none",
)

PREDICTION_FLIPS = Criterion(
    title="Prediction flips",
    reads=("predicted_label",),
    slice=lambda signals: signals["predicted_label"],
    over="changes",
    unit="flips",
    family="dynamics",
    higher_means="mislabeled",
    source="number of epochs that predict another class than the epoch before",
)
