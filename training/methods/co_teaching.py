"""Co-teaching: two networks that pick small-loss samples for each other."""

import dataclasses

from torch import Tensor

from hmw_core.catalogue import Argument
from hmw_core.log.schema import MethodColumn
from hmw_core.objective.batch import Forward
from training.config import RunConfig
from training.data.epoch_data import EpochData
from training.devices import autocast
from training.methods import parts
from training.methods.base import Method, Record, Sizes
from training.methods.small_loss import assumed_noise_rate, drop_rate, n_kept, smallest

LATE_MOMENTUM = 0.1  # Adam's first beta once the learning rate falls, as in the released code


class CoTeaching(Method):
    """Co-teaching: each network is trained on the samples of small loss that its peer picks.

    In every batch both networks rank the samples by their own loss; each takes a step on the
    (1 - drop rate) part that the other finds easiest. The loss of a batch is the mean over the
    samples kept; the released code divides by their number twice, which only Adam forgives.

    Source: Han et al. (NeurIPS 2018), Algorithm 1, and the released code at 7c7fbe2.
    """

    arguments = (
        Argument(
            "noise_rate",
            None,
            0.0,
            1.0,
            "",
            "share of a batch that is dropped in the end; by default the rate of the noise",
            default_from="noise_rate",
        ),
        Argument("gradual_epochs", 10, 2, 1e6, "epochs", "until that share is dropped", whole=True),
        Argument("exponent", 1.0, 0.01, 10.0, "", "the share is noise_rate to this power"),
    )
    n_networks = 2
    state = (
        MethodColumn(
            "kept",
            unit="",
            range="true or false",
            meaning="whether the peer network picked the sample, so that this one trained on it",
            dtype="bool",
            higher_means="clean",
            over="mean",
        ),
    )

    def __init__(self, config: RunConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        self.noise_rate = assumed_noise_rate(config, self.args["noise_rate"])
        self.losses = parts.module_list(lambda: parts.new_loss(config, sizes), 2)
        self.weightings = parts.module_list(lambda: parts.new_weighting(config, sizes), 2)
        self.networks = parts.module_list(lambda: parts.new_network(config, sizes), 2)
        self.optimizers = [parts.new_optimizer(config, n.parameters()) for n in self.networks]

    def set_epoch(self, epoch: int) -> float:
        rate = super().set_epoch(epoch)
        if self.config.optimizer == "adam" and rate < self.config.learning_rate:
            for optimizer in self.optimizers:
                for group in optimizer.param_groups:
                    group["betas"] = (LATE_MOMENTUM, 0.999)
        return rate

    def run_epoch(self, epoch: int, data: EpochData, record: Record) -> None:
        self.train()
        dropped = drop_rate(
            epoch, self.noise_rate, self.args["gradual_epochs"], self.args["exponent"]
        )
        for batch in data.batches():
            steps = []
            for network, loss, weighting in zip(
                self.networks, self.losses, self.weightings, strict=True
            ):
                with autocast(self.sizes.device):
                    out = network(batch.images)
                steps.append(parts.weighted_step(out, batch, loss, weighting))
            n = n_kept(len(batch.sample_id), dropped)
            picked = [smallest(log.loss, n) for _, _, log in steps]
            picked.reverse()  # each network trains on the samples that its peer has picked
            for number, ((losses, weight, log), kept, optimizer) in enumerate(
                zip(steps, picked, self.optimizers, strict=True), start=1
            ):
                used = weight * kept
                parts.descend(optimizer, (used * losses).sum() / n)
                log = dataclasses.replace(log, weight=used)
                record(batch.sample_id, log, network=number, state={"kept": kept})

    def predict(self, images: Tensor) -> Forward:
        return parts.mean_prediction(self.networks, images)
