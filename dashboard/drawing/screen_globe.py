"""Spheres for the screen."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.drawing.globe import COLOURS, COLUMNS, arc, circles, legend_line, made_from
from dashboard.drawing.style import GREY, screen_figure
from dashboard.drawing.text import on_screen

SYMBOLS = {"given": "circle", "nearest": "square", "next": "cross", "sample": "diamond"}


def screen_globes(table: pd.DataFrame) -> go.Figure:
    """Draw `prepare`'s table for the screen, each sphere with its own legend."""
    panels = list(table.groupby("panel", sort=False))
    columns = min(len(panels), COLUMNS)
    rows = -(-len(panels) // columns)
    figure = make_subplots(
        rows,
        columns,
        specs=[[{"type": "scene"}] * columns] * rows,
        subplot_titles=[
            f"{on_screen(str(title))}<br><sub>{made_from(part)}</sub>" for title, part in panels
        ],
        horizontal_spacing=0.01,
        vertical_spacing=0.3 / rows,
    )
    screen_figure(figure, height=120 + 380 * rows)
    for number, (_, part) in enumerate(panels):
        names = [on_screen(legend_line(row)) for _, row in part.iterrows()]
        place = {"row": number // columns + 1, "col": number % columns + 1}
        legend = "legend" if number == 0 else f"legend{number + 1}"
        for trace in _globe(part, names):
            figure.add_trace(trace.update(legend=legend), **place)
        domain = next(figure.select_scenes(**place)).domain
        box = {"x": domain.x[0], "y": domain.y[0], "yanchor": "top", "orientation": "v"}
        figure.update_layout({legend: box})
    hidden = {"visible": False, "range": [-1.15, 1.15]}
    eye = {"x": 0.95, "y": 0.95, "z": 0.75}
    figure.update_scenes(
        xaxis=hidden, yaxis=hidden, zaxis=hidden, aspectmode="cube", camera={"eye": eye}
    )
    return figure.update_layout(margin={"t": 60})


def _globe(part: pd.DataFrame, names: Sequence[str]) -> Iterator[go.Scatter3d]:
    """Yield the traces of one sphere; `names` say what each row of `part` is."""
    yield _line(circles(), {"color": GREY, "width": 1}, opacity=0.35)
    places = part[["x", "y", "z"]].to_numpy(float)
    for place, kind, name in zip(places, part["kind"], names, strict=True):
        colour = COLOURS[kind]
        if kind != "sample":
            yield _line(arc(places[-1], place), {"color": colour, "width": 3}, opacity=0.7)
        yield go.Scatter3d(
            x=[0.0, place[0]],
            y=[0.0, place[1]],
            z=[0.0, place[2]],
            mode="lines+markers",
            name=name,
            line={"color": colour, "width": 7 if kind == "sample" else 5},
            marker={"color": colour, "symbol": SYMBOLS[kind], "size": [0, 7], "line": {"width": 0}},
            hovertemplate=f"{name}<extra></extra>",
        )


def _line(points: np.ndarray, line: dict, **options: float) -> go.Scatter3d:
    x, y, z = points.T
    return go.Scatter3d(
        x=x, y=y, z=z, mode="lines", line=line, hoverinfo="skip", showlegend=False, **options
    )
