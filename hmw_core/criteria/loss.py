"""Criteria of the loss: of the last epoch, over all epochs, and what methods make of it."""

from dataclasses import replace

import numpy as np

from hmw_core.criteria.criterion import Criterion, Signals

Q = 0.7  # of the generalized cross entropy, the authors' own

LAST_LOSS = Criterion(
    title="Last loss",
    reads=("loss",),
    slice=lambda signals: signals["loss"],
    unit="nat",
    family="loss",
    higher_means="mislabeled",
    source="the small-loss trick, as HMW (AAAI-24), Fig. 1a, draws it",
)
MEAN_LOSS = replace(
    LAST_LOSS,
    title="Mean loss",
    over="mean",
    source="cumulative loss; Huang et al. (ICCV 2019), O2U-Net, without its cyclic rate",
)
EMA_LOSS = replace(
    LAST_LOSS,
    title="Smoothed loss",
    over="ema",
    source="exponentially weighted mean of the loss over epochs, decay 0.9, start corrected",
)


def _larger_of_two(loss: np.ndarray, given_label: np.ndarray) -> np.ndarray:
    """Return DivideMix's posterior of the larger losses, of all classes together."""
    from hmw_core.statistics.mixtures import (  # scikit-learn, which a logger need not load
        divide_mix_posterior,
    )

    return divide_mix_posterior(loss, "upper")


GMM_LOSS = replace(
    LAST_LOSS,
    title="Loss mixture",
    final=_larger_of_two,
    unit="probability",
    source="Li et al. (ICLR 2020), DivideMix: posterior of the larger of two Gaussians",
)

# Of the last epoch alone it would rank exactly as the last cross entropy does: both fall as the
# probability of the given label rises.
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


def divergence(signals: Signals) -> np.ndarray:
    """Return JSD(p, e_t) in bit, shape (N,), in [0, 1].

    With m = (p + e_t) / 2 and q the probability of t:
    ((1 - q) + q log2(2q / (1 + q)) + log2(2 / (1 + q))) / 2.

    It is a function of q alone, and rises as q falls: for one network it ranks exactly as the last
    cross entropy does, ties of rounding aside. UNICON averages two networks first.

    Source: Karim et al. (CVPR 2022), UNICON, Eq. 2, base 2.
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
    unit="bit",
    family="loss",
    higher_means="mislabeled",
    source="Karim et al. (CVPR 2022), UNICON: JSD of one network's prediction and the given label",
)
