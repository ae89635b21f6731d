"""What methods of two networks share that pick samples for each other."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple, cast

from torch import Tensor

from hmw_core.objective.batch import Batch, Forward
from training.config import RunConfig
from training.devices import autocast
from training.methods import parts
from training.methods.base import Method, Record, Sizes, StepLog
from training.networks.base import Classifier

LATE_MOMENTUM = 0.1  # Adam's first beta once the learning rate falls, as in the released code


class Pass(NamedTuple):
    """A network's pass over a batch."""

    losses: Tensor
    """(B,), with gradient."""
    weight: Tensor
    """(B,)."""
    log: StepLog
    out: Forward


class TwoNetworks(Method):
    """Two networks of different weights, each with a loss, a weighting and an optimizer.

    Source of the schedule: Han et al. (NeurIPS 2018), Co-teaching, the released code at 7c7fbe2.
    """

    n_networks = 2
    has_late_momentum: ClassVar[bool] = True
    """Whether Adam's first beta falls with the learning rate, as in Co-teaching."""

    def __init__(self, config: RunConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        self.losses = parts.module_list(lambda: parts.new_loss(config, sizes), 2)
        self.weightings = parts.module_list(lambda: parts.new_weighting(config, sizes), 2)
        self.networks = parts.module_list(lambda: parts.new_network(config, sizes), 2)
        self.optimizers = [parts.new_optimizer(config, n.parameters()) for n in self.networks]

    def set_rate(self, rate: float) -> None:
        super().set_rate(rate)
        if self.has_late_momentum and self.config.optimizer == "adam":
            momentum = self.config.momentum
            beta = LATE_MOMENTUM if rate < self.config.learning_rate else momentum
            for optimizer in self.optimizers:
                for group in optimizer.param_groups:
                    group["betas"] = (beta, 0.999)

    def network(self, place: int) -> Classifier:
        """Return the first network (0) or the second (1)."""
        return cast(Classifier, self.networks[place])

    def own_pass(self, place: int, batch: Batch) -> Pass:
        """Return one network's pass over a batch, as the network's mode is."""
        with autocast(self.sizes.device):
            out = self.network(place)(batch.images)
        return Pass(
            *parts.weighted_step(out, batch, self.losses[place], self.weightings[place]), out
        )

    def both(self, batch: Batch) -> list[Pass]:
        """Return both networks' passes over a batch."""
        return [self.own_pass(place, batch) for place in (0, 1)]

    def step(self, place: int, own: Pass, chosen: Tensor, n: int | Tensor) -> StepLog:
        """Let one network take a step on some samples of its pass, and return its log.

        The sum of the losses chosen, (B,) bool, is divided by `n`; the log's weight is 0 elsewhere.
        """
        used = own.weight * chosen
        parts.descend(self.optimizers[place], (used * own.losses).sum() / n)
        return dataclasses.replace(own.log, weight=used)

    def step_on(
        self,
        batch: Batch,
        passes: Sequence[Pass],
        kept: Sequence[Tensor],
        n: int | Sequence[Tensor],
        record: Record,
        state: Mapping[str, Tensor] | None = None,
        among: Tensor | None = None,
    ) -> None:
        """Let each network take a step on some samples, and record both.

        Parameters
        ----------
        batch : Batch
        passes : two of Pass
            Of `both`.
        kept : two Tensors of shape (B,), bool
            Which samples the first and the second network train on.
        n : int or two Tensors of shape ()
            What the sum of their losses is divided by.
        record : Record
        state : mapping, optional
            Columns (B,) of both networks, beside `kept`.
        among : Tensor of shape (B,), bool, optional
            The samples that could be kept; of the others `kept` is unknown. Default: all.
        """
        divisors: Sequence[int | Tensor] = (n, n) if isinstance(n, int) else n
        for place, (own, chosen, divisor) in enumerate(zip(passes, kept, divisors, strict=True)):
            log = self.step(place, own, chosen, divisor)
            said = {"kept": chosen, **(state or {})}
            if among is not None:
                could = {"kept": said.pop("kept")[among]}
                record(batch.sample_id[among], None, network=place + 1, state=could)
            record(batch.sample_id, log, network=place + 1, state=said)

    def predict(self, images: Tensor) -> Forward:
        return parts.mean_prediction(self.networks, images)
