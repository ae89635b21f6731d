"""What trains is what a person sees: the log's pictures are those that the network gets."""

import io

import numpy as np
import pytest
from PIL import Image

from hmw_core import RunReader
from hmw_core.log.images import encode_images
from training.data.prepare import load_data


def smooth(side: int) -> Image.Image:
    """Return a picture whose quarters differ, so that a turn or a mirror shows."""
    quarters = [[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [90, 90, 90]]]
    small = Image.fromarray(np.array(quarters, np.uint8))
    return small.resize((side, side * 3 // 4), Image.Resampling.NEAREST)


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


def alpha(picture: Image.Image) -> Image.Image:
    picture.putalpha(picture.convert("L").point(lambda level: 255 if level > 80 else 0))
    return picture


def grey(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.convert("L"))


JPEG = {"quality": 95}
KINDS = {
    "turned.jpg": lambda picture: (picture.rotate(90, expand=True), {"exif": exif(6), **JPEG}),
    "turned.tif": lambda picture: (picture.rotate(180), {"exif": exif(3)}),
    "alpha.png": lambda picture: (alpha(picture), {}),
    "alpha.webp": lambda picture: (alpha(picture), {"lossless": True}),
    "deep.png": lambda picture: (Image.fromarray(grey(picture) * np.uint16(257)), {}),
    "float.tif": lambda picture: (Image.fromarray(grey(picture) / np.float32(255)), {}),
    "palette.gif": lambda picture: (picture.convert("P"), {}),
    "ink.jpg": lambda picture: (picture.convert("CMYK"), JPEG),
    "plain.jpg": lambda picture: (picture, JPEG),
}
# Of the upper left quarter, which is red: its grey level is 76, below the 80 that are opaque.
CORNER = {name: [76] * 3 for name in ("deep.png", "float.tif")} | {
    name: [255] * 3 for name in ("alpha.png", "alpha.webp")
}


@pytest.mark.parametrize("side", [40, 160])
@pytest.mark.parametrize("kind", KINDS)
def test_the_logged_picture_is_the_trained_one(quick, tmp_path, kind, side):
    for name in ("cat", "dog"):
        (tmp_path / "d" / name).mkdir(parents=True)
        picture, options = KINDS[kind](smooth(side))
        picture.save(tmp_path / "d" / name / kind, **options)
    config = {"dataset": "image-folder", "data": str(tmp_path / "d"), "test_fraction": 0.0}
    images = load_data(quick(**config)).images
    trained_on = images[0] if isinstance(images, np.ndarray) else np.asarray(images.decode(0))
    logged = encode_images(images)["image"][0].as_py()
    with Image.open(io.BytesIO(logged)) as shown:  # without the decoder, as a browser would
        assert shown.getexif().get(0x0112, 1) == 1
        assert shown.mode in ("RGB", "L")
        assert np.array_equal(np.asarray(shown.convert("RGB")), trained_on)
    assert trained_on.shape == (side * 3 // 4, side, 3)
    corner = trained_on[2, 2].astype(int)
    assert np.abs(corner - CORNER.get(kind, [255, 0, 0])).max() < 12


def test_a_warning_is_printed_and_kept(trained, quiet, tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / "d" / name).mkdir(parents=True)
        for number in range(3):
            levels = np.full((9, 9), 40 + number, np.uint16)  # of 8 bits, in a file of 16
            Image.fromarray(levels).save(tmp_path / "d" / name / f"{number}.png")
    run = trained(dataset="image-folder", data=str(tmp_path / "d"), test_fraction=0.0, epochs=1)
    blank, same = RunReader(run).warnings
    assert blank.text.startswith("6 of 6 pictures are nearly one colour")
    assert blank.sample_id == same.sample_id == (0, 1, 2, 3, 4, 5)
    assert f"warning: {blank.text}" in quiet.file.getvalue()
