"""Loss averaged over the epochs: the strong form of small-loss.

Source: cumulative loss; Huang et al. (ICCV 2019), O2U-Net, without its cyclic rate.
"""

from hmw_core.criteria.criterion import Criterion

MEAN_LOSS = Criterion(
    title="Mean loss",
    reads=("loss",),
    slice=lambda signals: signals["loss"],
    over="mean",
    unit="nat",
    family="loss",
    higher_means="mislabeled",
    source="cumulative loss; Huang et al. (ICCV 2019), O2U-Net, without its cyclic rate",
)
