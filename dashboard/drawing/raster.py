"""A cloud of many points as one picture: what the browser gets instead of the points.

50,000 markers are a megabyte and, once selected, seven more on the way back; a picture is some ten
kilobytes and needs no WebGL.
"""

import base64
import io

import numpy as np
from PIL import Image

CELLS = 640  # pixels along the longer side
REACH = 1  # a point covers three pixels each way: one is lost on a dense screen
EDGE = (140, 140, 140)  # keeps dark colours visible on dark and light ones on light


def raster_of_categories(
    x: np.ndarray, y: np.ndarray, category: np.ndarray, colours: list[str], square: "Square"
) -> str:
    """Return a PNG as a data address in which the commonest category colours each pixel.

    Parameters
    ----------
    x, y : ndarray of shape (N,)
    category : ndarray of shape (N,), int
        Index into `colours`.
    colours : list of str
        `#rrggbb`. A tie goes to the one that comes first.
    square : Square
        What the picture covers.
    """
    pixel, is_inside = square.pixels(x, y)
    of_point = category[is_inside]
    count, most = np.zeros((2, CELLS, CELLS), np.int32)
    commonest = np.zeros((CELLS, CELLS), np.intp)
    for number in range(len(colours)):
        covered = _covered(pixel[of_point == number])
        np.copyto(commonest, number, where=covered > most)
        np.maximum(most, covered, out=most)
        count += covered
    palette = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in colours], np.uint8)
    return _png(palette[commonest], count)


def raster_of_values(
    x: np.ndarray, y: np.ndarray, share: np.ndarray, palette: np.ndarray, square: "Square"
) -> str:
    """Return a PNG as a data address in which the mean value colours each pixel.

    Parameters
    ----------
    x, y : ndarray of shape (N,)
    share : ndarray of shape (N,), float
        Place on the colour scale, in [0, 1], without NaN.
    palette : ndarray of shape (256, 3), uint8
    square : Square
        What the picture covers.
    """
    pixel, is_inside = square.pixels(x, y)
    count, total = _covered(pixel), _covered(pixel, share[is_inside])
    mean = np.divide(total, count, out=np.zeros_like(total), where=count > 0)
    return _png(palette[np.clip(np.rint(255 * mean), 0, 255).astype(np.uint8)], count)


class Square:
    """The square of the plane that a picture covers, with a margin, and its pixels.

    `left`, `top` and `side` are in the units of `x` and `y`.
    """

    def __init__(self, x: np.ndarray, y: np.ndarray) -> None:
        low, high = np.array([x.min(), y.min()]), np.array([x.max(), y.max()])
        self.side = float(max((high - low).max() * 1.04, 1e-9))
        middle = (low + high) / 2
        self.left = float(middle[0] - self.side / 2)
        self.top = float(middle[1] + self.side / 2)

    def pixels(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the pixel of each point inside, row by row, and which of all points are inside."""
        column = np.floor((x - self.left) / self.side * CELLS).astype(np.int64)
        row = np.floor((self.top - y) / self.side * CELLS).astype(np.int64)
        is_inside = (column >= 0) & (column < CELLS) & (row >= 0) & (row < CELLS)
        return (row * CELLS + column)[is_inside], is_inside


def _covered(pixel: np.ndarray, of: np.ndarray | None = None) -> np.ndarray:
    """Return how many points cover each pixel, int32, or the sum of `of` over them, float64."""
    found = np.bincount(pixel, of, CELLS * CELLS).reshape(CELLS, CELLS)
    return _spread(found.astype(np.int32) if of is None else found)


def _spread(pixels: np.ndarray) -> np.ndarray:
    """Return for each pixel the sum over those at most `REACH` away in row and column."""
    rows = pixels.copy()
    for step in range(1, REACH + 1):
        rows[step:] += pixels[:-step]
        rows[:-step] += pixels[step:]
    total = rows.copy()
    for step in range(1, REACH + 1):
        total[:, step:] += rows[:, :-step]
        total[:, :-step] += rows[:, step:]
    return total


def _png(colour: np.ndarray, count: np.ndarray) -> str:
    """Return RGB pixels as a PNG: clear where `count` is 0, denser the larger it is, with edges."""
    covered = count > 0
    is_edge = (_spread(covered.astype(np.int32)) > 0) & ~covered
    colour = np.where(is_edge[..., None], np.array(EDGE, np.uint8), colour)
    alpha = np.where(covered, np.clip(0.6 + 0.1 * count, 0, 1), 0.5 * is_edge)
    rgba = np.dstack([colour, np.rint(255 * alpha).astype(np.uint8)])
    file = io.BytesIO()
    Image.fromarray(rgba).save(file, "PNG", compress_level=6)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")
