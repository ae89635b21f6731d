"""Contrastive learning: a projection of the features, and the loss over pairs.

Shape letters: A anchors, K keys, B samples, D features, P projected features.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Projection(nn.Module):
    """A linear layer on the features, (B, D) to (B, P); each row has length 1.

    In float32 also under autocast, for the same reason as the last layer.
    """

    def __init__(self, n_features: int, n_out: int, with_norm: bool = False) -> None:
        super().__init__()
        self.linear = nn.Linear(n_features, n_out)
        self.norm = nn.BatchNorm1d(n_out) if with_norm else nn.Identity()

    def forward(self, features: Tensor) -> Tensor:
        with torch.autocast(features.device.type, enabled=False):
            return F.normalize(self.norm(self.linear(features.float())), dim=1)


def contrastive_loss(
    anchors: Tensor,
    keys: Tensor,
    positive: Tensor,
    temperature: float,
    left_out: Tensor | None = None,
) -> Tensor:
    """Return how far each anchor is from picking its positive keys among all keys, (A,), nat.

    Minus the mean of log softmax(cosine / temperature) over the positives, by their weights; 0
    where an anchor has none.

    Parameters
    ----------
    anchors : Tensor of shape (A, P)
        Of length 1, as are `keys`.
    keys : Tensor of shape (K, P)
    positive : Tensor of shape (A, K)
        Weight of each key as a positive, >= 0; bool or float.
    temperature : float
        Above 0.
    left_out : Tensor of shape (A, K), bool, optional
        Keys that an anchor is not compared with, such as itself; none of them is a positive.

    Notes
    -----
    Source: van den Oord et al. (2018), InfoNCE; with several positives Khosla et al. (NeurIPS
    2020), SupCon, Eq. 2.
    """
    with torch.autocast(anchors.device.type, enabled=False):
        similarity = anchors.float() @ keys.float().T / temperature
        if left_out is not None:
            similarity = similarity.masked_fill(left_out, -torch.inf)
            positive = positive * ~left_out
        weight = positive.float()
        log_share = similarity.log_softmax(dim=1)
        chosen = torch.where(weight > 0, log_share, 0.0)  # 0 x -inf would be NaN
        total = weight.sum(dim=1)
        return -(weight * chosen).sum(dim=1) / torch.where(total > 0, total, 1.0)


def nt_xent(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """Return the mean contrastive loss of two views, (B, P) each: positive is the other view.

    Notes
    -----
    Source: Chen et al. (ICML 2020), SimCLR, Eq. 1.
    """
    views = torch.cat([first, second])
    itself = torch.eye(len(views), dtype=torch.bool, device=views.device)
    return contrastive_loss(
        views, views, itself.roll(len(first), dims=1), temperature, left_out=itself
    ).mean()
