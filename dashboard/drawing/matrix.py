"""A square of classes by classes in colours: ink, numbers and ticks of its cells."""

import numpy as np
from matplotlib import colormaps

from dashboard.drawing.style import CONTINUOUS

MOST_ANNOTATED = 20  # classes; the numbers of more would cover one another
TICKS = 20


def cell_text(value: float, form: str) -> str:
    """Return a cell's number, nothing where there is none."""
    return "" if np.isnan(value) else format(value, form)


def ink(value: float) -> str:
    """Return the colour of a number on its cell: the cell's colour decides, not the page's."""
    red, green, blue, _ = colormaps[CONTINUOUS](0.0 if np.isnan(value) else value / 100)
    return "white" if 0.3 * red + 0.6 * green + 0.1 * blue < 0.45 else "black"


def ticks_of(n_classes: int) -> list[int]:
    """Return the classes whose names fit: all, or every so many."""
    return list(range(0, n_classes, -(-n_classes // TICKS)))
