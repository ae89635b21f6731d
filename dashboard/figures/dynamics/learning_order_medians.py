"""By which epoch half of each class's clean and mislabeled samples were fitted, with intervals."""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure

from dashboard.drawing.panels import paper_legend, paper_panels
from dashboard.drawing.style import screen_figure
from dashboard.drawing.text import on_paper, on_screen, shorten
from dashboard.figures.base import FigureSpec
from dashboard.figures.dynamics.learning_order import LINES, between, table_of, when
from hmw_core.laboratory.learning_order import medians
from hmw_core.log.reader import RunReader

EVENTS = {"first": "first", "for good": "for good"}
MOST = 40  # classes
SHAPES = {
    "clean": ("circle", "o"),
    "mislabeled": ("x", "x"),
    "true": ("diamond", "D"),
    "unknown": ("circle", "o"),
}
Y = "Given label"


def prepare(run: RunReader, event: str = "first") -> pd.DataFrame:
    """Return given_label, class_name, line, event, median, low, high, n_samples, n_never.

    `event` is `first` or `for good`; all classes (-1) first, then those whose clean samples (all,
    where no true label is known) are fitted latest, at most `MOST`.

    Raises
    ------
    CannotShow
        If the log holds no predictions, or has no epoch yet.
    """
    table = table_of(run)
    found = medians(table, run)
    found = found[found["event"] == event]
    learned = found[found["line"].isin(["clean", "unknown"]) & (found["given_label"] >= 0)]
    late = learned.sort_values("median", ascending=False, kind="stable")
    order = [-1, *dict.fromkeys(late["given_label"])][: MOST + 1]
    rest = [label for label in found["given_label"].unique() if label not in set(order)]
    order += rest[: MOST + 1 - len(order)]
    found = found[found["given_label"].isin(order)]
    found = found.sort_values("given_label", key=lambda c: c.map(order.index), kind="stable")
    names = {-1: "all classes", **dict(enumerate(run.class_names))}
    return found.assign(
        class_name=found["given_label"].map(names), last_epoch=run.last_epoch
    ).reset_index(drop=True)


def draw(table: pd.DataFrame) -> go.Figure:
    """Draw `prepare`'s table for the screen."""
    figure = go.Figure()
    places, last = _places(table), int(table["last_epoch"].iloc[0])
    for line, part in table.groupby("line", sort=False):
        title, colour, _ = LINES[line]
        drawn = part["median"].clip(upper=last)
        ends = np.array([between(row.low, row.high, last) for row in part.itertuples()])
        reached = np.isfinite(part["median"].to_numpy())
        words = [when(r.median, r.low, r.high, last) for r in part.itertuples()]
        figure.add_scatter(
            x=drawn,
            y=part["given_label"].map(places) + _shift(line),
            error_x={
                "type": "data",
                "symmetric": False,
                "array": np.maximum(ends[:, 1] - drawn, 0),
                "arrayminus": np.maximum(drawn - ends[:, 0], 0),
                "color": colour,
                "thickness": 1,
                "width": 2,
            },
            customdata=np.stack([words, part["n_never"], part["n_samples"]], axis=1),
            mode="markers",
            name=title,
            marker={
                "symbol": [SHAPES[line][0] if ok else "triangle-right-open" for ok in reached],
                "color": colour,
                "size": 9,
            },
            hovertemplate=f"{title}: %{{customdata[0]}}<br>never: %{{customdata[1]}} of "
            "%{customdata[2]}<extra></extra>",
        )
    height = 170 + 34 * len(places)
    figure = screen_figure(figure, height)
    figure.update_layout(legend={"y": -70 / height, "yanchor": "top"}, margin={"t": 16})
    figure.update_xaxes(title=_axis(table), range=[0, last * 1.04 + 0.5])
    figure.update_yaxes(
        title=Y,
        tickvals=list(places.values()),
        ticktext=[on_screen(shorten(name, 24)) for name in _names(table)],
        range=[len(places) - 0.5, -0.5],
    )
    return figure


def typeset(table: pd.DataFrame, width: float) -> Figure:
    """Typeset `prepare`'s table for a file of `width` inches."""
    places, last = _places(table), int(table["last_epoch"].iloc[0])
    with paper_panels(width, 1, (0.7 + 0.2 * len(places)) / width) as (figure, [axes]):
        for line, part in table.groupby("line", sort=False):
            title, colour, _ = LINES[line]
            for named, row in enumerate(part.itertuples()):
                y = places[row.given_label] + _shift(line)
                axes.plot(between(row.low, row.high, last), [y, y], color=colour, linewidth=0.8)
                marker = SHAPES[line][1] if np.isfinite(row.median) else ">"
                look: dict[str, Any] = {"color": colour, "markersize": 3.5}
                axes.plot(min(row.median, last), y, marker, **look)
                if not named:
                    axes.plot([], [], SHAPES[line][1], label=title, **look)
        axes.set_yticks(
            list(places.values()), [on_paper(shorten(name, 16)) for name in _names(table)]
        )
        axes.set_ylim(len(places) - 0.5, -0.5)
        axes.set_xlim(0, last * 1.04 + 0.5)
        axes.set_xlabel(_axis(table))
        axes.set_ylabel(Y)
        paper_legend(figure, axes)
    return figure


def _places(table: pd.DataFrame) -> dict[int, int]:
    return {label: n for n, label in enumerate(dict.fromkeys(table["given_label"]))}


def _names(table: pd.DataFrame) -> list[str]:
    return table.drop_duplicates("given_label")["class_name"].to_list()


def _shift(line: str) -> float:
    return {"clean": -0.22, "mislabeled": 0.22}.get(line, 0.0)


def _axis(table: pd.DataFrame) -> str:
    return f"Median epoch of being predicted so {table['event'].iloc[0]}"


FIGURE = FigureSpec(
    title="When half of a class is fitted",
    paper="",
    look_for=(
        "How far clean and mislabeled samples lie apart: as long as the training stops between, "
        "wrong labels do little harm. Triangles at the right edge: not reached by the last epoch."
    ),
    prepare=prepare,
    draw=draw,
    typeset=typeset,
)
