"""Jensen-Shannon divergence of the last prediction from the given label: UNICON's rule.

Against a single label it is a function of that label's probability alone, and rises as it falls:
for one network it ranks exactly as the last cross entropy does, ties of rounding aside. UNICON
averages two networks first.

Source: Karim et al. (CVPR 2022), UNICON, Eq. 2, base 2.
"""

import numpy as np

from hmw_core.criteria.criterion import Criterion, Signals


def divergence(signals: Signals) -> np.ndarray:
    """Return JSD(p, e_t) in bit, shape (N,), in [0, 1].

    With m = (p + e_t) / 2 and q the probability of t:
    ((1 - q) + q log2(2q / (1 + q)) + log2(2 / (1 + q))) / 2.
    """
    entropy = signals["entropy"]
    rest = -np.expm1(-entropy)  # 1 - q, exact also for q near 1
    q = np.exp(-entropy)
    half = np.log1p(-rest / 2.0) / np.log(2.0)  # log2((1 + q) / 2)
    with np.errstate(invalid="ignore"):
        log_q = np.where(q > 0, -entropy / np.log(2.0), 0.0)
    return (rest + q * (log_q - half) - half) / 2.0


JENSEN_SHANNON = Criterion(
    title="Jensen-Shannon",
    reads=("entropy",),
    slice=divergence,
    over="last",
    unit="bit",
    family="loss",
    higher_means="mislabeled",
    source="Karim et al. (CVPR 2022), UNICON: JSD of one network's prediction and the given label",
)
