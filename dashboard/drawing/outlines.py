"""Outlines drawn on a map: which points they hold, and the text that an address keeps of them."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dashboard.drawing.style import GREY
from hmw_core.errors import UsageError

MOST_CORNERS = 2_000  # of all outlines together; a lasso by hand has 20 to 200
KINDS = {"b": "box", "l": "lasso"}


@dataclass(frozen=True)
class Outline:
    """A box, by two opposite corners, or a lasso, closed from its last corner to its first.

    `corners` are (x, y) in the units of the map, in single precision, as the map's own places are:
    what the address says of an outline is then all of it.
    """

    kind: str
    corners: tuple[tuple[float, float], ...]


class Plane:
    """Points that many outlines are asked about, sorted once.

    Parameters
    ----------
    x, y : ndarray of shape (N,), float
        A point that is not finite is in no outline.
    """

    def __init__(self, x: np.ndarray, y: np.ndarray) -> None:
        self._order = np.argsort(y, kind="stable")
        self._x = np.asarray(x, dtype=np.float64)[self._order]
        self._y = np.asarray(y, dtype=np.float64)[self._order]

    def inside(self, outlines: Sequence[Outline]) -> np.ndarray:
        """Tell which points lie in any of these outlines, (N,) bool, in the order they came.

        A point on the edge of a box is inside. Where a lasso crosses itself, what it goes around
        an even number of times is outside, as plotly has it.
        """
        found = np.zeros(len(self._x), dtype=bool)
        for outline in outlines:
            corners = np.asarray(outline.corners, dtype=np.float64)
            found |= self._in_box(corners) if outline.kind == "box" else self._in_lasso(corners)
        result = np.empty_like(found)
        result[self._order] = found
        return result

    def _in_box(self, corners: np.ndarray) -> np.ndarray:
        low, high = corners.min(axis=0), corners.max(axis=0)
        is_high = (self._y >= low[1]) & (self._y <= high[1])
        return is_high & (self._x >= low[0]) & (self._x <= high[0])

    def _in_lasso(self, corners: np.ndarray) -> np.ndarray:
        """Count the edges to the right of each point; only points at an edge's height are met.

        An edge meets only a slice of the sorted points, so that a million points cost as much as
        the edges above and below one of them, and not as all edges.
        """
        odd = np.zeros(len(self._x), dtype=bool)
        for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            first, last = np.searchsorted(self._y, [min(y1, y2), max(y1, y2)])
            if first < last:
                part = slice(first, last)
                odd[part] ^= self._x[part] < x1 + (self._y[part] - y1) / (y2 - y1) * (x2 - x1)
        return odd


def outlines_of(selection: Mapping[str, Any]) -> tuple[Outline, ...]:
    """Return the outlines of what `st.plotly_chart` has under `selection`.

    A lasso of fewer than three corners holds nothing and is left out.
    """
    found = []
    for kind, fewest in (("box", 2), ("lasso", 3)):
        for drawn in selection.get(kind) or []:
            corners = np.column_stack([drawn["x"], drawn["y"]]).astype(np.float32).tolist()
            if len(corners) >= fewest:
                found.append(Outline(kind, tuple((x, y) for x, y in corners)))
    return tuple(found)


def as_text(outlines: Sequence[Outline]) -> str:
    """Return outlines as an address keeps them: eight bytes a corner, nothing to escape."""
    words = []
    for outline in outlines:
        packed = np.asarray(outline.corners, dtype="<f4").tobytes()
        words.append(outline.kind[0] + base64.urlsafe_b64encode(packed).decode().rstrip("="))
    return ".".join(words)


def from_text(text: str) -> tuple[Outline, ...]:
    """Return the outlines that `as_text` wrote.

    Raises
    ------
    UsageError
        If the text is none of ours, or holds more corners than anyone draws.
    """
    found = []
    for word in text.split(".") if text else []:
        kind, packed = KINDS.get(word[:1]), word[1:]
        try:
            raw = base64.b64decode(packed + "=" * (-len(packed) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        corners = np.frombuffer(raw[: len(raw) // 8 * 8], dtype="<f4").reshape(-1, 2)
        whole = len(raw) % 8 == 0 and np.isfinite(corners).all()
        if kind is None or not whole or (len(corners) != 2 if kind == "box" else len(corners) < 3):
            raise UsageError("the outline in the address is damaged, so no outline is drawn")
        found.append(Outline(kind, tuple((x, y) for x, y in corners.tolist())))
    if sum(len(outline.corners) for outline in found) > MOST_CORNERS:
        raise UsageError(f"an outline in the address has more than {MOST_CORNERS:,} corners")
    return tuple(found)


def as_shapes(outlines: Sequence[Outline]) -> list[dict[str, Any]]:
    """Return outlines as plotly's `layout.shapes`, which draw them on the map."""
    shapes: list[dict[str, Any]] = []
    for outline in outlines:
        look = {"xref": "x", "yref": "y", "line": {"width": 2, "dash": "dot", "color": GREY}}
        if outline.kind == "box":
            (x0, y0), (x1, y1) = outline.corners
            shapes.append({"type": "rect", "x0": x0, "y0": y0, "x1": x1, "y1": y1, **look})
        else:
            path = "L".join(f"{x!r},{y!r}" for x, y in outline.corners)
            shapes.append({"type": "path", "path": f"M{path}Z", **look})
    return shapes
