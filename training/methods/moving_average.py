"""A network's running mean over the steps of a training."""

import torch
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from training.config import RunConfig
from training.methods import parts
from training.methods.base import Sizes
from training.networks.base import Classifier


class MovingAverage(nn.Module):
    """A copy of a network whose parameters follow the network's slowly; it has no gradient.

    Parameters only: the statistics of its batch norm are its own, from the batches that it sees in
    training mode. torch's `AveragedModel` copies or averages them.
    """

    def __init__(self, config: RunConfig, sizes: Sizes, of: Classifier) -> None:
        super().__init__()
        self.network = parts.new_network(config, sizes).requires_grad_(False)
        self.network.load_state_dict(of.state_dict())

    @torch.no_grad()
    def follow(self, of: Classifier, decay: float) -> None:
        """Move to `decay` x own parameters + (1 - decay) x the network's; decay in [0, 1]."""
        mine, theirs = ([*network.parameters()] for network in (self.network, of))
        get_ema_multi_avg_fn(decay)(mine, theirs, None)
