"""Co-teaching+: two networks that pick for each other among the samples that they disagree on."""

import torch
from torch import Tensor

from hmw_core.catalogue import Argument
from hmw_core.log.schema import MethodColumn
from training.config import RunConfig
from training.data.epoch_data import EpochData
from training.methods.base import Record, Sizes
from training.methods.small_loss import KEPT, SMALL_LOSS, SmallLossRate, smallest_among
from training.methods.two_networks import TwoNetworks


class CoTeachingPlus(TwoNetworks):
    """Co-teaching+: as Co-teaching, but later only among samples of two different predictions.

    Two networks that pick for each other come to agree, and then each only repeats itself. So from
    an epoch on a batch is narrowed to the samples of which the two predict different classes; of
    these each network takes a step on those of small loss that its peer picks. Of a batch without
    any all samples count. `kept` is known of the samples that could be picked.

    The released code feeds probabilities to a loss that takes logits, and returns 0 for a batch
    without disagreement; neither is done here.

    Source: Yu et al. (ICML 2019), Algorithm 1, and the released code at a68ed61.
    """

    arguments = (
        *SMALL_LOSS,
        Argument(
            "disagreement_from",
            20,
            1,
            1e6,
            "epochs",
            "of Co-teaching, before only samples of different predictions count",
            whole=True,
            of_epochs=200,
        ),
    )
    state = (
        KEPT,
        MethodColumn(
            "disagreement",
            unit="",
            range="true or false",
            meaning="whether the two networks predicted different classes",
            dtype="bool",
        ),
    )

    def __init__(self, config: RunConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        self.drop_rate = SmallLossRate(config, self.args)

    def run_epoch(self, epoch: int, data: EpochData, record: Record) -> None:
        self.train()
        narrows = epoch > self.args["disagreement_from"]
        for batch in data.batches():
            passes = self.both(batch)
            differ = disagreement(passes[0].log.logits, passes[1].log.logits)
            among = candidates(differ) if narrows else torch.ones_like(differ)
            rate = self.drop_rate(epoch)
            chosen = [smallest_among(own.log.loss, among, rate) for own in passes]
            kept, n = zip(*reversed(chosen), strict=True)  # each on its peer's choice
            self.step_on(batch, passes, kept, n, record, {"disagreement": differ}, among)


def disagreement(first: Tensor, second: Tensor) -> Tensor:
    """Return of which samples two networks' logits (B, C) predict different classes, (B,) bool."""
    return first.argmax(dim=1) != second.argmax(dim=1)


def candidates(differ: Tensor) -> Tensor:
    """Return the samples to choose among, (B,) bool: those of disagreement, all if there is none.

    Examples
    --------
    >>> [candidates(torch.tensor(values)).tolist() for values in ([True, False], [False, False])]
    [[True, False], [True, True]]
    """
    return differ | ~differ.any()
