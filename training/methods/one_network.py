"""What methods of one network share that differ from plain training by their loss only."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from torch import Tensor

from hmw_core.objective.batch import Batch, Forward
from hmw_core.objective.losses.stable import cross_entropy
from training.config import RunConfig
from training.data.epoch_data import EpochData
from training.devices import autocast
from training.methods import parts
from training.methods.base import Method, Record, Sizes


@dataclass(frozen=True, slots=True)
class Step:
    """What a method makes of a batch and its forward pass."""

    losses: Tensor
    """(B,), with gradient: what is made smaller."""
    factor: Tensor | None = None
    """(B,), of the method itself on these losses, such as 0 for a sample left out."""
    state: Mapping[str, Tensor] = field(default_factory=dict)
    """Columns (B,) of `Method.state`."""
    penalty: Tensor | None = None
    """(), with gradient: added to the mean of the weighted losses as it is."""


class OneNetwork(Method):
    """One network, one optimizer, and a weighting beside the loss of the method."""

    has_own_loss = True

    def __init__(self, config: RunConfig, sizes: Sizes) -> None:
        super().__init__(config, sizes)
        self.weighting = parts.new_weighting(config, sizes)
        self.network = parts.new_network(config, sizes)
        self.optimizers = [parts.new_optimizer(config, self.network.parameters())]

    def training_pass(
        self,
        data: EpochData,
        record: Record,
        step_of: Callable[[Forward, Batch], Step],
        order: Tensor | None = None,
    ) -> None:
        """Train for one pass, and record it: loss against the given label, and the state.

        Parameters
        ----------
        data : EpochData
        record : Record
        step_of : callable
            From the forward pass and its batch to the losses that are made smaller.
        order : Tensor of shape (M,), int64, optional
            The samples trained on, in this order. Default: all, in an order drawn now.
        """
        self.train()
        for batch in data.batches(order):
            with autocast(self.sizes.device):
                out = self.network(batch.images)
            step = step_of(out, batch)
            weight, log = parts.given_label_log(
                out, batch, self.weighting, self.config.normalize_logits, step.factor
            )
            objective = (weight * step.losses).mean()
            if step.penalty is not None:
                objective = objective + step.penalty
            parts.descend(self.optimizers[0], parts.penalised(objective, out, self.config))
            record(batch.sample_id, log, state=step.state)

    def plain_step(self, out: Forward, batch: Batch) -> Step:
        """Return the step of cross entropy with the given labels."""
        return Step(self.cross_entropy(out, batch.given_label))

    def cross_entropy(self, out: Forward, label: Tensor) -> Tensor:
        """Return the cross entropy (B,) with some labels (B,), nat, with gradient."""
        return cross_entropy(out.loss_logits(self.config.normalize_logits), label)

    def restart(self) -> None:
        """Begin anew: weights drawn again, and an optimizer without a past."""
        parts.reset(self.network, self.optimizers[0], self.config, self.sizes)

    def predict(self, images: Tensor) -> Forward:
        return parts.mean_prediction([self.network], images)
