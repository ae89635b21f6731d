"""Pictures in which there is nothing to see: what a wrong scale or a broken export leaves."""

import hashlib
from collections.abc import Sequence

import numpy as np

from hmw_core.log.bad_pictures import for_each
from hmw_core.log.decoding import decode
from hmw_core.log.pixel_arrays import as_pixels
from hmw_core.log.schema import RunWarning

LOOKED_AT = 256  # pictures, evenly over the data set; such a fault is in all or in half of them
SHRUNK = 64  # px; a JPEG's levels are known from a small copy
SPAN = 16  # of 255 levels; pictures of 12 bits that count as 16 span no more
IGNORED = 0.005  # of the pixels at either end of the levels: one hot pixel is no drawing
SHARE = 0.5  # of the pictures looked at, from which on it is said
EXAMPLES = 12


def blank_pictures(
    images: np.ndarray | Sequence[bytes] | None, split: str = ""
) -> list[RunWarning]:
    """Return a warning where half of the pictures are nearly one colour, or one and the same.

    A picture is nearly one colour if 99 % of its pixels lie within 16 of the 255 levels in every
    channel. At most 256 pictures are looked at.

    Parameters
    ----------
    images : array of N pictures, or N encoded ones
    split : str
        Put before the word pictures. The pictures of `test`, say, have no `sample_id` to show.
    """
    n_pictures = 0 if images is None else len(images)
    rows = np.unique(np.linspace(0, n_pictures - 1, min(n_pictures, LOOKED_AT)).astype(int))
    if images is None or not n_pictures:
        return []
    chosen = as_pixels(images[rows]) if isinstance(images, np.ndarray) else None

    def look(place: int) -> tuple[bool, bytes]:
        row = int(rows[place])
        pixels = np.asarray(decode(images[row], SHRUNK)) if chosen is None else chosen[place]
        return is_blank(pixels), hashlib.blake2b(pixels.data, digest_size=16).digest()

    seen = {int(rows[place]): found for place, found in for_each(look, len(rows), {})}
    blank = [row for row, (is_flat, _) in seen.items() if is_flat]
    by_content: dict[bytes, list[int]] = {}
    for row, (_, content) in seen.items():
        by_content.setdefault(content, []).append(row)
    same = max(by_content.values(), key=len, default=[])
    of = f"of {len(rows):,} {split + ' ' if split else ''}pictures"
    of += " looked at" if len(rows) < n_pictures else ""
    found = []
    if len(blank) >= SHARE * len(rows):
        text = (
            f"{len(blank):,} {of} are nearly one colour (99 % of the pixels within {SPAN} of 255 "
            "levels), so there is little to learn from them; see in docs/training.md how pictures "
            "of 16 bits, floats and transparency are read"
        )
        found.append((text, blank))
    if len(same) >= max(2, SHARE * len(rows)):
        found.append((f"{len(same):,} {of} are one and the same picture", same))
    return [RunWarning(text, () if split else tuple(ids[:EXAMPLES])) for text, ids in found]


def is_blank(pixels: np.ndarray) -> bool:
    """Tell whether a uint8 picture of shape (H, W) or (H, W, 3) is nearly one colour."""
    levels = np.sort(pixels.reshape(pixels.shape[0] * pixels.shape[1], -1), axis=0)
    cut = int(IGNORED * len(levels))
    return bool((np.subtract(levels[-1 - cut], levels[cut], dtype=np.int16) <= SPAN).all())
