"""Cross entropy that keeps its digits: what every loss here is built on."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


def cross_entropy(logits: Tensor, given_label: Tensor) -> Tensor:
    """Return minus the log probability of the given label, (B,), in nat, from logits (B, C).

    The given probability is taken against the sum of the others. Torch's own takes it against the
    sum of all and rounds the loss of a memorised sample (1e-9, say) to 0; then the samples that
    the small-loss criterion must rank are all tied.
    """
    return _CrossEntropy.apply(logits, given_label)


class _CrossEntropy(torch.autograd.Function):
    """Half the operations that autograd would record; a small step is made of such costs."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, given_label: Tensor) -> Tensor:
        label = given_label[:, None]
        log_probs = logits.log_softmax(dim=1)
        other_probs = log_probs.exp().scatter_(1, label, 0.0)
        others = other_probs.sum(dim=1)
        ctx.save_for_backward(label, other_probs, others)
        return F.softplus(others.log() - log_probs.gather(1, label)[:, 0])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        label, other_probs, others = ctx.saved_tensors
        # p - 1 of the given class is minus the sum of the others: exact where p rounds to 1.
        return other_probs.scatter(1, label, -others[:, None]).mul_(gradient[:, None]), None
