"""The pictures of a data set: encoded once, kept beside the runs, found by fingerprint."""

import hashlib
import io
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from PIL import Image

from hmw_core.errors import UsageError

LARGEST_SIDE = 256  # px; a gallery needs no more, and the original stays where it was


def fingerprint_of(images: np.ndarray | Sequence[bytes] | None, labels: np.ndarray) -> str:
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


def encode_images(images: np.ndarray | Sequence[bytes]) -> pa.Table:
    """Return the table of `schema.IMAGES`.

    Parameters
    ----------
    images : uint8 ndarray of shape (N, H, W) or (N, H, W, 1 or 3), or N encoded pictures
        Arrays become PNG; encoded pictures stay as they are unless a side is over 256 px.

    Raises
    ------
    UsageError
        If the array is not uint8 of such a shape, or a picture does not decode.
    """
    if isinstance(images, np.ndarray):
        if images.ndim == 4 and images.shape[3] == 1:
            images = images[..., 0]
        if images.dtype != np.uint8 or not (images.ndim == 3 or images.shape[3:] == (3,)):
            raise UsageError(
                "images must be uint8 of shape (N, H, W) or (N, H, W, 3), "
                f"got {images.dtype} of shape {images.shape}"
            )
        encoded = [_png(Image.fromarray(picture)) for picture in images]
    else:
        encoded = [_small(picture, row) for row, picture in enumerate(images)]
    ids = np.arange(len(encoded), dtype=np.int32)
    return pa.table({"sample_id": pa.array(ids), "image": pa.array(encoded, pa.binary())})


def _png(picture: Image.Image) -> bytes:
    if max(picture.size) > LARGEST_SIDE:
        picture.thumbnail((LARGEST_SIDE, LARGEST_SIDE))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _small(encoded: bytes, row: int) -> bytes:
    try:
        with Image.open(io.BytesIO(encoded)) as picture:
            if max(picture.size) <= LARGEST_SIDE and picture.format in ("PNG", "JPEG"):
                return encoded
            return _png(picture.convert("RGB"))
    except OSError as error:
        raise UsageError(f"image of sample {row} does not decode: {error}") from None
