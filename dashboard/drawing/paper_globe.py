"""Spheres for a file."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d import Axes3D

from dashboard.drawing.globe import COLOURS, COLUMNS, arc, circles, legend_line, made_from
from dashboard.drawing.style import GREY, TEXT, paper_style
from dashboard.drawing.text import on_paper, shorten, wrap

MARKERS = {"given": "o", "nearest": "s", "next": "P", "sample": "D"}
ELEVATION, AZIMUTH = 28, 45  # degrees: the three class vectors face the reader
NARROW = 5.0  # inches; below it, spheres are stacked
LETTER = 0.06  # inches of a letter of the legend, rather too much


def paper_globes(table: pd.DataFrame, width: float) -> Figure:
    """Typeset `prepare`'s table: spheres beside one another, or stacked in a narrow column."""
    panels = list(table.groupby("panel", sort=False))
    is_narrow = width < NARROW
    columns = 1 if is_narrow else min(len(panels), COLUMNS)
    rows = -(-len(panels) // columns)
    scale = max(1.0, min(width / TEXT, 1.6))
    panel = width / columns
    globe = 1.6 if is_narrow else min(panel, 3.4)  # inches; its legend stands beside or below it
    letters = int((panel - 0.3) / (LETTER * scale))
    beside = int((panel - globe - 0.35) / (LETTER * scale))
    lines = [
        [
            wrap(on_paper(legend_line(row)), beside if is_narrow else letters)
            for _, row in part.iterrows()
        ]
        for _, part in panels
    ]
    below = 0 if is_narrow else max("\n".join(texts).count("\n") + 1 for texts in lines)
    row_height = globe + (0.4 + below * 0.17) * scale
    with paper_style(scale):
        figure = Figure(figsize=(width, rows * row_height))
        for number, ((title, part), texts) in enumerate(zip(panels, lines, strict=True)):
            left = number % columns * panel
            top = (rows - number // columns) * row_height
            bottom = top - 0.35 * scale - globe
            start = left if is_narrow else left + (panel - globe) / 2
            x, y = _in_figure(figure, start, bottom)
            axes = figure.add_axes((x, y, *_in_figure(figure, globe, globe)), projection="3d")
            _globe(axes, part, texts)
            x, y = _in_figure(figure, left + 0.15, bottom)
            if is_narrow:
                x, y = _in_figure(figure, globe + 0.1, bottom + globe / 2)
            axes.legend(
                loc="center left" if is_narrow else "upper left",
                bbox_to_anchor=(x, y),
                bbox_transform=figure.transFigure,
                borderaxespad=0,
                handlelength=1.2,
            )
            x, y = _in_figure(figure, left + panel / 2, top - 0.05)
            heading = on_paper(shorten(str(title), int(panel / (LETTER * scale))))
            heading = f"{heading}\n{made_from(part)}"
            figure.text(x, y, heading, ha="center", va="top", fontsize=7 * scale)
    return figure


def _in_figure(figure: Figure, x: float, y: float) -> tuple[float, float]:
    """Return inches as shares of the figure's width and height."""
    return x / figure.get_figwidth(), y / figure.get_figheight()


def _globe(axes: Axes3D, part: pd.DataFrame, names: Sequence[str]) -> None:
    """Draw one sphere; `names` are the legend's entries, one a row of `part`."""
    axes.plot(*circles().T, color=GREY, linewidth=0.4, alpha=0.5)
    places = part[["x", "y", "z"]].to_numpy(float)
    for place, kind, name in zip(places, part["kind"], names, strict=True):
        if kind != "sample":
            axes.plot(*arc(places[-1], place).T, color=COLOURS[kind], linestyle=":", linewidth=1)
        axes.plot(
            *np.vstack([np.zeros(3), place]).T,
            color=COLOURS[kind],
            marker=MARKERS[kind],
            markevery=[1],
            markersize=4,
            linewidth=1.6 if kind == "sample" else 1.2,
            label=name,
        )
    axes.set_axis_off()
    axes.set(xlim=(-0.8, 0.8), ylim=(-0.8, 0.8), zlim=(-0.8, 0.8))
    axes.set_box_aspect((1, 1, 1), zoom=1.25)
    axes.view_init(ELEVATION, AZIMUTH)
