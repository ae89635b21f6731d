"""What a figure is made of: panels of marks on two axes, rendered by `screen` and by `page`.

Texts are plain, as users gave them; the renderers make them safe and make them fit. A colour is
a role (`mislabeled`, `iam`, `quiet`; see `style.colour`) where it has a meaning, else `#RRGGBB`.
Dash and symbol are those of the role unless given. A name stands once in the legend, however many
marks have it. `hover` is plotly's template over `x`, `y` and the columns of `data`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
from matplotlib.figure import Figure

from dashboard.drawing.style import Typography
from dashboard.drawing.text import short_names

Numbers = Any  # a Series, array or sequence of numbers
Limits = tuple[float | None, float | None]


@dataclass(frozen=True)
class Mark:
    """Something drawn in a panel."""


@dataclass(frozen=True)
class Line(Mark):
    """Points joined by a line; a single one is drawn as a dot. `dots` marks every point."""

    x: Numbers
    y: Numbers
    colour: str = "quiet"
    name: str = ""
    dash: str | None = None
    width: float = 2.0
    dots: bool = False
    hover: str = "epoch %{x}: %{y:.3f}"
    data: Any = None


@dataclass(frozen=True)
class Band(Mark):
    """The area between two curves."""

    x: Numbers
    low: Numbers
    high: Numbers
    colour: str = "quiet"
    name: str = ""
    alpha: float = 0.2


@dataclass(frozen=True)
class Steps(Mark):
    """A histogram's outline over `edges` (one more than `heights`), filled."""

    edges: Numbers
    heights: Numbers
    colour: str = "quiet"
    name: str = ""
    width: float = 2.0
    alpha: float = 0.15
    hover: str = "%{x:.3g}: %{y:.1f} %"


@dataclass(frozen=True)
class Points(Mark):
    """Single points; a colour or a symbol for all, or one each.

    `low` and `high` are the ends of their intervals along `along`, NaN for none. `written` is set
    at the right edge, a text a point, in files, which have no pointer to ask.
    """

    x: Numbers
    y: Numbers
    colour: str | Sequence[str] = "quiet"
    name: str = ""
    symbol: str | Sequence[str] | None = None
    size: float = 10.0
    hollow: bool = False
    alpha: float = 1.0
    low: Numbers = None
    high: Numbers = None
    along: Literal["x", "y"] = "x"
    written: Sequence[str] = ()
    hover: str = "%{x:.3f}"
    data: Any = None


@dataclass(frozen=True)
class Bars(Mark):
    """Bars from 0 with a text at their ends; `across` makes them horizontal."""

    at: Numbers
    lengths: Numbers
    colour: str | Sequence[str] = "quiet"
    texts: Sequence[str] = ()
    across: bool = False
    hover: str = "%{x}: %{y:,}"
    data: Any = None


@dataclass(frozen=True)
class Cells(Mark):
    """A grid of colours, with a text and a hover text a cell; the axes have `names`.

    Parameters
    ----------
    values : ndarray of shape (rows, columns)
        NaN is left open.
    texts, hover : array of str, of the shape of `values`
    short : array of str, optional
        What files write instead of `texts`.
    links : array of str, optional
        Addresses that the texts lead to on the screen.
    bold : array of bool, optional
    limits : pair of float
        Of the colours.
    diverging : bool
        Whether the middle of the limits means "none".
    bar : str
        What the colours mean; empty for no bar.
    """

    values: np.ndarray
    texts: Any = None
    hover: Any = None
    short: Any = None
    links: Any = None
    bold: Any = None
    limits: tuple[float, float] = (0.0, 100.0)
    diverging: bool = False
    bar: str = ""

    def share(self, row: int, column: int) -> float:
        """Return where a cell lies between the limits, in [0, 1]; NaN where it is open."""
        low, high = self.limits
        value = (self.values[row, column] - low) / max(high - low, 1e-12)
        return float(np.clip(value, 0.0, 1.0))


@dataclass(frozen=True)
class Rule(Mark):
    """A straight line across the panel, at `x` or at `y`; `text` names it in place."""

    x: float | None = None
    y: float | None = None
    colour: str = "quiet"
    name: str = ""
    dash: str = "dot"
    width: float = 1.0
    text: str = ""
    hover: str = ""


@dataclass(frozen=True)
class Span(Mark):
    """The area between two places on the x axis, over the panel's height."""

    low: float
    high: float
    colour: str = "quiet"
    name: str = ""
    alpha: float = 0.2


@dataclass(frozen=True)
class Unseen(Mark):
    """Places that a box on the screen selects, told apart by `data`; nothing is drawn."""

    x: Numbers
    y: Numbers
    data: Any


@dataclass(frozen=True)
class Axis:
    """An axis: numbers, or `names` at 0, 1, ..., which run downwards on a y axis.

    `limits` are both ends, or (0, None) for an axis from 0 on; `whole` numbers have no decimals;
    `ticks` are the only places with a text.
    """

    title: str
    limits: Limits = (None, None)
    names: Sequence[str] = ()
    ticks: Mapping[float, str] | None = None
    log: bool = False
    whole: bool = False


@dataclass(frozen=True)
class Panel:
    """Marks on two axes, drawn in their order; `facts` are what a title's template may ask for."""

    marks: Sequence[Mark]
    x: Axis
    y: Axis
    title: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Drawing:
    """Panels, side by side where there is room.

    Parameters
    ----------
    panels : sequence of Panel
    title : str
        Of all of them, a line or several.
    share_y : bool
        Whether all have the y axis of the first.
    columns : int
        Panels in a row of the screen; 0 for all. Then all share both axes.
    own_y : bool
        Whether panels in rows have y axes of their own and share the x axis alone.
    aspect : float
        A panel's height over its width in files, where its rows do not decide it.
    height : int, optional
        Pixels on the screen, where rows do not decide it.
    row : float
        Pixels of a named row.
    """

    panels: Sequence[Panel]
    title: str = ""
    share_y: bool = False
    columns: int = 0
    own_y: bool = False
    aspect: float = 0.62
    height: int = 400
    row: float = 26.0


@dataclass(frozen=True)
class Special:
    """A drawing that marks cannot make, such as a cloud of 50,000 samples: both renderings."""

    screen: Callable[[Typography], go.Figure]
    page: Callable[[Typography], Figure]


EPOCH = Axis("Epoch", whole=True)


def cell_texts(values: np.ndarray, form: str) -> np.ndarray:
    """Return the number of each cell, nothing where there is none."""
    texts = ["" if np.isnan(value) else format(value, form) for value in values.flat]
    return np.array(texts, dtype=object).reshape(values.shape)


def cells_of(panel: Panel) -> Cells | None:
    """Return the panel's grid, if it is one."""
    return next((mark for mark in panel.marks if isinstance(mark, Cells)), None)


def extent(panel: Panel, along: str) -> tuple[float, float]:
    """Return the ends of an axis: its limits, and where there is none what the marks reach."""
    axis = panel.x if along == "x" else panel.y
    reached: list[Numbers] = []
    for mark in panel.marks:
        names: tuple[str, ...] = (along, "edges" if along == "x" else "heights")
        if isinstance(mark, Band) and along == "y":
            names = ("low", "high")
        elif isinstance(mark, Bars):
            names = ("at",) if (along == "x") != mark.across else ("lengths",)
        reached += [getattr(mark, name, None) for name in names]
    flat = [np.ravel(np.asarray(v, dtype=float)) for v in reached if v is not None]
    known = np.concatenate([*flat, np.empty(0)])
    known = known[np.isfinite(known)] if np.isfinite(known).any() else np.array([0.0, 1.0])
    low, high = axis.limits
    return (
        float(known.min()) if low is None else low,
        float(known.max()) if high is None else high,
    )


def with_short_names(drawing: Drawing, limit: int) -> Drawing:
    """Return the drawing with its legend's names cut, unless that makes two the same."""
    found = [getattr(mark, "name", "") for panel in drawing.panels for mark in panel.marks]
    short = short_names(found, limit)

    def cut(mark: Mark) -> Mark:
        changes: dict[str, Any] = {"name": short[mark.name]} if hasattr(mark, "name") else {}
        return replace(mark, **changes)

    panels = [replace(panel, marks=list(map(cut, panel.marks))) for panel in drawing.panels]
    return replace(drawing, panels=panels)


def step_of(count: int, most: int) -> int:
    """Return every how many of `count` names are written, so that they are at most `most`."""
    return -(-count // most)
