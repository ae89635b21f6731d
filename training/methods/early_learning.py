"""Early learning's parts: the memory of what was said of each sample, and the pull towards it.

Shared by ELR and ELR+. Shape letters: B samples, C classes.
"""

from torch import Tensor

LOWEST = 1e-4  # of a probability, and 1 less it the highest, as in the released code


def clamped(probs: Tensor) -> Tensor:
    """Return probabilities (B, C) within [0.0001, 0.9999]; beyond, they pass no gradient."""
    return probs.clamp(LOWEST, 1 - LOWEST)


def updated(memory: Tensor, probs: Tensor, beta: float) -> Tensor:
    """Return rows of the memory (B, C) after probabilities (B, C), which are made to sum to 1.

    Examples
    --------
    >>> import torch
    >>> updated(torch.zeros(1, 2), torch.tensor([[0.75, 0.25]]), beta=0.5)
    tensor([[0.3750, 0.1250]])
    """
    return beta * memory + (1 - beta) * probs / probs.sum(dim=1, keepdim=True)


def regularizer(memory: Tensor, probs: Tensor) -> Tensor:
    """Return log(1 - <memory, p>), (B,), nat, <= 0; its gradient goes to `probs` only."""
    return (1 - (memory * probs).sum(dim=1)).log()
