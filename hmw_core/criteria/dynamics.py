"""Training dynamics: how the prediction of a sample behaves over the epochs."""

from dataclasses import replace

import numpy as np

from hmw_core.criteria.criterion import Criterion, Signals

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
# A sample that is never fitted varies as little as one that always is. Where wrong labels end up
# fitted they vary most, hence the direction.
VARIABILITY = replace(
    CONFIDENCE,
    title="Variability",
    over="deviation",
    higher_means="mislabeled",
    source="Swayamdipta et al. (EMNLP 2020): standard deviation of the confidence over epochs",
)
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
FIRST_LEARNED = replace(
    FORGETTING,
    title="First learned",
    over="first",
    unit="epoch",
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


def error_length(signals: Signals) -> np.ndarray:
    """Return the Euclidean length of softmax minus the given label, shape (N,), in [0, 2^0.5].

    Source: Paul et al. (NeurIPS 2021), EL2N, meant for an early epoch: choose it as the last used.
    """
    entropy = signals["entropy"]
    q, rest = np.exp(-entropy), -np.expm1(-entropy)
    # sum p^2 - 2 q + 1 = (sum p^2 - q^2) + (1 - q)^2; the first bracket belongs to other classes.
    others = np.maximum(signals["squared_length"] - q**2, 0.0)
    return np.sqrt(others + rest**2)


EL2N = Criterion(
    title="EL2N",
    reads=("entropy", "squared_length"),
    slice=error_length,
    unit="1",
    family="dynamics",
    higher_means="mislabeled",
    source="Paul et al. (NeurIPS 2021): norm of the softmax minus the given label's vector",
)
