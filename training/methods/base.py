"""What every method is."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hmw_core.objective.batch import Batch, Forward
from training.config import RunConfig


@dataclass(frozen=True)
class Problem:
    """The sizes a method is built for, and where it computes."""

    n_samples: int
    n_classes: int
    n_channels: int
    image_size: tuple[int, int]
    """(height, width) in pixels."""
    device: torch.device


@dataclass(frozen=True, slots=True)
class StepLog:
    """What one step tells the run log, all detached, on the device, before the update."""

    logits: Tensor
    """(B, C), raw."""
    cosine: Tensor
    """(B, C), Eq. 10."""
    loss: Tensor
    """(B,), unweighted, nat."""
    weight: Tensor
    """(B,), factor used on the loss."""


Record = Callable[[Batch, StepLog], None]


class Method(nn.Module, ABC):
    """A method's networks, losses and weightings are submodules, so one state_dict holds them."""

    optimizers: list[torch.optim.Optimizer]
    """Their learning rate is set by the loop at the start of each epoch."""

    def __init__(self, config: RunConfig, problem: Problem) -> None:
        super().__init__()

    @abstractmethod
    def step(self, batch: Batch) -> StepLog:
        """Train on one batch and return what the log keeps of it."""

    def run_epoch(self, epoch: int, batches: Iterable[Batch], record: Record) -> None:
        """Train for one epoch: call `record` for every sample once."""
        self.train()
        for batch in batches:
            record(batch, self.step(batch))

    @abstractmethod
    def predict(self, images: Tensor) -> Forward:
        """Return the evaluation pass of images (B, channels, height, width); no gradient."""
