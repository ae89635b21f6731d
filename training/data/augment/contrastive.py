"""The views of contrastive learning: resized crop, flip, colour jitter and grey."""

import math

import torch
from torch import Tensor
from torch.nn.functional import grid_sample
from torchvision.transforms.v2 import functional as F
from torchvision.transforms.v2.functional._color import _hsv_to_rgb, _rgb_to_hsv

from training.data.augment.groups import by_group

CROP_AREA = (0.2, 1.0)  # of the picture
CROP_RATIO = (3 / 4, 4 / 3)  # width to height
CROP_TRIES = 10
JITTER_SHARE, GREY_SHARE = 0.8, 0.2  # of the pictures that are changed
JITTER = (0.4, 0.4, 0.4, 0.1)  # brightness, contrast, saturation as factors 1 +- 0.4; hue in turns


def resized_crop(pixels: Tensor, draws: Tensor) -> Tensor:
    """Cut out a part and bring it to the size of the picture; the whole where no part fits.

    Parameters
    ----------
    draws : Tensor of shape (B, 22)
        Ten times area and ratio, of which the first that fits counts; then the place, from the top
        and from the left.

    Notes
    -----
    Source: torchvision's RandomResizedCrop; area as in Khosla et al. (2020), SupCon.
    """
    height, width = pixels.shape[-2:]
    area, ratio = draws[:, : 2 * CROP_TRIES].reshape(-1, CROP_TRIES, 2).unbind(-1)
    area = height * width * (CROP_AREA[0] + (CROP_AREA[1] - CROP_AREA[0]) * area)
    low, high = map(math.log, CROP_RATIO)
    ratio = torch.exp(low + (high - low) * ratio)
    wide, tall = (area * ratio).sqrt().round(), (area / ratio).sqrt().round()  # (B, tries)
    fits = (wide >= 1) & (wide <= width) & (tall >= 1) & (tall <= height)
    first = fits.int().argmax(1, keepdim=True)
    found = fits.gather(1, first)
    wide = torch.where(found, wide.gather(1, first), width)
    tall = torch.where(found, tall.gather(1, first), height)
    top = (draws[:, -2:-1] * (height - tall + 1)).floor()
    left = (draws[:, -1:] * (width - wide + 1)).floor()
    y, x = _places(top, tall, height), _places(left, wide, width)  # (B, H), (B, W)
    grid = torch.stack(torch.broadcast_tensors(x[:, None, :], y[:, :, None]), dim=-1)
    grid = grid.to(pixels.device, non_blocking=True)
    resized = grid_sample(pixels.float(), grid, padding_mode="border", align_corners=False)
    return resized.round_().to(torch.uint8)


def _places(start: Tensor, length: Tensor, size: int) -> Tensor:
    """Return where `size` pixels are read from a part, -1 to 1 over the whole side."""
    inside = (torch.arange(size) + 0.5) * length / size - 0.5
    inside = torch.minimum(inside.clamp_(min=0), length - 1)  # nothing from beyond the part
    return (2 * (start + inside) + 1) / size - 1


def flip(pixels: Tensor, draws: Tensor) -> Tensor:
    """Mirror half of the pictures; `draws` (B, 1)."""
    return by_group(pixels, (draws[:, 0] < 0.5).long(), lambda _, part, __: part.flip(-1))


def greyscale(pixels: Tensor, draws: Tensor) -> Tensor:
    """Take the colour out of a fifth of the pictures; `draws` (B, 1). Grey ones stay."""
    if pixels.shape[1] == 1:
        return pixels
    group = (draws[:, 0] < GREY_SHARE).long()
    return by_group(pixels, group, lambda _, part, __: F.rgb_to_grayscale(part, 3))


def colour_jitter(pixels: Tensor, draws: Tensor) -> Tensor:
    """Change brightness, contrast, saturation and hue of four fifths, in an order drawn for each.

    Parameters
    ----------
    draws : Tensor of shape (B, 9)
        Whether to change; the places of the four in the order; their factors.

    Notes
    -----
    Source: Chen et al. (2020), SimCLR, in the strength that MOIT (2021) has on CIFAR.
    """
    is_changed = draws[:, 0] < JITTER_SHARE
    order = draws[:, 1:5].argsort(dim=1)  # (B, 4)
    amount = (2 * draws[:, 5:] - 1) * torch.tensor(JITTER)

    def change(number: int, part: Tensor, place: Tensor) -> Tensor:
        by = amount[place, number - 1].to(part.device, non_blocking=True)[:, None, None, None]
        return CHANGES[number - 1](part, by)

    for step in range(4):
        pixels = by_group(pixels, torch.where(is_changed, order[:, step] + 1, 0), change)
    return pixels


def _brightness(pixels: Tensor, by: Tensor) -> Tensor:
    return _blend(pixels, torch.zeros_like(pixels), by)


def _contrast(pixels: Tensor, by: Tensor) -> Tensor:
    mean = F.rgb_to_grayscale(pixels).float().mean((1, 2, 3), keepdim=True)
    return _blend(pixels, mean, by)


def _saturation(pixels: Tensor, by: Tensor) -> Tensor:
    return _blend(pixels, F.rgb_to_grayscale(pixels), by)


def _hue(pixels: Tensor, by: Tensor) -> Tensor:
    if pixels.shape[1] == 1:
        return pixels
    hue, *rest = _rgb_to_hsv(F.to_dtype(pixels, torch.float32, scale=True)).unbind(1)
    turned = torch.stack([(hue + by[:, 0]).remainder(1.0), *rest], dim=1)
    return F.to_dtype(_hsv_to_rgb(turned), torch.uint8, scale=True)


def _blend(pixels: Tensor, other: Tensor, by: Tensor) -> Tensor:
    """Move away from another picture by a share (B, 1, 1, 1) of the distance, or towards it."""
    return ((1 + by) * pixels - by * other).clamp_(0, 255).to(torch.uint8)


CHANGES = (_brightness, _contrast, _saturation, _hue)
