"""Which samples come first in their class."""

import torch
from torch import Tensor


def rank_in_class(value: Tensor, label: Tensor, n_classes: int) -> Tensor:
    """Return each sample's place by value among those of its label, smallest first, (N,) int64.

    From 0; of equal values the smaller row comes first.

    Examples
    --------
    >>> rank_in_class(torch.tensor([3.0, 1.0, 2.0, 0.5]), torch.tensor([0, 0, 1, 0]), 2)
    tensor([2, 1, 0, 0])
    """
    by_value = value.argsort(stable=True)
    rows = by_value[label[by_value].argsort(stable=True)]  # by class, the smallest first
    sizes = label.bincount(minlength=n_classes)
    first = sizes.cumsum(0) - sizes
    place = torch.arange(len(rows), device=rows.device) - first[label[rows]]
    return torch.empty_like(rows).index_put((rows,), place)
