"""Generalized cross entropy averaged over the epochs: a loss that no single epoch dominates.

Of the last epoch alone it would rank exactly as the last cross entropy does: both fall as the
probability of the given label rises.

Source: Zhang and Sabuncu (NeurIPS 2018), the L_q loss with their q = 0.7.
"""

import numpy as np

from hmw_core.criteria.criterion import Criterion

Q = 0.7

MEAN_GCE = Criterion(
    title="Mean GCE",
    reads=("entropy",),
    slice=lambda signals: -np.expm1(-Q * signals["entropy"]) / Q,
    over="mean",
    unit="1",
    family="loss",
    higher_means="mislabeled",
    source="Zhang and Sabuncu (NeurIPS 2018), the L_q loss with q = 0.7, averaged over epochs",
)
