"""Generalized cross entropy."""

import torch
from torch import Tensor, nn

from hmw_core.catalogue import Argument
from hmw_core.errors import UsageError
from hmw_core.objective.batch import Batch, Forward
from hmw_core.objective.losses.stable import cross_entropy


class GeneralizedCrossEntropy(nn.Module):
    """Generalized cross entropy: ``(1 - p^q) / q``, p of the given label; in [0, 1/q).

    Parameters
    ----------
    q : float
        In (0, 1]: near 0 it is cross entropy, at 1 half the mean absolute error.

    Source: Zhang and Sabuncu (2018), the L_q loss, without their truncation.
    """

    arguments = (
        Argument("q", 0.7, 0.001, 1.0, "", "near 0 it is cross entropy, at 1 half the L1 error"),
    )

    def __init__(
        self, n_samples: int, n_classes: int, *, q: float = 0.7, normalize_logits: bool = False
    ) -> None:
        super().__init__()
        if not 0 < q <= 1:
            raise UsageError(f"gce needs 0 < q <= 1, got q={q}")
        self.q = q
        self.normalize_logits = normalize_logits

    def forward(self, forward: Forward, batch: Batch) -> Tensor:
        logits = forward.loss_logits(self.normalize_logits)
        own_loss = cross_entropy(logits, batch.given_label)
        # 1 - p^q written with expm1: exact for p near 1, and no log(0) or 0^(q-1) for p near 0.
        return -torch.expm1(-self.q * own_loss) / self.q
