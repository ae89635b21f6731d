"""From encoded pictures to one uint8 array, or to a checked sequence of encoded ones."""

import os
import stat
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from hmw_core.log.bad_pictures import for_each
from hmw_core.log.decoding import BadPicture, decode, upright_size

LARGEST_SMALL_SIDE = 96  # px; up to here a data set is held on the device as one tensor
LARGEST_ARRAY = 8 << 30  # bytes of pixels; more than that is decoded batch by batch
DEFAULT_LARGE_SIDE = 224  # px
LARGEST_FILE = 1 << 30  # bytes; no picture that can be decoded takes more


class EncodedImages(Sequence[bytes]):
    """Pictures as encoded bytes, in memory or in files that are read when asked for."""

    def __init__(self, pictures: Sequence[bytes | Path], size: int) -> None:
        self.pictures = pictures
        self.size = size

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, sample_id):
        return _read(self.pictures[sample_id])

    def take(self, rows: np.ndarray) -> "EncodedImages":
        """Return the pictures of some rows."""
        return EncodedImages([self.pictures[row] for row in rows], self.size)

    def decode(self, sample_id: int) -> Image.Image:
        """Return a picture upright, in RGB.

        Raises
        ------
        OSError
            If it was sound when it was checked, and no longer is: that ends a training.
        """
        try:
            return decode(self[sample_id], shrink_to=2 * self.size)
        except BadPicture as error:
            where = self.pictures[sample_id]
            name = where if isinstance(where, Path) else f"of sample {sample_id}"
            raise OSError(f"the picture {name} can no longer be read: {error}") from None

    def check(self, sample_id: int) -> None:
        """Raise BadPicture if the picture does not decode to its end; keep nothing of it."""
        decode(self[sample_id], shrink_to=2 * self.size)


Images = np.ndarray | EncodedImages
"""uint8 of shape (N, H, W, C), or pictures too large for that."""


def load_pictures(
    pictures: Sequence[bytes | Path], image_size: int | None
) -> tuple[Images, dict[int, str]]:
    """Decode small pictures to one array; check large ones and leave them encoded.

    Parameters
    ----------
    pictures : sequence of N bytes or paths
    image_size : int or None
        Side to bring them to. None: as they are if none is over 96 px (to the largest side where
        they differ), otherwise 224.

    Returns
    -------
    uint8 ndarray of shape (M, H, W, 3), or EncodedImages
        Of the pictures that are sound.
    dict of int to str
        The rows of the others, and what is wrong with each.
    """
    bad: dict[int, str] = {}
    sizes = dict(for_each(lambda row: upright_size(_read(pictures[row])), len(pictures), bad))
    if not sizes:
        return np.empty((0, 1, 1, 3), np.uint8), bad
    known, rows = set(sizes.values()), list(sizes)
    chosen = [pictures[row] for row in rows]
    largest = max(max(size) for size in known)
    side = image_size or (largest if largest <= LARGEST_SMALL_SIDE else DEFAULT_LARGE_SIDE)
    images: Images
    torn: dict[int, str] = {}
    if side > LARGEST_SMALL_SIDE or 3 * side * side * len(chosen) > LARGEST_ARRAY:
        images = EncodedImages(chosen, side)
        for _ in for_each(images.check, len(chosen), torn):
            pass
    else:
        shape = next(iter(known)) if image_size is None and len(known) == 1 else (side, side)
        images = np.empty((len(chosen), shape[1], shape[0], 3), np.uint8)
        for place, pixels in for_each(lambda i: _pixels(chosen[i], shape), len(chosen), torn):
            images[place] = pixels
    if torn:
        bad |= {rows[place]: reason for place, reason in torn.items()}
        left = [pictures[row] for row in rows if row not in bad]
        images, _ = load_pictures(left, image_size)  # again: the torn ones decide no size
    return images, dict(sorted(bad.items()))


def _read(picture: bytes | Path) -> bytes:
    if not isinstance(picture, Path):
        return picture
    try:
        about = os.stat(picture)
        if not stat.S_ISREG(about.st_mode):
            raise BadPicture("no regular file")  # a pipe would be waited for, a device read on
        if about.st_size > LARGEST_FILE:
            raise BadPicture(f"{about.st_size / (1 << 30):.1f} GiB large, no picture")
        return picture.read_bytes()
    except FileNotFoundError:
        reason = "a link that leads nowhere" if picture.is_symlink() else "gone"
        raise BadPicture(reason) from None
    except OSError as error:
        raise BadPicture(error.strerror or str(error)) from None


def _pixels(picture: bytes | Path, shape: tuple[int, int]) -> np.ndarray:
    decoded = decode(_read(picture), shrink_to=2 * max(shape))
    if decoded.size != shape:
        decoded = ImageOps.fit(decoded, shape, Image.Resampling.BILINEAR)
    return np.asarray(decoded)
