"""CutMix's pictures: a box of each is pasted over from another one."""

import numpy as np
from torch import Tensor

Box = tuple[slice, slice]
"""Rows and columns of a picture."""


def drawn_box(height: int, width: int, share: float, rng: np.random.Generator) -> Box:
    """Draw a box that leaves `share` of a picture, anywhere; what lies outside is cut off.

    Parameters
    ----------
    height, width : int
        Of the picture, pixels.
    share : float
        In [0, 1], before the box is cut off at the edges: what stays can be more.
    rng : Generator
    """
    side = (1 - share) ** 0.5
    return _span(height, int(side * height), rng), _span(width, int(side * width), rng)


def pasted(images: Tensor, other: Tensor, box: Box) -> tuple[Tensor, float]:
    """Return pictures (B, channels, height, width) with the box taken from others, and the share.

    `other` (B,) is the place in the batch of what is pasted in; the share, in [0, 1], is that of
    the pixels that stay.

    Examples
    --------
    >>> import torch
    >>> images = torch.tensor([0.0, 1.0]).repeat_interleave(4).reshape(2, 1, 2, 2)
    >>> mixed, share = pasted(images, torch.tensor([1, 0]), (slice(0, 1), slice(0, 1)))
    >>> mixed[0, 0].tolist(), share
    ([[1.0, 0.0], [0.0, 0.0]], 0.75)
    """
    rows, columns = box
    mixed = images.clone()
    mixed[:, :, rows, columns] = images[other][:, :, rows, columns]
    n_pixels = images.shape[2] * images.shape[3]
    return mixed, 1 - mixed[0, 0, rows, columns].numel() / n_pixels


def _span(length: int, size: int, rng: np.random.Generator) -> slice:
    """Draw where `size` of `length` pixels lie, about a centre anywhere, cut off at both ends."""
    start = int(rng.integers(length)) - size // 2
    return slice(max(start, 0), min(start + size, length))
