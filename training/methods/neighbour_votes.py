"""Nearest neighbours in the features, and what their labels say. Exact, in chunks.

Shape letters: N samples, D features, C classes, k neighbours.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from training.methods.class_ranks import rank_in_class

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


def two_pass_votes(given_label: Tensor, index: Tensor, n_classes: int) -> Tensor:
    """Return what the neighbours of each row say once theirs have corrected them, (N, C).

    First the neighbours' given labels (N,) vote and the most frequent one takes each row's place;
    then those vote. Shares, rows sum to 1; all 0 where a row has no neighbour.

    Notes
    -----
    Source: Ortego et al. (CVPR 2021), MOIT, Eqs. 8-11.
    """
    corrected = votes(given_label, index, n_classes).argmax(dim=1)
    return votes(corrected, index, n_classes)


def agreeing(shares: Tensor, given_label: Tensor) -> tuple[Tensor, Tensor]:
    """Return the share of the given label (N,), and whether no class has a larger one (N,) bool.

    `shares` (N, C) as `two_pass_votes`.
    """
    share = shares.gather(1, given_label[:, None])[:, 0]
    return share, share >= shares.amax(dim=1)


def balanced_clean_set(
    shares: Tensor, given_label: Tensor, n_classes: int, quantile: float = 0.5
) -> Tensor:
    """Return which samples are taken for clean, (N,) bool: equally many of each class.

    Each class keeps its rows of least disagreement, -log of the share of the given label. How
    many is the quantile, over the classes, of the number of rows that agree: a class that has
    more is cut, one that has fewer is filled up, and one that is too small is taken whole.

    Parameters
    ----------
    shares : Tensor of shape (N, C)
        As `two_pass_votes`; clamped to [0.01, 0.99] where rows are compared. Of equal rows the
        first ones are kept.
    given_label : Tensor of shape (N,), int64
    n_classes : int
    quantile : float
        In [0, 1]: 0.5 is the median, which the source of MOIT has. Classes without any sample do
        not count, and each class keeps one sample at least, so that there is something to train on.

    Notes
    -----
    Source: Ortego et al. (CVPR 2021), MOIT, Eq. 12; the quantile Li et al. (CVPR 2022), Sel-CL.
    """
    share, agrees = agreeing(shares, given_label)
    n_of_class = given_label.bincount(minlength=n_classes)
    n_agreeing = given_label[agrees].bincount(minlength=n_classes)[n_of_class > 0]
    # The small number: a quantile that is whole may come out a little smaller.
    quota = int(n_agreeing.double().quantile(quantile) + 1e-9)
    rank = rank_in_class(-share.clamp(0.01, 0.99), given_label, n_classes)
    return rank < max(quota, 1)
