"""The one decoder: what a person sees of a picture, upright and in 8-bit RGB.

Training, log, duplicates and pages decode here and nowhere else, so that all look at the same
pixels:

- The orientation that a camera noted (EXIF) is applied. Of an animation the first frame counts.
- Integers of more than 8 bits count from 0 to 65535 and keep their upper 8 bits. Floats count from
  0 to 1. What has values outside is refused, for no scale can be told from the file.
- Transparency is put on white, or on black where what is drawn is itself light: a drawing that is
  in the alpha channel alone is visible.
"""

import io
import re
import struct
import zlib
from contextlib import suppress

import numpy as np
from PIL import Image, ImageOps

from hmw_core.errors import UsageError

LARGEST = 178_956_970  # pixels; Pillow's own limit, which it only warns of at half of it
LIGHT = 192  # grey level from which a drawing lies on black
FORMATS = (  # of photographs and drawings; EPS and WMF, say, would start other programs
    "PNG", "JPEG", "MPO", "GIF", "BMP", "DIB", "WEBP", "AVIF", "TIFF", "PPM", "JPEG2000", "ICO",
    "TGA", "PCX", "SGI", "QOI", "DDS", "PSD", "ICNS",
)  # fmt: skip
BOMB = (Image.DecompressionBombError, Image.DecompressionBombWarning)
DAMAGE = (  # what Pillow raises on broken files, its warnings where they are errors
    OSError, ValueError, SyntaxError, LookupError, TypeError, ArithmeticError, AttributeError,
    AssertionError, RuntimeError, EOFError, MemoryError, struct.error, zlib.error, *BOMB, Warning,
)  # fmt: skip
KINDS = {  # of files that are often called pictures, by how they begin
    rb"\s*(<!DOCTYPE|<html|<\?xml|<svg|\{|version https://git-lfs)": "text, no picture",
    rb"....ftyp(hei|hev|mif1|msf1)": "HEIC, which Pillow does not read; save it as JPEG or PNG",
    rb"....ftypavi[fs]": "AVIF, which this build of Pillow does not read; save it as JPEG or PNG",
    rb"\xff\x0a|....JXL ": "JPEG XL, which Pillow does not read; save it as JPEG or PNG",
    rb"....ftyp": "a film, no picture",
    rb"\x00\x05\x16[\x00\x07]": "what macOS leaves beside a file, no picture",
    rb"%PDF|PK\x03\x04|%!PS": "a document or an archive, no picture",
}

Image.MAX_IMAGE_PIXELS = LARGEST
Image.init()
_OPENED = tuple(name for name in FORMATS if name in Image.OPEN)
SUFFIXES = {end for end, name in Image.registered_extensions().items() if name in _OPENED}
"""Of the files that the installed Pillow decodes here: `.png`, `.jpg`, ..."""


class BadPicture(UsageError):
    """Bytes that are no picture; the message says why, without where they came from."""


def decode(encoded: bytes, shrink_to: int | None = None) -> Image.Image:
    """Return the picture upright in RGB; a JPEG may come out reduced, not below `shrink_to` px.

    Raises
    ------
    BadPicture
        If it cannot be read to its end, or has values that no rule scales to 8 bits.
    """
    try:
        with _open(encoded) as picture:
            if shrink_to is not None:
                picture.draft("RGB", (shrink_to, shrink_to))
            return upright(picture)
    except BadPicture:
        raise
    except DAMAGE as error:
        raise BadPicture(_reason(encoded, error)) from None


def upright_size(encoded: bytes) -> tuple[int, int]:
    """Return width and height of the decoded picture in pixels, from the file's head alone.

    Raises
    ------
    BadPicture
        If the head is no picture's.
    """
    try:
        with _open(encoded) as picture:
            turned = picture.format != "TIFF" and _orientation(picture) >= 5
            return picture.size[::-1] if turned else picture.size  # Pillow turns a TIFF's itself
    except DAMAGE as error:
        raise BadPicture(_reason(encoded, error)) from None


def is_plain(encoded: bytes) -> bool:
    """Tell whether any browser shows a file's pixels just as `decode` returns them."""
    try:
        with _open(encoded) as picture:
            return (
                picture.format in ("PNG", "JPEG")
                and picture.mode in ("L", "RGB")
                and not picture.info.keys() & {"transparency", "icc_profile", "gamma"}
                and not getattr(picture, "is_animated", False)
                and _orientation(picture) == 1
            )
    except DAMAGE:
        return False


def upright(picture: Image.Image) -> Image.Image:
    """Return an opened picture upright and in RGB, by the rules above; it may be the same object.

    Raises
    ------
    BadPicture
        If its values lie outside of what the rules scale.
    """
    picture.load()
    with suppress(*DAMAGE):  # damaged EXIF says nothing; the pixels are there
        ImageOps.exif_transpose(picture, in_place=True)
    return to_rgb(picture)


def to_rgb(picture: Image.Image) -> Image.Image:
    """Return a loaded picture in RGB, as `upright` does, without turning it."""
    if picture.mode[0] in "IF":  # I;16, I;16B, I, F
        values = np.asarray(picture)
        if picture.mode == "I":
            low, high = values.min(), values.max()
            if low < 0 or high > 0xFFFF:
                raise BadPicture(f"values from {low} to {high}; accepted are 0 to 65535")
            values = values.astype(np.uint16)
        grey = to_8_bits(values)
        if getattr(picture, "tag_v2", {}).get(262) == 0:
            grey = ~grey  # a TIFF whose 0 is white: Pillow sees to that at 8 bits only
        picture = Image.fromarray(grey)
    elif picture.has_transparency_data:
        picture = _on_background(picture.convert("RGBA"))
    if picture.mode != "RGB":
        picture = picture.convert("RGB")
    picture.info.clear()  # a profile or a transparent colour, were it saved with it, acts again
    return picture


def to_8_bits(values: np.ndarray) -> np.ndarray:
    """Return numbers of any type as uint8, by the rules above; the shape stays.

    Raises
    ------
    BadPicture
        If they lie outside of what the rules scale.
    """
    if values.dtype == np.uint8:
        return values
    if values.dtype == bool:
        return values * np.uint8(255)
    if values.dtype.kind == "u" and values.dtype.itemsize == 2:  # in either order of bytes
        return (values >> 8).astype(np.uint8)
    kind = f"values of {values.dtype}"
    if values.size == 0 or values.dtype.kind not in "iuf":
        raise BadPicture(f"{kind}; accepted are uint8, uint16, bool and float")
    low, high, top = values.min(), values.max(), 1 if values.dtype.kind == "f" else 255
    if not (low >= 0 and high <= top):  # NaN, too
        raise BadPicture(
            f"{kind} from {low:g} to {high:g}; accepted are floats in 0..1, uint16, and other "
            "integers in 0..255"
        )
    return np.rint(values * (255 / top)).astype(np.uint8)


def _open(encoded: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(encoded), formats=_OPENED)
    if picture.width * picture.height > LARGEST:
        raise Image.DecompressionBombError
    return picture


def _orientation(picture: Image.Image) -> int:
    """Return how the picture is turned, 1 (upright) to 8."""
    with suppress(*DAMAGE):
        turned = picture.getexif().get(0x0112, 1)
        return turned if turned in range(1, 9) else 1
    return 1


def _on_background(picture: Image.Image) -> Image.Image:
    alpha = picture.getchannel("A")
    if alpha.getextrema()[0] == 255:
        return picture.convert("RGB")
    grey, share = np.asarray(picture.convert("RGB").convert("L")), np.asarray(alpha, np.float32)
    is_light = float((grey * share).sum()) >= LIGHT * max(float(share.sum()), 1.0)
    ground = Image.new("RGBA", picture.size, "black" if is_light else "white")
    return Image.alpha_composite(ground, picture).convert("RGB")


def _reason(encoded: bytes, error: BaseException) -> str:
    if not encoded:
        return "an empty file"
    for start, kind in KINDS.items():
        if re.match(start, encoded, re.DOTALL):
            return kind
    if isinstance(error, BOMB):
        return f"larger than {LARGEST / 1e6:.0f} million pixels, perhaps a decompression bomb"
    if not isinstance(error, Image.UnidentifiedImageError):
        return str(error) or f"Pillow fails on it ({type(error).__name__})"
    return "no picture that Pillow reads"
