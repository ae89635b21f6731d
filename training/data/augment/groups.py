"""One call for all pictures that the same operation is drawn for."""

from collections.abc import Callable

import torch
from torch import Tensor


def by_group(
    pixels: Tensor, group: Tensor, apply: Callable[[int, Tensor, Tensor], Tensor]
) -> Tensor:
    """Return the pictures, those of each group changed together.

    Parameters
    ----------
    pixels : Tensor of shape (B, C, H, W), uint8
    group : Tensor of shape (B,), int64, CPU
        Group 0 stays as it is. On the CPU, so that no device is waited for.
    apply : callable
        From a group's number, its pictures (G, C, H, W) and their places in the batch (G,), CPU,
        to pictures of the same shape.
    """
    place = group.argsort(stable=True)
    n_unchanged, *sizes = torch.bincount(group).tolist()
    place = place[n_unchanged:]
    there = place.to(pixels.device, non_blocking=True)
    parts = zip(pixels[there].split(sizes), place.split(sizes), strict=True)
    done = [apply(g, *part) for g, part in enumerate(parts, start=1) if len(part[1])]
    return pixels.index_copy(0, there, torch.cat(done)) if done else pixels
