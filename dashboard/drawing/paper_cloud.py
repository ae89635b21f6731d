"""A cloud of samples for a file."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from dashboard.drawing.cloud import STAR_EDGE, Entry, Look, in_turns, legend_entries, panels
from dashboard.drawing.page import legend
from dashboard.drawing.style import Typography, colour_map, paper_figure, paper_style
from dashboard.drawing.text import on_paper, shorten, wrap

BITMAP_ABOVE = 2_000  # points of a panel; as many vector markers make a PDF slow to open
MARKERS = {"circle": "o", "x": "x", "diamond": "D", "star": "*"}
POINT = 1 / 72  # inches
HIGHEST = 4.4  # inches of a panel
TITLE_SIZE = 7  # points


def paper_cloud(table: pd.DataFrame, look: Look, typography: Typography) -> Figure:
    """Typeset a panel per `panel` of the table (see `cloud`), two in a row."""
    look = look.painted(typography.colour)
    drawn = panels(table, look)
    columns = min(len(drawn), 2)
    rows = -(-len(drawn) // columns)
    panel_width, scale = typography.inches / columns, typography.scale
    with paper_style(typography):
        figure, axes = paper_figure(typography, 1.0, rows, columns)
        letters = int(panel_width / (TITLE_SIZE * scale * POINT * 0.6))
        titles = []
        for at, panel in enumerate(drawn):
            own = shorten(panel.title, 2 * letters)
            title = typography.title_on_paper(at, len(drawn), own, panel.facts)
            # An author's own title stands alone: the count is in the caption.
            count = "" if typography.title else on_paper(panel.count)
            titles.append("\n".join(wrap(t, letters) for t in (title, count) if t))
        for ax, title, panel in zip(axes, titles, drawn, strict=False):
            _add_samples(ax, panel.samples, look, panel_width)
            _add_outside(ax, panel.outside, look)
            _add_stars(ax, panel.vectors, look, (25 + 12 * panel_width) * scale)
            window = panel.window
            ax.set_title(title, fontsize=TITLE_SIZE * scale)
            ax.set_xlabel(f"{table['axes'].iloc[0]} 1")
            ax.set_ylabel(f"{table['axes'].iloc[0]} 2")
            ax.set(xticks=[], yticks=[])
            ax.set(xlim=(window.left, window.right), ylim=(window.bottom, window.top))
            if look.is_round:
                ax.set_aspect("equal", adjustable="datalim")
        for ax in axes[len(drawn) :]:
            ax.remove()
        if not look.colours:
            _add_scale(figure, axes[: len(drawn)], look, below=columns == 2)
        lines = max(title.count("\n") + 1 for title in titles)
        header = (lines * 1.35 * TITLE_SIZE + 16) * scale * POINT  # titles and axis names
        footer = 0.5 * scale if columns == 2 and not look.colours else 0.0
        figure.set_figheight(rows * (min(panel_width, HIGHEST) * 0.92 + header) + footer)
        _add_legend(axes[0], legend_entries(table, look), scale)
        legend(figure, axes[:1])
    return figure


def _add_samples(ax: Axes, samples: pd.DataFrame, look: Look, panel_width: float) -> None:
    n = max(len(samples), 1)  # a panel of several may be without
    area = float(np.clip(0.2 * (panel_width / POINT) ** 2 / n, 0.1, 10))  # square points
    for name, part in in_turns(samples, "value" if look.colours else "group"):
        if look.colours:
            colour: Any = look.colours[name]
        else:
            colour = colour_map()(look.share(part["value"]))
        is_cross = look.marker(name) == "x"
        ax.scatter(
            part["x"],
            part["y"],
            s=area * (1.5 if is_cross else 1),
            color=colour,
            marker=MARKERS[look.marker(name)],
            linewidths=min(0.6, 0.25 * area**0.5) if is_cross else 0,
            alpha=0.8,
            rasterized=n > BITMAP_ABOVE,
        )


def _add_outside(ax: Axes, outside: pd.DataFrame, look: Look) -> None:
    colours = look.colours_of(outside["value"])
    place: dict[str, Any] = {"marker": "^", "s": 14, "linewidths": 0, "clip_on": False, "zorder": 3}
    ax.scatter(outside["x"], outside["y"], c=colours, **place)


def _add_stars(ax: Axes, vectors: pd.DataFrame, look: Look, area: float) -> None:
    ax.scatter(
        vectors["x"],
        vectors["y"],
        s=area,
        c=[look.star(name) for name in vectors["class_name"]],
        marker="*",
        edgecolors=STAR_EDGE,
        linewidths=0.7,
        zorder=3,
    )


def _add_scale(figure: Figure, axes: list[Axes], look: Look, below: bool) -> None:
    colours = ScalarMappable(Normalize(look.low, look.high), colour_map())
    place = {"location": "bottom", "shrink": 0.8} if below else {"location": "right"}
    options: dict[str, Any] = {"aspect": 30, "pad": 0.02, **place}
    figure.colorbar(colours, ax=axes, label=on_paper(look.title), **options)


def _add_legend(ax: Axes, entries: list[Entry], scale: float) -> None:
    """Give `ax` empty lines that its legend is made from."""
    for name, colour, marker in entries:
        is_star = marker == "star"
        ax.plot(
            [],
            [],
            color=colour,
            marker=MARKERS[marker],
            linestyle="none",
            markersize=(7 if is_star else 4) * scale,
            markeredgecolor=STAR_EDGE if is_star else colour,
            markeredgewidth=0.7,
            label=on_paper(shorten(name, 16)),
        )
