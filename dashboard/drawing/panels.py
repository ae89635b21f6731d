"""Panels side by side or stacked, and the looks that lines in them share, for screen and paper."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import plotly.graph_objects as go
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath
from plotly.subplots import make_subplots

from dashboard.drawing.style import (
    CLASS_COLOURS,
    GROUP_COLOURS,
    GROUP_DASHES,
    TEXT,
    paper_figure,
    paper_style,
    screen_figure,
)

NARROWEST = 2.2  # inches of a panel that stands beside another
SMALLEST, MANY_ENTRIES = 6.0, 6  # points of letters; legend entries for which they may shrink
HANDLE, COLUMN_GAP = 2.8, 1.5  # of a legend, in letters' sizes: line and its gap, between columns
DASHES = ("solid", "dash", "dot", "dashdot")
PAPER_DASHES = {"solid": "-", "dash": "--", "dot": ":", "dashdot": "-."}
# Ranks of the loss or the margin, of no known group: no colour that claims clean or mislabeled.
RANK_COLOURS = {
    f"{rank}{of}": CLASS_COLOURS[colour]
    for rank, colour in (("low", 2), ("middle", 5), ("high", 8))
    for of in ("", " margin")
}


def screen_panels(titles: Sequence[str], *, shared_y: bool = False, height: int = 400) -> go.Figure:
    """Return a plotly figure with a titled panel per title, side by side, and the legend below."""
    figure = make_subplots(
        rows=1,
        cols=len(titles),
        subplot_titles=list(titles),
        shared_yaxes=shared_y,
        horizontal_spacing=0.04 if shared_y else 0.12,
    )
    figure = screen_figure(figure, height)
    # Below the axis titles: above, the legend would cover the titles of the panels.
    figure.update_layout(legend={"y": -0.2, "yanchor": "top"}, margin={"t": 40})
    figure.update_annotations(font={"size": 14})
    return figure


@contextmanager
def paper_panels(
    width: float, n_panels: int = 1, aspect: float = 0.62, **options: Any
) -> Iterator[tuple[Figure, list[Axes]]]:
    """Give a Matplotlib figure and its axes, as many beside one another as are readable.

    All that is drawn inside the `with` has the shared style at the scale of `width`, in inches.
    """
    columns = min(n_panels, max(1, int(width // NARROWEST)))
    rows = -(-n_panels // columns)
    with paper_style(scale=max(1.0, min(width / TEXT, 1.6))):
        figure, axes = paper_figure(width, aspect, rows, columns, **options)
        for unused in axes[n_panels:]:
            unused.remove()
        yield figure, axes[:n_panels]


def paper_legend(figure: Figure, axes: Axes) -> None:
    """Put the legend of `axes` above all panels, in as many columns as fit the figure's width.

    The figure grows by the legend's height, so that the panels keep theirs.
    """
    handles, labels = axes.get_legend_handles_labels()
    if not labels:
        return
    size = FontProperties(size=mpl.rcParams["legend.fontsize"]).get_size_in_points()
    columns = _columns(labels, size, figure.get_figwidth())
    if columns == 1 and len(labels) > MANY_ENTRIES:
        columns = _columns(labels, SMALLEST, figure.get_figwidth())
        size = size if columns == 1 else SMALLEST
    rows = -(-len(labels) // columns)
    figure.set_figheight(figure.get_figheight() + rows * 1.4 * size / 72)
    figure.legend(
        handles,
        labels,
        loc="outside upper left",
        ncols=columns,
        fontsize=size,
        handlelength=HANDLE - 0.8,
        handletextpad=0.8,
        columnspacing=COLUMN_GAP,
    )


def _columns(labels: Sequence[str], size: float, width: float) -> int:
    """Return how many columns of legend entries fit `width` inches at a letters' size in points."""
    longest = max(TextPath((0, 0), label, size=size).get_extents().width for label in labels)
    room = width * 72 - 2 * size + COLUMN_GAP * size
    return min(max(1, int(room // (longest + (HANDLE + COLUMN_GAP) * size))), len(labels))


def role_looks(roles: Sequence[str]) -> list[tuple[str, str]]:
    """Return a colour and a plotly dash for each role or group; of the same role, dashes differ."""
    known = GROUP_COLOURS | RANK_COLOURS
    looks: list[tuple[str, str]] = []
    for number, role in enumerate(roles):
        colour = known.get(role, CLASS_COLOURS[number % len(CLASS_COLOURS)])
        first = DASHES.index(GROUP_DASHES.get(role, "solid"))
        repeats = list(roles[:number]).count(role)
        looks.append((colour, DASHES[(first + repeats) % len(DASHES)]))
    return looks


def translucent(colour: str, alpha: float) -> str:
    """Return `#RRGGBB` as plotly's rgba text; `alpha` in [0, 1]."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"
