"""Resized crop, flip, colour jitter and grey: picture by picture as torchvision's functions."""

import math

import pytest
import torch
from torchvision.transforms.v2 import functional as F

from tests.training.data.test_augment_tables import picture, within_four_standard_errors
from training.data.augment import contrastive

N = 4000
CHANGES = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue)


def pictures(n, *shape):
    return torch.stack([picture(*shape, seed=seed) for seed in range(n)])


def uniform(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(2))


def crop_of(draws, height, width):
    """Return top, left, height and width as torchvision draws them, in plain Python."""
    *tries, y, x = draws
    for area, ratio in zip(tries[::2], tries[1::2], strict=True):
        area = height * width * (0.2 + 0.8 * area)
        ratio = math.exp(math.log(3 / 4) + ratio * (math.log(4 / 3) - math.log(3 / 4)))
        wide, tall = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < wide <= width and 0 < tall <= height:
            return int(y * (height - tall + 1)), int(x * (width - wide + 1)), tall, wide
    return 0, 0, height, width


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 8, 8), (3, 20, 31), (3, 1, 1), (3, 2, 40)])
def test_resized_crop_is_torchvisions(shape):
    images, draws = pictures(60, *shape), uniform(60, 22)
    crops = [crop_of(row, *shape[1:]) for row in draws.tolist()]
    assert len(set(crops)) > (30 if min(shape[1:]) > 2 else 0)
    for image, crop, ours in zip(
        images, crops, contrastive.resized_crop(images, draws), strict=True
    ):
        expected = F.resized_crop(image.float(), *crop, list(shape[1:]), antialias=False)
        assert (ours - expected).abs().max() <= 0.51


def test_flip_mirrors_half():
    images, draws = pictures(N, 1, 2, 3), uniform(N, 1)
    flipped = contrastive.flip(images, draws)
    is_mirrored = draws[:, 0] < 0.5
    assert torch.equal(flipped[is_mirrored], images[is_mirrored].flip(-1))
    assert torch.equal(flipped[~is_mirrored], images[~is_mirrored])
    assert within_four_standard_errors(is_mirrored.sum(), N, 0.5)


def test_a_fifth_becomes_grey():
    images = pictures(N, 3, 4, 4)
    grey = contrastive.greyscale(images, uniform(N, 1))
    is_grey = (grey == grey[:, :1]).flatten(1).all(1)
    assert torch.equal(grey[~is_grey], images[~is_grey])
    assert torch.equal(grey[is_grey], F.rgb_to_grayscale(images[is_grey], 3))
    assert within_four_standard_errors(is_grey.sum(), N, 0.2)
    assert torch.equal(contrastive.greyscale(images[:, :1], uniform(N, 1)), images[:, :1])


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 8, 8), (3, 1, 1)])
@pytest.mark.parametrize("number", range(4))
def test_each_change_is_torchvisions_with_a_factor_for_each_picture(shape, number):
    change = CHANGES[number]
    images, by = pictures(30, *shape), torch.linspace(-0.4, 0.4, 30)
    ours = contrastive.CHANGES[number](images, by[:, None, None, None])
    centre = 0 if change is F.adjust_hue else 1
    each = zip(images, by.tolist(), strict=True)
    expected = torch.stack([change(image, centre + factor) for image, factor in each])
    assert (ours.int() - expected.int()).abs().max() <= 1  # what a float cuts off


def test_jitter_changes_four_fifths_each_in_its_own_order():
    images, draws = pictures(N, 3, 4, 4), uniform(N, 9)
    jittered = contrastive.colour_jitter(images, draws)
    is_same = (jittered == images).flatten(1).all(1)
    assert within_four_standard_errors(is_same.sum(), N, 0.2)
    orders = set()
    for row in torch.nonzero(~is_same)[:200, 0].tolist():
        _, *places, brightness, contrast, saturation, hue = draws[row].tolist()
        factors = [0.6 + 0.8 * u for u in (brightness, contrast, saturation)] + [0.2 * hue - 0.1]
        order = sorted(range(4), key=places.__getitem__)
        expected = images[row]
        for number in order:
            expected = CHANGES[number](expected, factors[number])
        assert (jittered[row].int() - expected.int()).abs().max() <= 4  # four times cut off
        orders.add(tuple(order))
    assert len(orders) == 24
