"""Co-teaching: two networks that pick small-loss samples for each other."""

from training.config import RunConfig
from training.data.epoch_data import EpochData
from training.methods.base import Record, Sizes
from training.methods.small_loss import KEPT, SMALL_LOSS, SmallLossRate, n_kept, smallest
from training.methods.two_networks import TwoNetworks


class CoTeaching(TwoNetworks):
    """Co-teaching: each network is trained on the samples of small loss that its peer picks.

    In every batch both networks rank the samples by their own loss; each takes a step on the
    (1 - drop rate) part that the other finds easiest. The loss of a batch is the mean over the
    samples kept; the released code divides by their number twice, which only Adam forgives.

    Source: Han et al. (NeurIPS 2018), Algorithm 1, and the released code at 7c7fbe2.
    """

    arguments = SMALL_LOSS
    state = (KEPT,)

    def __init__(self, config: RunConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        self.drop_rate = SmallLossRate(config, self.args)

    def run_epoch(self, epoch: int, data: EpochData, record: Record) -> None:
        self.train()
        for batch in data.batches():
            passes = self.both(batch)
            n = n_kept(len(batch.sample_id), self.drop_rate(epoch))
            first, second = (smallest(own.log.loss, n) for own in passes)
            self.step_on(batch, passes, (second, first), n, record)  # each on its peer's choice
