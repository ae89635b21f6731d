"""Batches: augmentation drawn by hand, plain views, large pictures through workers."""

import hashlib

import numpy as np
import pytest
import torch

from tests.training.conftest import png
from training.data.augment import WEAK, View, draw
from training.data.batches import image_source
from training.data.pictures import EncodedImages

CPU = torch.device("cpu")
PLAIN = ((0.0,), (1 / 255,))  # mean and std that bring back the pixel values


def source_of(images, augment, n_channels=1):
    mean, std = (part * n_channels for part in PLAIN)
    return image_source(images, mean, std, augment, CPU, workers=0)


def weak(draws):
    return (View((WEAK,), (draws,)),)


def picture():
    return np.arange(1, 65, dtype=np.uint8).reshape(1, 8, 8, 1)  # no black pixel


def view(augment, y, x, flip):
    source = source_of(picture(), augment)
    draws = weak(torch.tensor([[y, x, flip]]))
    ((_, (images,)),) = source.batches(torch.tensor([0]), 4, draws)
    return images[0, 0].numpy()


def test_the_middle_draw_is_the_plain_picture():
    plain = picture()[0, :, :, 0]
    assert np.array_equal(view("crop", 0.5, 0.5, 0.9), plain)
    assert np.array_equal(view("none", 0.0, 0.0, 0.0), plain)


def test_crop_shifts_in_black():
    plain = picture()[0, :, :, 0]
    moved = view("crop", 0.0, 0.5, 0.0)  # the window one pixel up
    assert (moved[0] == 0).all()
    assert np.array_equal(moved[1:], plain[:-1])
    moved = view("crop", 0.5, 0.999, 0.0)  # the window one pixel right
    assert (moved[:, -1] == 0).all()
    assert np.array_equal(moved[:, :-1], plain[:, 1:])


def test_flip_mirrors_half_of_the_draws():
    plain = picture()[0, :, :, 0]
    assert np.array_equal(view("crop_flip", 0.5, 0.5, 0.49), plain[:, ::-1])
    assert np.array_equal(view("crop_flip", 0.5, 0.5, 0.5), plain)
    assert np.array_equal(view("crop", 0.5, 0.5, 0.0), plain)


def test_every_row_comes_once_in_the_order_asked_for():
    images = np.arange(10, dtype=np.uint8).reshape(10, 1, 1, 1) * np.ones((8, 8, 1), np.uint8)
    source = source_of(images, "crop_flip")
    order = torch.randperm(10)
    rows, pixels = zip(*source.batches(order, 4), strict=True)
    assert [len(r) for r in rows] == [4, 4, 2]
    assert torch.equal(torch.cat(rows), order)
    assert torch.equal(torch.cat([views[0] for views in pixels])[:, 0, 3, 3], order.float())


@pytest.mark.parametrize(
    ("shape", "augment", "sha256"),
    [
        ((40, 32, 32, 3), "crop_flip", "007e34cb7cb0fab3"),
        ((40, 8, 8, 1), "crop", "b0783d0d44047fac"),
        ((40, 7, 12, 3), "none", "c92d33c2be085621"),
        ((40, 1, 1, 3), "crop_flip", "8fdb3000eabefda6"),
    ],
)
def test_one_weak_view_is_what_it_was_before_there_were_several(shape, augment, sha256):
    """The hashes were written by the code that knew one view only, so old seeds give old runs."""
    images = np.random.default_rng(5).integers(0, 256, shape, dtype=np.uint8)
    n_channels = shape[-1]
    source = image_source(images, (0.4,) * n_channels, (0.2,) * n_channels, augment, CPU, 0)
    generator = torch.Generator().manual_seed(7)
    order = torch.randperm(40, generator=generator)
    views = draw(40, ("weak", "weak"), generator)
    both = [pixels for _, pixels in source.batches(order, 16, views)]
    first, second = (torch.cat(view).contiguous() for view in zip(*both, strict=True))
    assert hashlib.sha256(first.numpy().tobytes()).hexdigest()[:16] == sha256
    assert torch.equal(first, second) == (augment == "none")


def test_normalised_to_mean_and_std():
    images = np.full((1, 8, 8, 3), 255, np.uint8)
    source = image_source(images, (0.5, 0.4, 0.0), (0.5, 0.2, 1.0), "none", CPU, workers=0)
    ((_, (batch,)),) = source.batches(torch.tensor([0]), 1)
    assert batch[0, :, 0, 0].tolist() == pytest.approx([1.0, 3.0, 1.0], rel=1e-5)


@pytest.fixture
def large():
    rng = np.random.default_rng(0)
    pictures = [png(rng.integers(0, 256, (100, 130, 3), dtype=np.uint8)) for _ in range(5)]
    return EncodedImages(pictures, 98)


def test_large_pictures_come_square_and_the_same_again(large):
    source = source_of(large, "crop_flip", n_channels=3)
    order, draws = torch.tensor([3, 1, 4]), draw(5, ("weak", "none", "weak"), torch.Generator())
    first, again = (list(source.batches(order, 2, draws)) for _ in range(2))
    assert [len(rows) for rows, _ in first] == [2, 1]
    views = first[0][1]
    assert [view.shape for view in views] == [(2, 3, 98, 98)] * 3
    assert all(torch.equal(*pair) for pair in zip(views, again[0][1], strict=True))
    ((plain,), _) = (pixels for _, pixels in source.batches(order, 2))
    assert torch.equal(plain, views[1])
    assert not torch.equal(plain, views[0])
    assert not torch.equal(views[2], views[0])


@pytest.mark.slow
def test_workers_change_nothing(large):
    order, draws = torch.arange(5), draw(5, ("weak", "weak"), torch.Generator())
    mean, std = (part * 3 for part in PLAIN)
    alone, helped = (image_source(large, mean, std, "crop_flip", CPU, workers=w) for w in (0, 2))
    for (rows, here), (same_rows, there) in zip(
        alone.batches(order, 2, draws), helped.batches(order, 2, draws), strict=True
    ):
        assert torch.equal(rows, same_rows)
        assert all(torch.equal(*pair) for pair in zip(here, there, strict=True))
