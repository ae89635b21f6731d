"""The pictures of a data set: encoded once, kept beside the runs, found by fingerprint."""

import hashlib
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

from hmw_core.errors import UsageError
from hmw_core.log.bad_pictures import for_each, refusal
from hmw_core.log.decoding import BadPicture, decode, is_plain, upright
from hmw_core.log.files import DamagedFile, open_table
from hmw_core.log.pixel_arrays import as_pixels

LARGEST_SIDE = 256  # px; a gallery needs no more, and the original stays where it was

DECODER = {"hmw_decoder": "1"}  # counts up whenever `decoding` shows a picture differently
ENCODED = bytes | bytearray | memoryview
Images = np.ndarray | Sequence[bytes]
"""An array of N pictures, see `pixel_arrays.as_pixels`, or N encoded ones."""


def as_images(images: Any) -> Images:
    """Return pictures of any container (arrays, tensors, lists, Arrow columns) as `Images`.

    Raises
    ------
    UsageError
        If they are neither numbers that `decoding` scales, nor bytes.
    """
    if hasattr(images, "to_pylist"):  # Arrow
        images = images.to_pylist()
    first = next(iter(images), None) if isinstance(images, Iterable) else None
    if isinstance(first, ENCODED):
        if isinstance(images, Sequence) and not isinstance(images, list | tuple):
            return images  # such as files that are read when asked for
        alien = next((i for i, item in enumerate(images) if not isinstance(item, ENCODED)), None)
        if alien is not None:
            raise UsageError(f"the picture of sample {alien} is not bytes, as the first one is")
        return list(images)
    try:
        if isinstance(first, Image.Image):
            images = [np.asarray(upright(picture.copy())) for picture in images]
        array = np.asarray(images)
        pixels = as_pixels(array)
    except (BadPicture, TypeError, ValueError) as error:
        raise UsageError(f"images must be one array, or encoded pictures: {error}") from None
    return array if array.dtype == np.uint8 else pixels  # the fingerprint knows the array's shape


def fingerprint_of(images: Images | None, labels: np.ndarray) -> str:
    """Return 16 hex digits that name a data set: its pictures, or its labels where it has none."""
    digest = hashlib.sha256()
    if images is None:
        digest.update(labels.astype("<i8").tobytes())
    elif isinstance(images, np.ndarray):
        digest.update(repr(images.shape).encode())
        digest.update(np.ascontiguousarray(images).data)
    else:
        for encoded in images:
            digest.update(len(encoded).to_bytes(8, "little"))
            digest.update(encoded)
    return digest.hexdigest()[:16]


def encode_images(images: Images) -> pa.Table:
    """Return the table of `schema.IMAGES`: what trains, as any browser shows it.

    Arrays become PNG. An encoded picture stays as it is if it is plain (see `decoding.is_plain`)
    and no side is over 256 px; any other one is decoded, made smaller and becomes PNG.

    Raises
    ------
    UsageError
        If an array is none of pictures, or pictures are broken: all are named.
    """
    bad: dict[int, str] = {}
    if isinstance(images, np.ndarray):
        pixels = as_pixels(images)
        found = for_each(lambda row: _preview(Image.fromarray(pixels[row])), len(pixels), bad)
    else:
        found = for_each(lambda row: _kept(bytes(images[row])), len(images), bad)
    encoded = [content for _, content in found]
    if bad:
        named = [(f"sample {row}", reason) for row, reason in bad.items()]
        raise refusal(named, len(images), "each sample needs a picture that can be read")
    ids = np.arange(len(encoded), dtype=np.int32)
    columns = {"sample_id": pa.array(ids), "image": pa.array(encoded, pa.binary())}
    return pa.table(columns).replace_schema_metadata(DECODER)


def test_fingerprint_of(images: Images, label: np.ndarray) -> str:
    """Return 16 hex digits that name the pictures and labels of a test split."""
    both = fingerprint_of(images, label) + fingerprint_of(None, label)
    return hashlib.sha256(both.encode()).hexdigest()[:16]


def encode_test_images(images: Images, label: np.ndarray) -> pa.Table:
    """Return the table of `schema.TEST_IMAGES`; as `encode_images`."""
    table = encode_images(images).rename_columns(["test_id", "image"])
    return table.add_column(1, "label", pa.array(label.astype(np.int32)))


def are_kept(path: Path) -> bool:
    """Tell whether a file holds pictures as this decoder shows them; an older one's are replaced.

    Their fingerprint is the same where they are large, for it is of the files, not of the pixels.
    """
    try:
        with open_table(path, {}) as file:
            metadata = file.schema_arrow.metadata or {}
    except DamagedFile:
        return False
    return all(metadata.get(key.encode()) == value.encode() for key, value in DECODER.items())


def as_png(picture: Image.Image) -> bytes:
    """Return a picture encoded without loss, quickly."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _preview(picture: Image.Image) -> bytes:
    picture.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
    return as_png(picture)


def _kept(encoded: bytes) -> bytes:
    picture = decode(encoded, shrink_to=2 * LARGEST_SIDE)  # to its end: broken ones come out here
    if max(picture.size) <= LARGEST_SIDE and is_plain(encoded):
        return encoded
    return _preview(picture)
