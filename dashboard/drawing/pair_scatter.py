"""A sample a point, a criterion an axis: what figures of two scores or ranks have in common.

A row per sample: `sample_id`, `group` (of `ROLES`), `x`, `y`, and the same in every row
`axis_x`, `axis_y` (what the axes are called), `run_x`, `run_y` (of which runs, empty for the same)
and `cut_x`, `cut_y` (where the flagged samples of each axis end, NaN for none).
"""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure

from dashboard.drawing.cloud import in_turns
from dashboard.drawing.marks import Special
from dashboard.drawing.page import legend
from dashboard.drawing.raster import Square, raster_of_categories
from dashboard.drawing.style import (
    GREY,
    GROUP_MARKERS,
    PLAIN,
    PURPLE,
    Typography,
    paper_figure,
    paper_style,
    screen_figure,
)
from dashboard.drawing.text import on_paper, on_screen, shorten, wrap
from hmw_core.criteria.criterion import Criterion

MARKERS_UP_TO = 6_000  # samples; more are sent as a picture
RELABELED = "given label differs"
ROLES = {"clean": "clean", "mislabeled": "mislabeled", RELABELED: PURPLE, "unknown": "unknown"}


def drawing(table: pd.DataFrame) -> Special:
    """Return the samples by both renderers."""
    return Special(partial(draw, table), partial(typeset, table))


def draw(table: pd.DataFrame, typography: Typography = PLAIN) -> go.Figure:
    """Draw the table for the screen; a marker's `customdata` is its `sample_id`."""
    figure = go.Figure()
    add_samples = _add_picture if len(table) > MARKERS_UP_TO else _add_markers
    colours = _colours(typography)
    add_samples(figure, table, colours)
    for group, count in _counts(table).items():
        figure.add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            name=f"{_title(group)} ({count:,})",
            marker={"color": colours[group], "symbol": GROUP_MARKERS.get(group, "circle")},
        )
    first = table.iloc[0]
    line = {"color": GREY, "width": 1, "dash": "dot"}
    if np.isfinite(first["cut_x"]):
        figure.add_vline(x=first["cut_x"], line=line)
        figure.add_hline(y=first["cut_y"], line=line)
    screen_figure(figure, height=560)
    figure.update_xaxes(title=_axis_title(table, "x", 60, on_screen, "<br>"), zeroline=False)
    figure.update_yaxes(title=_axis_title(table, "y", 60, on_screen, "<br>"), zeroline=False)
    return figure


def typeset(table: pd.DataFrame, typography: Typography) -> Figure:
    """Typeset the table for a file."""
    colours = _colours(typography)
    with paper_style(typography):
        figure, [axes] = paper_figure(typography, 0.9 if typography.inches < 5 else 0.7)
        for group, part in in_turns(table, "group"):
            axes.scatter(
                part["x"],
                part["y"],
                s=3,
                color=colours[group],
                linewidths=0,
                alpha=0.7,
                rasterized=True,  # 50,000 outlines are no figure that a reader's program opens
            )
        for group, count in _counts(table).items():
            axes.scatter([], [], s=12, color=colours[group], label=f"{_title(group)} ({count:,})")
        first = table.iloc[0]
        if np.isfinite(first["cut_x"]):
            axes.axvline(first["cut_x"], color=GREY, linestyle=":", linewidth=0.8)
            axes.axhline(first["cut_y"], color=GREY, linestyle=":", linewidth=0.8)
        axes.set_xlabel(_axis_title(table, "x", 34, on_paper, "\n"))
        axes.set_ylabel(_axis_title(table, "y", 34, on_paper, "\n"))
        legend(figure, [axes])
    return figure


def axis_of(criterion: Criterion, ranks: bool, pass_name: str) -> str:
    """Return what an axis of scores or ranks is called: its pass, and which end is suspicious."""
    if ranks:
        return f"Rank by {criterion.title}, {pass_name} pass, 1 = most suspicious"
    unit = "" if criterion.unit in ("", "1") else f" ({criterion.unit})"
    end = "low" if criterion.higher_means == "clean" else "high"
    return f"{criterion.title}{unit}, {pass_name} pass, {end} = suspicious"


def _axis_title(table: pd.DataFrame, place: str, limit: int, safe: Any, line_end: str) -> str:
    first = table.iloc[0]
    lines = wrap(first[f"axis_{place}"], 44).split("\n")
    if first[f"run_{place}"]:
        lines.append(f"in {shorten(first[f'run_{place}'], limit)}")
    return line_end.join(safe(line) for line in lines)


def _title(group: str) -> str:
    return "true label unknown" if group == "unknown" else group


def _colours(typography: Typography) -> dict[str, str]:
    return {group: typography.colour(role) for group, role in ROLES.items()}


def _counts(table: pd.DataFrame) -> dict[str, int]:
    counts = table["group"].value_counts()
    return {group: int(counts[group]) for group in ROLES if group in counts}


def _add_markers(figure: go.Figure, table: pd.DataFrame, colours: dict[str, str]) -> None:
    for group, part in in_turns(table, "group"):
        figure.add_scattergl(
            x=part["x"].to_numpy(np.float32),
            y=part["y"].to_numpy(np.float32),
            customdata=part["sample_id"].to_numpy(np.int32),
            mode="markers",
            showlegend=False,
            marker={
                "color": colours[group],
                "symbol": GROUP_MARKERS.get(group, "circle"),
                "size": 5,
                "opacity": 0.7,
            },
            hovertemplate=f"sample %{{customdata}}, {_title(group)}<br>"
            "%{x:.3g} against %{y:.3g}<extra></extra>",
        )


def _add_picture(figure: go.Figure, table: pd.DataFrame, colours: dict[str, str]) -> None:
    x, y = (table[place].to_numpy(float) for place in ("x", "y"))
    low = np.array([x.min(), y.min()])
    size = np.maximum(np.array([x.max(), y.max()]) - low, 1e-9)
    # The picture is a square, and the two runs' scores may be of quite different size.
    square_x, square_y = (x - low[0]) / size[0], (y - low[1]) / size[1]
    square = Square(square_x, square_y)
    order = {group: number for number, group in enumerate(colours)}
    category = table["group"].map(order).to_numpy(int)
    left, top = np.array([square.left, square.top]) * size + low
    width, height = square.side * size
    figure.add_scatter(  # two invisible points that span the axes
        x=[left, left + width],
        y=[top - height, top],
        mode="markers",
        marker={"opacity": 0, "size": 1},
        hoverinfo="skip",
        showlegend=False,
    )
    figure.add_layout_image(
        source=raster_of_categories(square_x, square_y, category, list(colours.values()), square),
        xref="x",
        yref="y",
        x=left,
        y=top,
        sizex=width,
        sizey=height,
        sizing="stretch",
        layer="below",
    )
