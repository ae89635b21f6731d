"""Where a method's records go: to the run log, and into the mean loss of the epoch."""

from collections.abc import Mapping

import torch
from torch import Tensor

from hmw_core import RunWriter
from training.methods.base import Record, StepLog
from training.threshold_samples import RealClasses


class LogRecord:
    """Writes to the run log, of threshold samples nothing."""

    def __init__(self, writer: RunWriter, real_classes: RealClasses | None = None) -> None:
        self.writer = writer
        self.real_classes = real_classes

    def __call__(
        self,
        sample_id: Tensor,
        log: StepLog | None,
        *,
        network: int = 1,
        state: Mapping[str, Tensor] | None = None,
    ) -> None:
        """Record a batch; see `Record`."""
        if self.real_classes is not None:
            sample_id, log, state = self.real_classes.keep(sample_id, log, state)
        parts = {} if log is None else {
            "logits": log.logits, "cosine": log.cosine, "loss": log.loss, "weight": log.weight
        }  # fmt: skip
        self.writer.record(sample_id, **parts, network=network, state=state, copy=False)


class LossRecord:
    """Keeps the loss of every sample and network, and hands all on to another record."""

    def __init__(
        self, n_networks: int, n_samples: int, device: torch.device, then: Record | None
    ) -> None:
        self.losses = torch.zeros((n_networks, n_samples), device=device)
        self.recorded = torch.zeros_like(self.losses, dtype=torch.bool)
        self.then = then

    def __call__(
        self,
        sample_id: Tensor,
        log: StepLog | None,
        *,
        network: int = 1,
        state: Mapping[str, Tensor] | None = None,
    ) -> None:
        """Record a batch; see `Record`."""
        if log is not None:
            self.losses[network - 1, sample_id] = log.loss.float()
            self.recorded[network - 1, sample_id] = True
        if self.then is not None:
            self.then(sample_id, log, network=network, state=state)

    def means(self) -> list[float]:
        """Return each network's mean over the samples recorded, nat; waits for the device."""
        return (self.losses.sum(dim=1) / self.recorded.sum(dim=1)).tolist()
