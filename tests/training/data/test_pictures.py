"""Decoding: small pictures to one array, large ones checked and left encoded."""

import io

import numpy as np
import pytest
from PIL import Image

from hmw_core.errors import UsageError
from tests.training.conftest import png, some_pictures
from training.data.pictures import EncodedImages, load_pictures


def names(n):
    return [f"f#{row}" for row in range(n)]


def test_small_pictures_become_one_array_with_their_pixels():
    pixels = np.random.default_rng(0).integers(0, 256, (3, 10, 6, 3), dtype=np.uint8)
    images = load_pictures([png(p) for p in pixels], names(3), None)
    assert np.array_equal(images, pixels)


def test_different_sizes_are_brought_to_the_largest_side():
    images = load_pictures(some_pictures(2, 10) + some_pictures(1, 20), names(3), None)
    assert images.shape == (3, 20, 20, 3)


def test_grey_and_palette_become_rgb():
    grey = np.full((8, 8), 100, np.uint8)
    palette = io.BytesIO()
    Image.fromarray(grey).convert("P").save(palette, "GIF")
    images = load_pictures([png(grey), palette.getvalue()], names(2), None)
    assert images.shape == (2, 8, 8, 3)
    assert (images == 100).all()


def test_large_pictures_stay_encoded(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(some_pictures(1, 120)[0])
    images = load_pictures([path, *some_pictures(1, 120)], names(2), None)
    assert isinstance(images, EncodedImages)
    assert images.size == 224
    assert images.decode(0).size == (120, 120)
    assert len(images.take(np.array([1]))) == 1
    assert load_pictures([path], names(1), 32).shape == (1, 32, 32, 3)


@pytest.mark.parametrize("side", [12, 120])
@pytest.mark.parametrize(
    "harm", [lambda b: b[: len(b) // 2], lambda b: b"no picture", lambda b: b""]
)
def test_a_picture_that_does_not_decode_is_named(side, harm):
    pictures = some_pictures(3, side)
    pictures[1] = harm(pictures[1])
    with pytest.raises(UsageError, match="the image at f#1 does not decode"):
        load_pictures(pictures, names(3), None)
