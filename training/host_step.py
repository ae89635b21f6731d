"""The part of a step between the two passes, compiled for the CPU where it can be."""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hmw_core.objective import kernels
from hmw_core.objective.batch import Batch, Forward
from hmw_core.objective.losses.cross_entropy import CrossEntropy
from hmw_core.objective.weighting.hmw import HMWeighting
from hmw_core.objective.weighting.uniform import UniformWeighting
from training.methods.base import StepLog


class HostStep:
    """Loss, cosine, weight and the gradient on the logits of a batch; see `objective.kernels`.

    The weighting's running sums are used in place, so its state is what it would be otherwise.
    """

    def __init__(self, loss: CrossEntropy, weighting: nn.Module) -> None:
        self.normalize_logits = loss.normalize_logits
        self.weighting = weighting
        self.epoch = 0
        self.settings: tuple[Any, ...] = ()

    @classmethod
    def of(cls, loss: nn.Module, weighting: nn.Module) -> "HostStep | None":
        """Return the step of this loss and weighting; None where only torch computes it."""
        if not isinstance(loss, CrossEntropy):
            return None
        if isinstance(weighting, UniformWeighting) or _is_the_papers(weighting):
            return cls(loss, weighting)
        return None

    def __call__(self, out: Forward, batch: Batch) -> tuple[StepLog, Tensor]:
        """Return what the step logs, and the gradient of mean(weight x loss), (B, C)."""
        if batch.epoch != self.epoch:
            self.epoch = batch.epoch
            self.settings = self._settings(batch.epoch)
        logits = out.logits.detach()
        loss, gradient, cosine, weight = kernels.weighted_cross_entropy(
            logits.numpy(),
            np.ascontiguousarray(out.features.detach().numpy()),
            out.class_vectors.detach().numpy(),
            batch.given_label.numpy(),
            batch.sample_id.numpy(),
            self.normalize_logits,
            *self.settings,
        )
        log = StepLog(
            logits, torch.from_numpy(cosine), torch.from_numpy(loss), torch.from_numpy(weight)
        )
        return log, torch.from_numpy(gradient)

    def _settings(self, epoch: int) -> tuple[Any, ...]:
        """Return the kernel's arguments from `weighting` on."""
        weighting = self.weighting
        if not isinstance(weighting, HMWeighting):
            nothing = np.zeros(0, dtype=np.float32)
            return kernels.UNIFORM, nothing, nothing, 1.0, 0.0, 0.0, 1
        is_warm_up = epoch <= weighting.warmup_epochs
        return (
            kernels.WARM_UP if is_warm_up else kernels.WEIGHTED,
            weighting.slice_sum.numpy(),
            weighting.coefficient_sum.numpy(),
            float(weighting.coefficient(epoch)),
            float(weighting.alpha),
            float(weighting.beta),
            weighting.k,
        )


def _is_the_papers(weighting: nn.Module) -> bool:
    """Tell whether this is Eqs. 7-13 as the paper has them, whatever its numbers."""
    return (
        isinstance(weighting, HMWeighting)
        and (weighting.space, weighting.terms) == ("cosine", "both")
        and (weighting.factor, weighting.weight_norm) == (0.5, "none")
        and weighting.history == "ca"
        and weighting.k <= kernels.LARGEST_K
    )
