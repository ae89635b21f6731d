"""One network, any loss, any weighting: plain training, and the paper's HMW."""

from torch import Tensor

from hmw_core.objective.batch import Forward
from training.config import RunConfig
from training.data.epoch_data import EpochData
from training.devices import autocast
from training.methods import parts
from training.methods.base import Method, Record, Sizes


class Standard(Method):
    """One network trained on weight x loss: any loss and any weighting of the registries.

    Source: HMW (AAAI-24), Eq. 13; the confidence penalty as in its released code.
    """

    takes_threshold_samples = True

    def __init__(self, config: RunConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        self.loss = parts.new_loss(config, sizes)
        self.weighting = parts.new_weighting(config, sizes)
        self.network = parts.new_network(config, sizes)
        self.optimizers = [parts.new_optimizer(config, self.network.parameters())]

    def run_epoch(self, epoch: int, data: EpochData, record: Record) -> None:
        self.train()
        (optimizer,) = self.optimizers
        for batch in data.batches():
            with autocast(self.sizes.device):
                out = self.network(batch.images)
            loss, weight, log = parts.weighted_step(out, batch, self.loss, self.weighting)
            objective = parts.penalised((weight * loss).mean(), out, self.config)
            parts.descend(optimizer, objective)
            record(batch.sample_id, log)

    def predict(self, images: Tensor) -> Forward:
        return parts.mean_prediction([self.network], images)
