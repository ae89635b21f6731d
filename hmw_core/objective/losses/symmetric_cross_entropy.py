"""Symmetric cross entropy."""

import math

from torch import Tensor, nn

from hmw_core.catalogue import Argument
from hmw_core.errors import UsageError
from hmw_core.objective.batch import Batch, Forward
from hmw_core.objective.losses.stable import cross_entropy

LOG_OF_ZERO = math.log(1e-4)
"""What log 0 becomes in the one-hot label: -9.21. The literature's A = -4 is log10 of the same."""
SMALLEST_PROB = 1e-7


class SymmetricCrossEntropy(nn.Module):
    """Symmetric cross entropy: `a` * cross entropy + `b` * reverse cross entropy; in [0, inf).

    The reverse term is ``-sum_k p_k log e_k`` with the one-hot ``e`` clamped at 1e-4, that is
    9.21 * (1 - probability of the given label); ``p`` is clamped at 1e-7.

    Parameters
    ----------
    a, b : float
        Factors of the two terms, >= 0. (0.1, 1) for CIFAR-10, (6, 0.1) for CIFAR-100.

    Source: Wang et al. (2019); clamps and factors as in their code and in HMW's.
    """

    arguments = (
        Argument("a", 0.1, 0.0, math.inf, "", "factor of the cross entropy"),
        Argument("b", 1.0, 0.0, math.inf, "", "factor of the reverse cross entropy"),
    )

    def __init__(
        self,
        n_samples: int,
        n_classes: int,
        *,
        a: float = 0.1,
        b: float = 1.0,
        normalize_logits: bool = False,
    ) -> None:
        super().__init__()
        if not (a >= 0 and b >= 0 and a + b > 0):  # written so that NaN fails too
            raise UsageError(f"sce needs a, b >= 0 and not both 0, got a={a}, b={b}")
        self.a = a
        self.b = b
        self.normalize_logits = normalize_logits

    def forward(self, forward: Forward, batch: Batch) -> Tensor:
        logits = forward.loss_logits(self.normalize_logits)
        own_loss = cross_entropy(logits, batch.given_label)
        probs = logits.softmax(dim=1).clamp(min=SMALLEST_PROB)
        # Dropping the given class and summing the rest keeps small sums exact; 1 - p_t would not.
        other_probs = probs.scatter(1, batch.given_label[:, None], 0.0).sum(dim=1)
        return self.a * own_loss - self.b * LOG_OF_ZERO * other_probs
