"""A run as a small picture: each sample by its suspicion under two criteria."""

import base64
import io

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 288, 192  # pixels, twice as many as are shown, for dense screens
REACH = 1  # a sample covers three pixels each way


def thumbnail(x: np.ndarray, y: np.ndarray, category: np.ndarray, colours: list[str]) -> str:
    """Return a PNG with a clear ground as a data address.

    Parameters
    ----------
    x, y : ndarray of shape (N,), float
        Places in [0, 1], from the left and from below; N >= 1.
    category : ndarray of shape (N,), int
        Index into `colours`. The commonest colours a pixel, and of equals the first.
    colours : list of str
        `#rrggbb`.
    """
    column = np.rint(x * (WIDTH - 1)).astype(int)
    row = np.rint((1 - y) * (HEIGHT - 1)).astype(int)
    place = row * WIDTH + column
    counts = np.stack(
        [
            _spread(np.bincount(place[category == c], minlength=WIDTH * HEIGHT))
            for c in range(len(colours))
        ]
    )
    palette = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in colours], np.uint8)
    total = counts.sum(axis=0)
    # Of many samples a pixel has several: it is full where it has as many as the densest tenth.
    full = np.quantile(total[total > 0], 0.9)
    alpha = np.where(total > 0, np.clip(0.35 + 0.65 * total / full, 0, 1), 0)
    rgba = np.dstack([palette[counts.argmax(axis=0)], np.rint(255 * alpha).astype(np.uint8)])
    file = io.BytesIO()
    Image.fromarray(rgba).save(file, "PNG", compress_level=6)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def _spread(flat: np.ndarray) -> np.ndarray:
    """Return for each pixel the sum over those at most `REACH` away in row and column."""
    side = 2 * REACH + 1
    pixels = np.pad(flat.reshape(HEIGHT, WIDTH), REACH)
    return np.lib.stride_tricks.sliding_window_view(pixels, (side, side)).sum(axis=(2, 3))
