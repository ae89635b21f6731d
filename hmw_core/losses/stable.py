"""Cross entropy that keeps its digits: what every loss here is built on."""

import torch
from torch import Tensor
from torch.nn import functional as F


def cross_entropy(logits: Tensor, given_label: Tensor) -> Tensor:
    """Return minus the log probability of the given label, (B,), in nat, from logits (B, C).

    The given logit is taken against the sum of the others. Torch's own takes it against the sum
    of all and rounds the loss of a memorised sample (1e-9, say) to 0; then the samples that the
    small-loss criterion must rank are all tied.
    """
    others = logits.scatter(1, given_label[:, None], -torch.inf).logsumexp(dim=1)
    given = logits.gather(1, given_label[:, None])[:, 0]
    return F.softplus(others - given)
