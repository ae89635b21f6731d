"""Pictures with nothing to see: which ones count, and from which share on a run says so."""

import numpy as np
import pytest

from hmw_core import RunReader, RunWriter
from hmw_core.log.blank_pictures import blank_pictures, is_blank
from tests.hmw_core.log.test_decoding import encoded

NOISE = np.random.default_rng(0).integers(0, 256, (8, 20, 20), dtype=np.uint8)


def flat(level: int = 0, span: int = 0) -> np.ndarray:
    """Return a grey picture of 20 x 20 pixels whose levels span so many."""
    picture = np.full((20, 20), level, np.uint8)
    picture[:, 10:] += np.uint8(span)
    return picture


@pytest.mark.parametrize(("span", "blank"), [(0, True), (16, True), (17, False)])
def test_a_picture_of_few_levels_is_blank(span, blank):
    assert is_blank(flat(100, span)) == blank
    colour = np.stack([flat(10), flat(200), flat(100, span)], axis=-1)
    assert is_blank(colour) == blank


def test_two_hot_pixels_of_400_are_no_drawing_and_five_are():
    picture = flat(0)
    picture[0, :2] = 255
    assert is_blank(picture)
    picture[0, :5] = 255
    assert not is_blank(picture)


@pytest.mark.parametrize(("n_blank", "said"), [(3, []), (4, ["4 of 8 pictures are nearly"])])
def test_half_of_the_pictures_count(n_blank, said):
    images = NOISE.copy()
    for row in range(n_blank):
        images[row] = flat(10 * row)
    found = blank_pictures(images)
    assert [warning.text[:26] for warning in found] == said
    assert [warning.sample_id for warning in found] == [tuple(range(n_blank))] * len(said)
    contents = [encoded(picture) for picture in images]
    assert blank_pictures(contents) == found
    for warning in blank_pictures(images, "test"):
        assert warning.text.startswith("4 of 8 test pictures")
        assert warning.sample_id == ()


def test_one_picture_again_and_again():
    images = NOISE.copy()
    images[2:6] = images[1]
    (warning,) = blank_pictures(images)
    assert warning.text == "5 of 8 pictures are one and the same picture"
    assert warning.sample_id == (1, 2, 3, 4, 5)


def test_of_many_pictures_256_are_looked_at():
    images = np.zeros((1000, 4, 4), np.uint8)
    warning = blank_pictures(images)[0]
    assert warning.text.startswith("256 of 256 pictures looked at are nearly one colour")
    assert len(warning.sample_id) == 12


def test_none_and_broken_ones_say_nothing():
    assert blank_pictures(None) == []
    assert blank_pictures([b"", b"no picture"]) == []


def test_a_run_says_so_with_its_samples(tmp_path):
    images = np.arange(100, dtype=np.uint16).reshape(4, 5, 5)  # 8 bits in an array of 16
    options = {"given_label": [0, 1, 0, 1], "n_classes": 2, "n_epochs": 1, "images": images}
    RunWriter.create(tmp_path / "run", **options).finish("stopped")
    blank, same = RunReader(tmp_path / "run").warnings
    assert blank.text.startswith("4 of 4 pictures are nearly one colour")
    assert same.text.startswith("4 of 4 pictures are one and the same")
    assert blank.sample_id == (0, 1, 2, 3)
