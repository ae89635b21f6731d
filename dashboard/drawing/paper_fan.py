"""Fans of angles for a file."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.projections.polar import PolarAxes

from dashboard.drawing.facts import facts_of
from dashboard.drawing.fan import COLUMNS, LENGTHS, ROLES, TICKS, arc, legend_line, made_from
from dashboard.drawing.style import GREY, ORANGE, Typography, paper_style
from dashboard.drawing.text import on_paper, shorten, wrap

MARKERS = {"given": "o", "nearest": "s", "next": "P"}
NARROW = 5.0  # inches; below it, fans are stacked
LETTER = 0.06  # inches of a letter of the legend, rather too much
LINE = 0.16  # inches between two lines of the legend


def paper_fans(table: pd.DataFrame, typography: Typography) -> Figure:
    """Typeset `prepare`'s table: fans beside one another, or stacked in a narrow column."""
    panels = list(table.groupby("panel", sort=False))
    width, scale = typography.inches, typography.scale
    columns = 1 if width < NARROW else min(len(panels), COLUMNS)
    rows = -(-len(panels) // columns)
    panel = width / columns
    letters = int((panel - 0.4) / (LETTER * scale))
    names = [
        [wrap(on_paper(legend_line(row)), letters) for _, row in part.iterrows()]
        for _, part in panels
    ]
    n_lines = 1 + max(sum(name.count("\n") + 1 for name in texts) for texts in names)
    fan = min(panel, 3.0) - 0.5  # inches from 0 to 180 degrees; the figures stand outside
    above, below = 0.55 * scale, (0.15 + n_lines * LINE) * scale
    row_height = above + fan / 2 + below
    with paper_style(typography):
        figure = Figure(figsize=(width, rows * row_height))
        for number, ((title, part), texts) in enumerate(zip(panels, names, strict=True)):
            middle = (number % columns + 0.5) * panel
            top = (rows - number // columns) * row_height
            # Matplotlib sets half a disc in the middle of a square.
            x, y = _in_figure(figure, middle - fan / 2, top - above - 0.75 * fan)
            axes = figure.add_axes((x, y, *_in_figure(figure, fan, fan)), projection="polar")
            assert isinstance(axes, PolarAxes)
            _fan(axes, part, texts, typography)
            axes.legend(
                loc="upper center",
                bbox_to_anchor=_in_figure(figure, middle, top - row_height + below - 0.1 * scale),
                bbox_transform=figure.transFigure,
                borderaxespad=0,
                handlelength=1.2,
            )
            x, y = _in_figure(figure, middle, top - 0.05)
            title = shorten(str(title), int(panel / (LETTER * scale)))
            heading = typography.title_on_paper(number, len(panels), title, facts_of(part))
            heading = f"{heading}\n{made_from(part)}"
            figure.text(x, y, heading, ha="center", va="top", fontsize=7 * scale)
    return figure


def _in_figure(figure: Figure, x: float, y: float) -> tuple[float, float]:
    """Return inches as shares of the figure's width and height."""
    return x / figure.get_figwidth(), y / figure.get_figheight()


def _fan(axes: PolarAxes, part: pd.DataFrame, names: list[str], typography: Typography) -> None:
    """Draw one fan; `names` are the legend's entries, one a row of `part`."""
    axes.plot([0, 0], [0, 1], color=ORANGE, linewidth=2.4, label="the sample")
    for (_, row), name in zip(part.iterrows(), names, strict=True):
        colour, length = typography.colour(ROLES[row["kind"]]), LENGTHS[row["kind"]]
        around = np.radians(arc(row["angle"]))
        axes.plot(around, np.full(len(around), 0.7 * length), color=colour, ls=":", linewidth=0.9)
        axes.plot(
            np.radians([row["angle"]] * 2),
            [0, length],
            color=colour,
            marker=MARKERS[row["kind"]],
            markevery=[1],
            markersize=4,
            linewidth=1.4,
            label=name,
        )
    axes.set(thetamin=0, thetamax=180, rmax=1.05, rmin=0)
    axes.set_thetagrids(list(TICKS), [f"{tick}°" for tick in TICKS], fontsize=6 * typography.scale)
    axes.set_rgrids([])
    axes.tick_params(pad=-2)
    axes.grid(color=GREY, linewidth=0.4, alpha=0.5)
