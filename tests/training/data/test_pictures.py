"""Decoding: small pictures to one array, large ones checked and left encoded."""

import io
import os

import numpy as np
import pytest
import torch
from PIL import Image

from tests.training.conftest import png, some_pictures
from training.data.batches import image_source
from training.data.pictures import EncodedImages, load_pictures


def test_small_pictures_become_one_array_with_their_pixels():
    pixels = np.random.default_rng(0).integers(0, 256, (3, 10, 6, 3), dtype=np.uint8)
    images, bad = load_pictures([png(p) for p in pixels], None)
    assert bad == {}
    assert np.array_equal(images, pixels)


def test_different_sizes_are_brought_to_the_largest_side():
    images, _ = load_pictures(some_pictures(2, 10) + some_pictures(1, 20), None)
    assert images.shape == (3, 20, 20, 3)


def test_grey_and_palette_become_rgb():
    grey = np.full((8, 8), 100, np.uint8)
    palette = io.BytesIO()
    Image.fromarray(grey).convert("P").save(palette, "GIF")
    images, _ = load_pictures([png(grey), palette.getvalue()], None)
    assert images.shape == (2, 8, 8, 3)
    assert (images == 100).all()


def test_large_pictures_stay_encoded(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(some_pictures(1, 120)[0])
    images, _ = load_pictures([path, *some_pictures(1, 120)], None)
    assert isinstance(images, EncodedImages)
    assert images.size == 224
    assert images.decode(0).size == (120, 120)
    assert images.check(0) is None  # what is checked ahead must not be held
    assert len(images.take(np.array([1]))) == 1
    assert load_pictures([path], 32)[0].shape == (1, 32, 32, 3)


@pytest.mark.parametrize("side", [12, 120])
def test_broken_pictures_are_left_out_as_if_they_were_not_there(side):
    sound = some_pictures(3, side)
    larger = some_pictures(1, side + 8)[0]
    broken = [larger[: len(larger) // 2], b"no picture", b""]
    images, bad = load_pictures(
        [broken[0], sound[0], broken[1], sound[1], broken[2], sound[2]], None
    )
    alone, _ = load_pictures(sound, None)
    assert list(bad) == [0, 2, 4]
    assert "truncated" in bad[0]
    assert bad[2] == "no picture that Pillow reads"
    assert bad[4] == "an empty file"
    if isinstance(images, EncodedImages):
        assert list(images) == sound
        assert images.size == alone.size
    else:
        assert np.array_equal(images, alone)


def test_a_picture_that_is_torn_while_training_goes_on_is_named(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(some_pictures(1, 120)[0])
    images, _ = load_pictures([path], None)
    path.write_bytes(b"")
    with pytest.raises(OSError, match=r"a\.png can no longer be read: an empty file"):
        images.decode(0)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_worker_says_so_in_one_sentence(tmp_path, workers):
    path = tmp_path / "a.png"
    path.write_bytes(some_pictures(1, 120)[0])
    images, _ = load_pictures([path], None)
    source = image_source(images, [0.5] * 3, [0.5] * 3, "none", torch.device("cpu"), workers)
    path.unlink()
    with pytest.raises(OSError, match=r"^the picture \S*a\.png can no longer be read: gone$"):
        list(source.batches(torch.arange(1), 1))


def test_a_file_that_cannot_be_read_or_is_too_large(tmp_path, monkeypatch):
    sparse = tmp_path / "a.png"
    sparse.touch()
    os.truncate(sparse, (1 << 30) + 1)
    assert load_pictures([sparse], None)[1] == {0: "1.0 GiB large, no picture"}
    os.truncate(sparse, 10)

    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(sparse), "read_bytes", refuse)
    assert load_pictures([sparse], None)[1] == {0: "Permission denied"}
