"""Batches: augmentation drawn by hand, plain views, large pictures through workers."""

import numpy as np
import pytest
import torch

from tests.training.conftest import png
from training.data.batches import image_source
from training.data.pictures import EncodedImages

CPU = torch.device("cpu")
PLAIN = ((0.0,), (1 / 255,))  # mean and std that bring back the pixel values


def source_of(images, augment, n_channels=1):
    mean, std = (part * n_channels for part in PLAIN)
    return image_source(images, mean, std, augment, CPU, workers=0)


def picture():
    return np.arange(1, 65, dtype=np.uint8).reshape(1, 8, 8, 1)  # no black pixel


def view(augment, y, x, flip):
    source = source_of(picture(), augment)
    ((_, images),) = source.batches(torch.tensor([0]), 4, torch.tensor([[y, x, flip]]))
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
    assert torch.equal(torch.cat(pixels)[:, 0, 3, 3], order.float())


def test_normalised_to_mean_and_std():
    images = np.full((1, 8, 8, 3), 255, np.uint8)
    source = image_source(images, (0.5, 0.4, 0.0), (0.5, 0.2, 1.0), "none", CPU, workers=0)
    ((_, batch),) = source.batches(torch.tensor([0]), 1)
    assert batch[0, :, 0, 0].tolist() == pytest.approx([1.0, 3.0, 1.0], rel=1e-5)


@pytest.fixture
def large():
    rng = np.random.default_rng(0)
    pictures = [png(rng.integers(0, 256, (100, 130, 3), dtype=np.uint8)) for _ in range(5)]
    return EncodedImages(pictures, [f"f#{row}" for row in range(5)], 98)


def test_large_pictures_come_square_and_the_same_again(large):
    source = source_of(large, "crop_flip", n_channels=3)
    order, draws = torch.tensor([3, 1, 4]), torch.rand(5, 3)
    first, again = (list(source.batches(order, 2, draws)) for _ in range(2))
    assert [len(rows) for rows, _ in first] == [2, 1]
    assert first[0][1].shape == (2, 3, 98, 98)
    assert torch.equal(first[0][1], again[0][1])
    plain = next(iter(source.batches(order, 2)))[1]
    assert not torch.equal(plain, first[0][1])


@pytest.mark.slow
def test_workers_change_nothing(large):
    order, draws = torch.arange(5), torch.rand(5, 3)
    mean, std = (part * 3 for part in PLAIN)
    alone, helped = (image_source(large, mean, std, "crop_flip", CPU, workers=w) for w in (0, 2))
    for (rows, here), (same_rows, there) in zip(
        alone.batches(order, 2, draws), helped.batches(order, 2, draws), strict=True
    ):
        assert torch.equal(rows, same_rows)
        assert torch.equal(here, there)
