"""Fans of angles for the screen."""

from collections.abc import Iterator

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.drawing.facts import facts_of
from dashboard.drawing.fan import COLUMNS, LENGTHS, ROLES, TICKS, arc, legend_line, made_from
from dashboard.drawing.style import GREY, ORANGE, PLAIN, Typography, screen_figure
from dashboard.drawing.text import on_screen, shorten

LETTERS = 120  # of the titles of a row, together
SYMBOLS = {"given": "circle", "nearest": "square", "next": "cross"}


def screen_fans(table: pd.DataFrame, typography: Typography = PLAIN) -> go.Figure:
    """Draw `prepare`'s table for the screen, each fan with its own legend."""
    panels = list(table.groupby("panel", sort=False))
    columns = min(len(panels), COLUMNS)
    rows = -(-len(panels) // columns)
    titles = [
        typography.title_on_screen(
            at, len(panels), shorten(str(title), LETTERS // columns), facts_of(part)
        )
        for at, (title, part) in enumerate(panels)
    ]
    figure = make_subplots(
        rows,
        columns,
        specs=[[{"type": "polar"}] * columns] * rows,
        subplot_titles=[
            f"{on_screen(title)}<br><sub>{made_from(part)}</sub>"
            for title, (_, part) in zip(titles, panels, strict=True)
        ],
        horizontal_spacing=0.06,
        vertical_spacing=0.45 / rows,
    )
    screen_figure(figure, height=110 + 250 * rows)
    for number, (_, part) in enumerate(panels):
        place = {"row": number // columns + 1, "col": number % columns + 1}
        legend = f"legend{number + 2}"  # the page's theme gives the first another look
        for trace in _fan(part, typography):
            figure.add_trace(trace.update(legend=legend), **place)
        domain = next(figure.select_polars(**place)).domain
        box = {"x": domain.x[0], "y": domain.y[0] - 0.02, "yanchor": "top", "orientation": "v"}
        figure.update_layout({legend: box})
    figure.update_polars(
        sector=[0, 180],
        radialaxis={"visible": False, "range": [0, 1.05]},
        angularaxis={
            "tickvals": list(TICKS),
            "ticktext": [f"{tick}°" for tick in TICKS],
            "gridcolor": GREY,
        },
    )
    figure.update_annotations(font_size=14, yshift=14)
    return figure.update_layout(margin={"t": 90, "l": 40, "r": 40})


def _fan(part: pd.DataFrame, typography: Typography) -> Iterator[go.Scatterpolar]:
    """Yield the traces of one fan."""
    yield go.Scatterpolar(
        r=[0, 1],
        theta=[0, 0],
        mode="lines",
        name="the sample",
        line={"color": ORANGE, "width": 6},
        hoverinfo="skip",
    )
    for _, row in part.iterrows():
        name, length = on_screen(legend_line(row)), LENGTHS[row["kind"]]
        colour = typography.colour(ROLES[row["kind"]])
        around = arc(row["angle"])
        yield go.Scatterpolar(
            r=[0.7 * length] * len(around),
            theta=around,
            mode="lines",
            line={"color": colour, "width": 1.5, "dash": "dot"},
            hoverinfo="skip",
            showlegend=False,
        )
        yield go.Scatterpolar(
            r=[0, length],
            theta=[row["angle"]] * 2,
            mode="lines+markers",
            name=name,
            line={"color": colour, "width": 4},
            marker={"color": colour, "symbol": SYMBOLS[row["kind"]], "size": [0, 11], "opacity": 1},
            hovertemplate=f"{name}<extra></extra>",
        )
