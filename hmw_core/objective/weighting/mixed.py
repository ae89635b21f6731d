"""HMW's weight of a picture that is mixed of two, from its own forward pass alone (torch)."""

import torch
from torch import Tensor

from hmw_core.margins import HMSettings
from hmw_core.objective.weighting.hmw import TopValues, hm_slice

FEWEST_CLASSES = 4
"""Two labels, and two other classes to compare them with."""


def both_label_weight(
    cosine: Tensor,
    first: Tensor,
    second: Tensor,
    settings: HMSettings,
    terms: str = "both",
    gated: bool = True,
) -> Tensor:
    """Return the weight of pictures mixed of two labels, (B,), in (0, 1].

    The nearer one of both labels stands for the given one in Eqs. 11 and 12, all other classes
    are compared with it. With the gate the weight counts only where two other classes are nearer
    than both labels; elsewhere it is 1, and so it is where it is not finite.

    Parameters
    ----------
    cosine : Tensor of shape (B, C)
        Of the mixed pictures, at least four classes.
    first, second : Tensor of shape (B,), int64
        The labels of both parts. Where they are the same, one class more is compared: the released
        code then leaves out a random one, to have as many classes as elsewhere.
    settings : HMSettings
    terms : {"both", "aum", "tkum"}
        As `HMWeighting`'s.
    gated : bool

    Notes
    -----
    Source: not in the HMW paper; its released code at 9e4f5ed does this with UNICON.
    """
    labels = torch.stack([first, second], dim=1)
    given = cosine.gather(1, labels).amax(dim=1)
    n_nearest = min(settings.k + 1, cosine.shape[1] - 2)
    others = cosine.float().scatter(1, labels, -torch.inf)
    nearest, classes = others.topk(max(n_nearest, 2))
    near = TopValues(
        given.float(), nearest[:, 0], nearest[:, 1:n_nearest].mean(dim=1), classes[:, 0]
    )
    weight = hm_slice(near, settings, terms)
    if gated:
        weight = torch.where(nearest[:, 1] > given, weight, 1.0)
    return torch.where(weight.isfinite(), weight, 1.0)
