"""Cross entropy."""

from torch import Tensor, nn

from hmw_core.objective.batch import Batch, Forward
from hmw_core.objective.losses.stable import cross_entropy


class CrossEntropy(nn.Module):
    """Cross entropy: minus the log probability of the given label; in [0, inf).

    Source: HMW (AAAI-24), Eqs. 1 and 2 (its CCE); `normalize_logits` is the released code's.
    """

    def __init__(self, n_samples: int, n_classes: int, *, normalize_logits: bool = False) -> None:
        super().__init__()
        self.normalize_logits = normalize_logits

    def forward(self, forward: Forward, batch: Batch) -> Tensor:
        logits = forward.loss_logits(self.normalize_logits)
        return cross_entropy(logits, batch.given_label)
