"""The best model so far on the validation samples, kept with the method."""

import torch
from torch import Tensor

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
        cross_entropy(logits, batch.given_label).sum()
        for logits, batch in evaluated(network, data, data.validation_id)
    ]
    return float(torch.stack(losses).sum()) / len(data.validation_id)


def evaluated(network: Classifier, data: EpochData, order: Tensor | None = None):
    """Yield the logits (B, C), float32, of plain pictures in order, and their batch."""
    network.eval()
    for batch in data.plain(order):
        with torch.no_grad(), autocast(batch.images.device):
            logits = network(batch.images).logits
        yield logits.float(), batch
