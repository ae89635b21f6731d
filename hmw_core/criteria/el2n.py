"""EL2N: the length of the last prediction's error.

Source: Paul et al. (NeurIPS 2021), meant for an early epoch: choose it as the last one used.
"""

import numpy as np

from hmw_core.criteria.criterion import Criterion, Signals


def error_length(signals: Signals) -> np.ndarray:
    """Return the Euclidean length of softmax minus the given label, shape (N,), in [0, 2^0.5]."""
    entropy = signals["entropy"]
    q, rest = np.exp(-entropy), -np.expm1(-entropy)
    # sum p^2 - 2 q + 1 = (sum p^2 - q^2) + (1 - q)^2; the first bracket is what others hold.
    others = np.maximum(signals["squared_length"] - q**2, 0.0)
    return np.sqrt(others + rest**2)


EL2N = Criterion(
    title="EL2N",
    reads=("entropy", "squared_length"),
    slice=error_length,
    over="last",
    unit="1",
    family="dynamics",
    higher_means="mislabeled",
    source="Paul et al. (NeurIPS 2021): norm of the softmax minus the given label's vector",
)
