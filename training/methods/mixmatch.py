"""MixMatch's parts: guessed labels, mixed pictures, and the two losses.

Shared by all methods that mix pictures. Shape letters: B samples, C classes, V views.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F


def sharpen(probs: Tensor, temperature: float) -> Tensor:
    """Return probabilities (B, C) raised to 1 / temperature and normalised.

    Notes
    -----
    Source: Berthelot et al. (NeurIPS 2019), Eq. 7.
    """
    powered = probs ** (1 / temperature)
    return powered / powered.sum(dim=1, keepdim=True)


def half_given(given_label: Tensor, probs: Tensor, trust: Tensor) -> Tensor:
    """Return targets (B, C): trust (B,) x the given label (B,) + (1 - trust) x probabilities.

    Examples
    --------
    >>> label, trust = torch.tensor([1]), torch.tensor([0.25])
    >>> half_given(label, torch.tensor([[0.8, 0.2]]), trust)
    tensor([[0.6000, 0.4000]])
    """
    given = F.one_hot(given_label, probs.shape[1]).to(probs.dtype)
    share = trust[:, None].to(probs.dtype)
    return share * given + (1 - share) * probs


def refined_labels(
    given_label: Tensor, clean_probability: Tensor, guess: Tensor, temperature: float
) -> Tensor:
    """Return the targets of labelled samples, (B, C): the given label as far as it is believed.

    Parameters
    ----------
    given_label : Tensor of shape (B,), int64
    clean_probability : Tensor of shape (B,)
        How far the given label is believed, in [0, 1].
    guess : Tensor of shape (B, C)
        Probabilities that the network gives.
    temperature : float
        Of `sharpen`.

    Notes
    -----
    Source: Li et al. (ICLR 2020), DivideMix, Eqs. 3 and 4.
    """
    return sharpen(half_given(given_label, guess, clean_probability), temperature)


class Mixture(NamedTuple):
    """Pictures and targets mixed two by two."""

    images: Tensor
    """(B, channels, height, width)."""
    targets: Tensor
    """(B, C)."""
    share: float
    """Of a sample itself, in [0, 1]; the other one has the rest."""
    other: Tensor
    """(B,), int64: the place of what each is mixed with."""


def mixed(
    images: Tensor,
    targets: Tensor,
    alpha: float,
    rng: np.random.Generator,
    nearer: bool = True,
) -> Mixture:
    """Return pictures and targets, each mixed with another of the batch.

    Parameters
    ----------
    images : Tensor of shape (B, channels, height, width)
    targets : Tensor of shape (B, C)
    alpha : float
        Of the beta distribution that the share is drawn from.
    rng : Generator
    nearer : bool
        Whether a mixture is to be nearer to the sample itself: its share is then 0.5 or more.

    Notes
    -----
    Source: Zhang et al. (ICLR 2018), mixup; Berthelot et al. (NeurIPS 2019), Eqs. 8-11, has the
    nearer one. One share for the batch, as in DivideMix.
    """
    share = float(rng.beta(alpha, alpha))
    if nearer:
        share = max(share, 1 - share)
    other = torch.from_numpy(rng.permutation(len(images))).to(images.device)
    return Mixture(
        share * images + (1 - share) * images[other],
        share * targets + (1 - share) * targets[other],
        share,
        other,
    )


def soft_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Return -sum target x log softmax of each sample, (B,), in nat."""
    return -(targets * logits.float().log_softmax(dim=1)).sum(dim=1)


def squared_error(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the mean over classes of the squared difference of probabilities, (B,)."""
    return ((logits.float().softmax(dim=1) - targets) ** 2).mean(dim=1)


def prior_penalty(logits: Tensor) -> Tensor:
    """Return KL(uniform || mean prediction of the batch), in nat: 0 where all classes are used.

    Notes
    -----
    Source: Li et al. (ICLR 2020), DivideMix, Eq. 11; in float32 also under autocast.
    """
    mean = logits.float().softmax(dim=1).mean(dim=0)  # (C,)
    n_classes = len(mean)
    return (torch.log(1 / n_classes / mean) / n_classes).sum()


def ramp(epoch: float, warmup_epochs: int, ramp_epochs: int) -> float:
    """Return how far a weight has risen, 0 to 1, `ramp_epochs` after the warm-up.

    `epoch` counts from 0 and may have a fraction for the batches that are done.

    Examples
    --------
    >>> 25 * ramp(14.5, 10, 16)
    7.03125
    """
    return min(max((epoch - warmup_epochs) / ramp_epochs, 0.0), 1.0)
