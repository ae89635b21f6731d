"""From encoded pictures to one uint8 array, or to a checked sequence of encoded ones."""

import contextlib
import io
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image, ImageOps

from hmw_core.errors import UsageError

LARGEST_SMALL_SIDE = 96  # px; up to here a data set is held on the device as one tensor
LARGEST_ARRAY = 8 << 30  # bytes of pixels; more than that is decoded batch by batch
DEFAULT_LARGE_SIDE = 224  # px
CHUNK = 256  # pictures a thread takes at a time; one by one, handing over costs more than decoding

Result = TypeVar("Result")


class EncodedImages(Sequence[bytes]):
    """Pictures as encoded bytes, in memory or in files that are read when asked for."""

    def __init__(self, pictures: Sequence[bytes | Path], source: Sequence[str], size: int) -> None:
        self.pictures = pictures
        self.source = source
        self.size = size

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, sample_id):
        return _read(self.pictures[sample_id])

    def take(self, rows: np.ndarray) -> "EncodedImages":
        """Return the pictures of some rows."""
        chosen = [self.pictures[row] for row in rows]
        return EncodedImages(chosen, [self.source[row] for row in rows], self.size)

    def decode(self, sample_id: int) -> Image.Image:
        """Return a picture in RGB."""
        return decode(self[sample_id], self.source[sample_id], shrink_to=2 * self.size)

    def check(self, sample_id: int) -> None:
        """Raise UsageError if the picture does not decode to its end."""
        self.decode(sample_id)


Images = np.ndarray | EncodedImages
"""uint8 of shape (N, H, W, C), or pictures too large for that."""


def decode(encoded: bytes, source: str, shrink_to: int | None = None) -> Image.Image:
    """Return the picture in RGB; a JPEG may come out reduced, but not below `shrink_to` pixels.

    Raises
    ------
    UsageError
        If the bytes are no picture that Pillow reads, or a truncated one.
    """
    with _opened(encoded, source) as picture:
        if shrink_to is not None:
            picture.draft("RGB", (shrink_to, shrink_to))
        return picture.convert("RGB")


def load_pictures(
    pictures: Sequence[bytes | Path], source: Sequence[str], image_size: int | None
) -> Images:
    """Decode small pictures to one array; check large ones and leave them encoded.

    Parameters
    ----------
    pictures : sequence of N bytes or paths
    source : sequence of N str
        Where each came from, for messages.
    image_size : int or None
        Side to bring them to. None: as they are if none is over 96 px (to the largest side where
        they differ), otherwise 224.

    Returns
    -------
    uint8 ndarray of shape (N, H, W, 3), or EncodedImages

    Raises
    ------
    UsageError
        Naming the first picture that does not decode.
    """
    sizes = set(_for_each(lambda row: _size_of(pictures[row], source[row]), len(pictures)))
    largest = max(max(size) for size in sizes)
    side = image_size or (largest if largest <= LARGEST_SMALL_SIDE else DEFAULT_LARGE_SIDE)
    if side > LARGEST_SMALL_SIDE or 3 * side * side * len(pictures) > LARGEST_ARRAY:
        encoded = EncodedImages(pictures, source, side)
        for _ in _for_each(encoded.check, len(encoded)):
            pass
        return encoded
    keep = image_size is None and len(sizes) == 1
    shape = next(iter(sizes)) if keep else (side, side)
    images = np.empty((len(pictures), shape[1], shape[0], 3), np.uint8)
    rows = _for_each(lambda row: _pixels(pictures[row], source[row], shape), len(pictures))
    for row, pixels in enumerate(rows):
        images[row] = pixels
    return images


def _for_each(work: Callable[[int], Result], n_rows: int) -> Iterator[Result]:
    """Yield ``work(row)`` for every row in order, computed by threads (Pillow lets them run)."""

    def chunk(start: int) -> list[Result]:
        return [work(row) for row in range(start, min(start + CHUNK, n_rows))]

    with ThreadPoolExecutor() as pool:
        for results in pool.map(chunk, range(0, n_rows, CHUNK)):
            yield from results


def _read(picture: bytes | Path) -> bytes:
    return picture.read_bytes() if isinstance(picture, Path) else picture


@contextlib.contextmanager
def _opened(encoded: bytes, source: str) -> Iterator[Image.Image]:
    """Open a picture; what Pillow finds wrong with it while it is open becomes a UsageError."""
    try:
        with Image.open(io.BytesIO(encoded)) as picture:
            yield picture
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UsageError(f"the image at {source} does not decode: {error}") from None


def _size_of(picture: bytes | Path, source: str) -> tuple[int, int]:
    with _opened(_read(picture), source) as opened:
        return opened.size


def _pixels(picture: bytes | Path, source: str, shape: tuple[int, int]) -> np.ndarray:
    decoded = decode(_read(picture), source, shrink_to=2 * max(shape))
    if decoded.size != shape:
        decoded = ImageOps.fit(decoded, shape, Image.Resampling.BILINEAR)
    return np.asarray(decoded)
