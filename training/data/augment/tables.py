"""AutoAugment, RandAugment and AugMix: torchvision's operations, drawn for every picture alone.

torchvision's classes draw once a call and would give a whole batch the same operation. Tables and
operations are theirs, read from private attributes so that no number is written down twice.
"""

import functools
from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.transforms import AutoAugmentPolicy, v2

from training.data.augment.groups import by_group

Operation = tuple[str, float]
"""Name and magnitude, as torchvision's transforms have them."""
MAX_DEPTH = 3  # operations in a chain of AugMix


@dataclass(frozen=True)
class Table:
    """Operations to draw from."""

    transform: v2.AutoAugment | v2.RandAugment | v2.AugMix
    n_levels: int
    entries: tuple[tuple[str, int | None], ...]
    """Name and level of each, 0 to `n_levels` - 1."""

    def __call__(self, pixels: Tensor, entry: Tensor, sign: Tensor, is_applied: Tensor) -> Tensor:
        """Apply to each picture (B, C, H, W) its entry (B,), where `is_applied` (B,).

        A `sign` (B,) below 0.5 makes a magnitude that can be negative so.
        """
        operations, index = _operations(self, *pixels.shape[-2:])
        group = torch.where(is_applied, index[entry, (sign < 0.5).long()], 0)
        t = self.transform

        def change(number: int, pictures: Tensor, _: Tensor) -> Tensor:
            return t._apply_image_or_video_transform(
                pictures, *operations[number], interpolation=t.interpolation, fill=t._fill
            )

        return by_group(pixels, group, change)


@functools.cache
def _operations(table: Table, height: int, width: int) -> tuple[list[Operation], Tensor]:
    """Return the distinct operations, the first none, and which each entry means (n, 2 signs)."""
    wanted: list[Operation] = []
    for name, level in table.entries:
        magnitudes, is_signed = table.transform._AUGMENTATION_SPACE[name]
        values = magnitudes(table.n_levels, height, width)
        magnitude = 0.0 if values is None else float(values[level])
        wanted += [(name, magnitude), (name, -magnitude if is_signed else magnitude)]
    distinct = list(dict.fromkeys([("Identity", 0.0), *wanted]))
    index = torch.tensor([distinct.index(operation) for operation in wanted])
    return distinct, index.reshape(-1, 2)


def _integer(draws: Tensor, n: int) -> Tensor:
    return (draws * n).long().clamp_(max=n - 1)


_POLICY = v2.AutoAugment(AutoAugmentPolicy.CIFAR10)
_PAIRS = _POLICY._policies
AUTOAUGMENT = Table(_POLICY, 10, tuple((name, level) for pair in _PAIRS for name, _, level in pair))
AUTOAUGMENT_PROBABILITY = torch.tensor([p for pair in _PAIRS for _, p, _ in pair])  # (50,)


def autoaugment(pixels: Tensor, draws: Tensor) -> Tensor:
    """Apply one of 25 pairs of operations, each with its probability.

    Parameters
    ----------
    draws : Tensor of shape (B, 5)
        Pair; whether the first and the second is applied; the sign of either.

    Notes
    -----
    Source: Cubuk et al. (2019), AutoAugment, the policy found on CIFAR-10, as torchvision has it.
    """
    pair = _integer(draws[:, 0], len(_PAIRS))
    for step in range(2):
        entry = 2 * pair + step
        is_applied = draws[:, 1 + step] < AUTOAUGMENT_PROBABILITY[entry]
        pixels = AUTOAUGMENT(pixels, entry, draws[:, 3 + step], is_applied)
    return pixels


RANDAUGMENT = Table(
    v2.RandAugment(), 31, tuple((name, 9) for name in v2.RandAugment._AUGMENTATION_SPACE)
)


def randaugment(pixels: Tensor, draws: Tensor) -> Tensor:
    """Apply two of 14 operations, at magnitude 9 of 30.

    Parameters
    ----------
    draws : Tensor of shape (B, 4)
        Both operations, and the sign of either.

    Notes
    -----
    Source: Cubuk et al. (2020), RandAugment, with the defaults of torchvision.
    """
    always = torch.ones(len(pixels), dtype=torch.bool)
    for step in range(2):
        entry = _integer(draws[:, step], len(RANDAUGMENT.entries))
        pixels = RANDAUGMENT(pixels, entry, draws[:, 2 + step], always)
    return pixels


AUGMIX = Table(
    v2.AugMix(),
    10,
    tuple((name, level) for name in v2.AugMix._AUGMENTATION_SPACE for level in range(3)),
)


def augmix(pixels: Tensor, draws: Tensor) -> Tensor:
    """Mix a picture with three chains of one to three operations.

    Parameters
    ----------
    draws : Tensor of shape (B, 25)
        For each chain its depth, its weight, three operations and their signs; last the weight of
        all chains against the picture itself.

    Notes
    -----
    Source: Hendrycks et al. (2020), AugMix, algorithm 1, with the defaults of torchvision: severity
    3, all operations, and alpha 1, for which the Beta distribution is uniform and the Dirichlet
    distribution that of shares of three exponential numbers.
    """
    chains = draws[:, :-1].reshape(3 * len(draws), -1)  # a picture's three, then the next one's
    depth, share, *steps = chains.unbind(-1)
    share = -torch.log1p(-share).reshape(-1, 3)
    weight = draws[:, -1:] * share / share.sum(1, keepdim=True).clamp_(min=1e-30)  # (B, 3)
    weight = weight.to(pixels.device, non_blocking=True)[:, :, None, None, None]
    changed = pixels.repeat_interleave(3, dim=0)
    for step in range(MAX_DEPTH):
        entry = _integer(steps[2 * step], len(AUGMIX.entries))
        is_applied = _integer(depth, MAX_DEPTH) >= step
        changed = AUGMIX(changed, entry, steps[2 * step + 1], is_applied)
    mixed = (1 - weight.sum(1)) * pixels
    for chain in range(3):
        mixed += weight[:, chain] * changed[chain::3]
    return mixed.round_().to(torch.uint8)
