"""Nearest neighbours in the features, and what their labels say. Exact, in chunks.

Shape letters: N samples, D features, C classes, k neighbours.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

CHUNK = 1024  # rows whose cosines to all samples are held at once


class Neighbours(NamedTuple):
    """The nearest samples of each sample, the nearest first."""

    cosine: Tensor
    """(N, k), in [-1, 1]."""
    neighbour: Tensor
    """(N, k), int64: rows of the features."""


@torch.no_grad()
def nearest(features: Tensor, k: int) -> Neighbours:
    """Return the k rows of largest cosine to each row of (N, D), itself left out.

    Where there are not k other rows, all of them. A row without a direction has cosine 0 to all.
    """
    directions = F.normalize(features.float(), dim=1)
    n = len(directions)
    k = min(k, n - 1)
    found = []
    for start in range(0, n, CHUNK):
        rows = directions[start : start + CHUNK]
        cosine = rows @ directions.T
        place = torch.arange(len(rows), device=rows.device)
        cosine[place, start + place] = -torch.inf
        found.append(cosine.topk(k, dim=1))
    return Neighbours(*(torch.cat(part) for part in zip(*found, strict=True)))


def votes(label: Tensor, neighbour: Tensor, n_classes: int) -> Tensor:
    """Return the share of each class among the labels (N,) of each row's neighbours, (N, C)."""
    counts = torch.zeros(len(neighbour), n_classes, device=label.device)
    counts.scatter_add_(1, label[neighbour], torch.ones_like(neighbour, dtype=counts.dtype))
    return counts / max(neighbour.shape[1], 1)
