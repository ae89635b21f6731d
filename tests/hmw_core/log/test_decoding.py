"""The decoder: what each kind of picture becomes, worked out by hand."""

import io
import struct
import zlib
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image, features

from hmw_core.log.decoding import BadPicture, decode, is_plain, upright_size
from hmw_core.log.pixel_arrays import as_pixels

RAMP = np.array([[0, 85, 170, 255]], np.uint8)
CORNER = np.zeros((2, 3, 3), np.uint8)
CORNER[0, 0] = 255  # white at the upper left of 3 x 2 pixels


def encoded(picture, form="PNG", **options) -> bytes:
    buffer = io.BytesIO()
    if isinstance(picture, np.ndarray):
        picture = Image.fromarray(picture)
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def turned(orientation: int, form: str) -> bytes:
    """Return CORNER as a camera held in some way stores it, with the note how to turn it back."""
    stored = {
        1: CORNER, 2: CORNER[:, ::-1], 3: CORNER[::-1, ::-1], 4: CORNER[::-1],
        5: CORNER.transpose(1, 0, 2), 6: np.rot90(CORNER), 7: CORNER[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(CORNER, -1),
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(np.ascontiguousarray(stored), form, exif=exif)


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_picture_is_upright(orientation, form):
    content = turned(orientation, form)
    assert np.array_equal(np.asarray(decode(content)), CORNER)
    assert upright_size(content) == (3, 2)
    assert is_plain(content) == (orientation == 1 and form == "PNG")


@pytest.mark.parametrize("form", ["JPEG", "WEBP", "AVIF"])
def test_turned_photographs_are_upright_too(form):
    if form == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    large = np.zeros((64, 96, 3), np.uint8)
    large[:32, :48] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    content = encoded(np.ascontiguousarray(np.rot90(large)), form, exif=exif)
    picture = np.asarray(decode(content)).astype(int)
    assert picture.shape == large.shape
    assert np.abs(picture - large).mean() < 8
    assert upright_size(content) == (96, 64)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_damaged_exif_turns_nothing_and_stops_nothing():
    content = bytearray(encoded(CORNER, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff", quality=95))
    assert decode(bytes(content)).size == (3, 2)


SIXTEEN = np.array([[0, 255, 256, 0x7FFF, 0xFFFF]], np.uint16)  # upper bytes 0, 0, 1, 127, 255


@pytest.mark.parametrize(
    ("content", "grey"),
    [
        (encoded(SIXTEEN), [0, 0, 1, 127, 255]),
        (encoded(SIXTEEN, "TIFF"), [0, 0, 1, 127, 255]),
        (encoded(Image.fromarray(SIXTEEN.astype(">u2")), "TIFF"), [0, 0, 1, 127, 255]),
        (encoded(Image.fromarray(SIXTEEN.astype(np.int32)), "TIFF"), [0, 0, 1, 127, 255]),
        (b"P5 5 1 65535\n" + SIXTEEN.astype(">u2").tobytes(), [0, 0, 1, 127, 255]),
        # 12 bits that say so count from 0 to 4095
        (b"P5 3 1 4095\n" + np.array([0, 2048, 4095], ">u2").tobytes(), [0, 128, 255]),
        (encoded(np.array([[0, 0.2, 0.5, 1]], np.float32), "TIFF"), [0, 51, 128, 255]),
        (encoded(Image.fromarray(RAMP > 100)), [0, 0, 255, 255]),
        (encoded(Image.fromarray(RAMP)), [0, 85, 170, 255]),
    ],
)
def test_every_depth_comes_out_on_the_scale_of_a_byte(content, grey):
    pixels = np.asarray(decode(content))
    assert pixels.shape == (1, len(grey), 3)
    assert pixels[0].tolist() == [[level] * 3 for level in grey]


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(("photometric", "grey"), [(0, [255, 170, 85, 0]), (1, [0, 85, 170, 255])])
def test_a_tiff_whose_zero_is_white(bits, photometric, grey):
    values = (RAMP if bits == 8 else RAMP.astype("<u2") * 257).tobytes()
    tags = {256: 4, 257: 1, 258: bits, 259: 1, 262: photometric, 273: 8, 277: 1, 278: 1}
    tags[279] = len(values)
    content = b"II*\0" + struct.pack("<I", 8 + len(values)) + values
    content += struct.pack("<H", len(tags))
    content += b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    assert np.asarray(decode(content + bytes(4)))[0, :, 0].tolist() == grey


@pytest.mark.parametrize(
    "values",
    [
        np.array([[-1000, 3000]], np.int32),  # Hounsfield units
        np.array([[0, 70_000]], np.int32),
        np.array([[0, 255.0]], np.float32),
        np.array([[-1.0, 1.0]], np.float32),
        np.array([[0, np.nan]], np.float32),
    ],
)
def test_what_no_rule_scales_is_refused_with_its_range(values):
    with pytest.raises(
        BadPicture, match=r"from .* to .*; accepted are (0 to 65535|floats in 0\.\.1)"
    ):
        decode(encoded(Image.fromarray(values), "TIFF"))


def drawing(colour: tuple[int, ...]) -> np.ndarray:
    """Return a picture of one colour whose left half alone is opaque."""
    pixels = np.empty((4, 4, 1 + len(colour)), np.uint8)
    pixels[..., :-1] = colour
    pixels[..., -1] = [255, 255, 0, 0]
    return pixels


@pytest.mark.parametrize(
    ("level", "ground"), [(0, 255), (128, 255), (191, 255), (192, 0), (255, 0)]
)
def test_a_drawing_in_the_alpha_channel_alone_is_visible(level, ground):
    grey, colour = drawing((level,)), drawing((level,) * 3)
    palette = Image.fromarray(np.array([[0, 0, 1, 1]] * 4, np.uint8), "P")
    palette.putpalette([level] * 6)
    key = Image.fromarray(np.array([[level, level, 7, 7]] * 4, np.uint8))
    expected = np.full((4, 4, 3), level)
    expected[:, 2:] = ground
    for content in (
        encoded(Image.fromarray(grey, "LA")),
        encoded(colour),
        encoded(colour, "WEBP", lossless=True),
        encoded(colour, "TIFF"),
        encoded(palette, transparency=b"\xff\x00"),
        encoded(palette, "GIF", transparency=1),
        encoded(key, transparency=7),
    ):
        assert np.array_equal(np.asarray(decode(content)), expected)
        assert not is_plain(content)


def test_half_transparent_mixes_with_the_ground_and_opaque_alpha_changes_nothing():
    pixels = np.zeros((2, 2, 4), np.uint8)
    pixels[..., 3] = 128
    assert np.unique(np.asarray(decode(encoded(pixels)))).tolist() == [127]
    pixels[..., 3] = 255
    assert np.unique(np.asarray(decode(encoded(pixels)))).tolist() == [0]


def test_cmyk_and_the_first_frame_of_an_animation():
    red = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    assert np.abs(np.asarray(decode(encoded(red, "TIFF")))[0, 0] - [255, 0, 0.0]).max() < 3
    first, second = Image.new("RGB", (8, 8), "red"), Image.new("RGB", (8, 8), "blue")
    for form in ("GIF", "PNG", "TIFF"):
        content = encoded(first, form, save_all=True, append_images=[second])
        assert decode(content).getpixel((0, 0)) == (255, 0, 0)
        assert not is_plain(content)


def test_a_colour_profile_does_not_act_when_the_picture_is_saved_again():
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    content = encoded(CORNER, icc_profile=profile)
    assert not is_plain(content)
    again = encoded(decode(content))
    assert "icc_profile" not in Image.open(io.BytesIO(again)).info
    assert is_plain(again)


def chunk(kind: bytes, content: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + check


def large(width: int, height: int) -> bytes:
    """Return a grey PNG that says it is so large, and holds a few pixels."""
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = {b"IHDR": head, b"IDAT": zlib.compress(bytes(100)), b"IEND": b""}
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts.items())


def test_a_large_picture_is_no_bomb():
    assert upright_size(large(13_000, 13_000)) == (13_000, 13_000)  # without Pillow's warning


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "an empty file"),
        (b"<!DOCTYPE html><p>404", "text, no picture"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:12", "text, no picture"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "text, no picture"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC, which Pillow does not read"),
        (b"\xff\x0a\xfa\x7f\x00\x90", "JPEG XL, which Pillow does not read"),
        (b"\0\x05\x16\x07\0\x02\0\0Mac OS X", "what macOS leaves beside a file"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "a document"),
        (b"\x89PNG\r\n\x1a\n", "no picture that Pillow reads"),
        (bytes(100), "no picture that Pillow reads"),
        (large(60_000, 60_000), "larger than 179 million pixels"),
        (large(14_000, 14_000), "larger than 179 million pixels"),
        (encoded(np.zeros((50, 50, 3), np.uint8), "BMP")[:200], "truncated"),
        (encoded(Image.effect_noise((90, 90), 50), "PNG")[:900], "truncated"),
        (encoded(Image.effect_noise((90, 90), 50), "JPEG")[:900], "truncated"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_without_an_objects_address(content, reason):
    with pytest.raises(BadPicture, match=reason) as said:
        decode(content)
    assert "0x" not in str(said.value)


@pytest.mark.filterwarnings("ignore")  # Pillow's on such files
def test_a_file_damaged_anywhere_is_decoded_or_refused():
    rng = np.random.default_rng(0)
    source = np.asarray(Image.effect_noise((24, 24), 60).convert("RGBA"))
    for form in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "TGA", "ICO", "JPEG2000"):
        mode = "RGB" if form in ("JPEG", "PPM", "BMP") else "RGBA"
        sound = encoded(Image.fromarray(source).convert(mode), form)
        for _ in range(25):
            content = bytearray(sound)
            for place in rng.integers(0, len(content), 4):
                content[place] = rng.integers(256)
            for look in (decode, upright_size, is_plain):
                with suppress(BadPicture):
                    look(bytes(content))


GREY = np.array([[[0, 128], [255, 64]]], np.uint8)  # one picture of 2 x 2


@pytest.mark.parametrize(
    ("images", "grey"),
    [
        (GREY, [0, 128, 255, 64]),
        (GREY.astype(np.uint16) * 256, [0, 128, 255, 64]),
        ((GREY.astype(np.uint16) * 256).astype(">u2"), [0, 128, 255, 64]),
        (GREY.astype(np.int64), [0, 128, 255, 64]),
        (GREY / 255, [0, 128, 255, 64]),
        ((GREY / 255).astype(np.float32), [0, 128, 255, 64]),
        (GREY > 100, [0, 255, 255, 0]),
        ((GREY > 100) * 1.0, [0, 255, 255, 0]),
    ],
)
def test_arrays_of_every_type_become_bytes(images, grey):
    pixels = as_pixels(images)
    assert pixels.dtype == np.uint8
    assert pixels.ravel().tolist() == grey


def test_arrays_of_every_shape():
    wide = np.arange(2 * 5 * 6, dtype=np.uint8).reshape(2, 5, 6)
    opaque = np.full_like(wide, 255)
    for images in (wide, wide[..., None], wide[:, None]):
        assert np.array_equal(as_pixels(images), wide)
    colour = np.stack([wide, wide + 60, wide + 120], axis=-1)
    assert np.array_equal(as_pixels(colour.transpose(0, 3, 1, 2)), colour)
    assert np.array_equal(as_pixels(np.concatenate([colour, opaque[..., None]], -1)), colour)
    two = as_pixels(np.stack([wide, opaque], axis=1))
    assert np.array_equal(two, np.stack([wide] * 3, -1))
    hidden = np.stack([np.zeros_like(wide), np.where(wide < 30, 255, 0).astype(np.uint8)], -1)
    assert np.array_equal(as_pixels(hidden)[..., 0], np.where(wide < 30, 0, 255))


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.zeros((3, 4)), "shape"),
        (np.zeros((3, 5, 8, 8), np.uint8), "shape"),
        (np.zeros((3, 0, 4), np.uint8), "without a pixel"),
        (np.full((1, 2, 2), -1), "from -1 to -1"),
        (np.full((1, 2, 2), 256), "from 256 to 256"),
        (np.full((1, 2, 2), 1.5), "from 1.5 to 1.5"),
        (np.full((1, 2, 2), np.inf), "inf"),
        (np.full((1, 2, 2), "a"), "accepted are uint8"),
        (np.full((1, 2, 2), 1j), "complex128"),
    ],
)
def test_other_arrays_are_refused(images, words):
    with pytest.raises(BadPicture, match=words):
        as_pixels(images)
