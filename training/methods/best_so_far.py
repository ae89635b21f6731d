"""The best model so far on the validation samples, kept with the method."""

from collections.abc import Iterator

import torch
from torch import Tensor

from hmw_core.objective.batch import Batch, Forward
from hmw_core.objective.losses.stable import cross_entropy
from training.config import RunConfig
from training.data.epoch_data import EpochData
from training.devices import autocast
from training.methods import parts
from training.methods.base import Sizes
from training.networks.base import Classifier


class BestSoFar(torch.nn.Module):
    """A copy of a network as it was at its smallest mean loss on the validation samples.

    Without validation samples it is the network as it was offered last.
    """

    loss: Tensor

    def __init__(self, config: RunConfig, sizes: Sizes) -> None:
        super().__init__()
        self.network = parts.new_network(config, sizes).requires_grad_(False)
        self.register_buffer("loss", torch.full((), torch.inf, device=sizes.device))

    def forget(self) -> None:
        """Take whatever is offered next."""
        self.loss.fill_(torch.inf)

    def offer(self, network: Classifier, data: EpochData) -> float:
        """Keep the network if it is the best so far; return its mean validation loss, nat.

        NaN where there are no validation samples.
        """
        loss = validation_loss(network, data)
        if not loss > self.loss.item():  # also where it is NaN
            self.network.load_state_dict(network.state_dict())
            self.loss.fill_(loss if loss == loss else torch.inf)
        return loss


def validation_loss(network: Classifier, data: EpochData) -> float:
    """Return the mean cross entropy of the validation samples' given labels, nat."""
    if len(data.validation_id) == 0:
        return float("nan")
    losses = [
        cross_entropy(out.logits, batch.given_label).sum()
        for out, batch in evaluated(network, data, data.validation_id)
    ]
    return float(torch.stack(losses).sum()) / len(data.validation_id)


def evaluated(
    network: Classifier, data: EpochData, order: Tensor | None = None
) -> Iterator[tuple[Forward, Batch]]:
    """Yield the evaluation pass of plain pictures, batch by batch, in float32; no gradient.

    In order, by default of all samples, held-out ones too.
    """
    network.eval()
    for batch in data.plain(order):
        with torch.no_grad(), autocast(batch.images.device):
            out = network(batch.images)
        yield Forward(out.logits.float(), out.features.float(), out.class_vectors), batch
