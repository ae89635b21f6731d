"""AUM on probabilities: the mean difference of the given and the largest other probability.

Source: Pleiss et al. (NeurIPS 2020), Eq. 1, on the softmax in place of the logits.
"""

import numpy as np

from hmw_core.criteria.criterion import Criterion

AUM_OF_PROBABILITIES = Criterion(
    title="AUM of probabilities",
    reads=("entropy", "other_probability"),
    slice=lambda signals: np.exp(-signals["entropy"]) - signals["other_probability"],
    over="mean",
    unit="probability",
    family="margin",
    higher_means="clean",
    source="Pleiss et al. (NeurIPS 2020), Eq. 1, on the softmax in place of the logits",
)
