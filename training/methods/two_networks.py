"""What methods of two networks share that pick samples for each other."""

import dataclasses
from collections.abc import Mapping, Sequence

from torch import Tensor

from hmw_core.objective.batch import Batch, Forward
from training.config import RunConfig
from training.devices import autocast
from training.methods import parts
from training.methods.base import Method, Record, Sizes, StepLog

LATE_MOMENTUM = 0.1  # Adam's first beta once the learning rate falls, as in the released code

Passes = list[tuple[Tensor, Tensor, StepLog]]
"""Of each network: losses (B,) with gradient, weight (B,), and what the log keeps."""


class TwoNetworks(Method):
    """Two networks of different weights, each with a loss, a weighting and an optimizer.

    Source of the schedule: Han et al. (NeurIPS 2018), Co-teaching, the released code at 7c7fbe2.
    """

    n_networks = 2

    def __init__(self, config: RunConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        self.losses = parts.module_list(lambda: parts.new_loss(config, sizes), 2)
        self.weightings = parts.module_list(lambda: parts.new_weighting(config, sizes), 2)
        self.networks = parts.module_list(lambda: parts.new_network(config, sizes), 2)
        self.optimizers = [parts.new_optimizer(config, n.parameters()) for n in self.networks]

    def set_rate(self, rate: float) -> None:
        super().set_rate(rate)
        if self.config.optimizer == "adam":
            momentum = self.config.momentum
            beta = LATE_MOMENTUM if rate < self.config.learning_rate else momentum
            for optimizer in self.optimizers:
                for group in optimizer.param_groups:
                    group["betas"] = (beta, 0.999)

    def both(self, batch: Batch) -> Passes:
        """Return both networks' passes over a batch, as the networks' mode is."""
        passes = []
        for network, loss, weighting in zip(
            self.networks, self.losses, self.weightings, strict=True
        ):
            with autocast(self.sizes.device):
                out = network(batch.images)
            passes.append(parts.weighted_step(out, batch, loss, weighting))
        return passes

    def step_on(
        self,
        batch: Batch,
        passes: Passes,
        kept: Sequence[Tensor],
        n: int,
        record: Record,
        state: Mapping[str, Tensor] | None = None,
    ) -> None:
        """Let each network take a step on some samples, and record both.

        Parameters
        ----------
        batch : Batch
        passes : Passes
            Of `both`.
        kept : two Tensors of shape (B,), bool
            Which samples the first and the second network train on.
        n : int
            What the sum of their losses is divided by.
        record : Record
        state : mapping, optional
            Columns (B,) of both networks, beside `kept`.
        """
        for number, ((losses, weight, log), chosen, optimizer) in enumerate(
            zip(passes, kept, self.optimizers, strict=True), start=1
        ):
            used = weight * chosen
            parts.descend(optimizer, (used * losses).sum() / n)
            log = dataclasses.replace(log, weight=used)
            record(batch.sample_id, log, network=number, state={"kept": chosen, **(state or {})})

    def predict(self, images: Tensor) -> Forward:
        return parts.mean_prediction(self.networks, images)
