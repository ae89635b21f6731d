"""What two criteria flag at one budget: both, only one, neither, and how much of it is right."""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from matplotlib import colormaps
from matplotlib.figure import Figure

from dashboard.drawing.matrix import ink
from dashboard.drawing.panels import paper_panels
from dashboard.drawing.style import CONTINUOUS, screen_figure
from dashboard.figures.base import CannotShow, FigureSpec
from hmw_core.criteria.of_run import title_of
from hmw_core.errors import UsageError
from hmw_core.laboratory.duel import paired_criteria, quadrant_counts, quadrants, suggested_budget
from hmw_core.log.reader import RunReader

PLACES = {"both": (0, 0), "only A": (0, 1), "only B": (1, 0), "neither": (1, 1)}
"""Row (A flags, A keeps) and column (B flags, B keeps) of each part."""
TICKS = ("flags", "keeps")


def prepare(
    run: RunReader,
    criterion: str = "last_loss",
    against: str = "iam",
    budget: int | None = None,
    epoch: int | None = None,
) -> pd.DataFrame:
    """Return `duel.quadrant_counts` by `part`, with `title_a`, `title_b`, `budget`."""
    try:
        pairs = paired_criteria(run, criterion, against, epoch)
        budget = suggested_budget(pairs["is_mislabeled_a"])[0] if budget is None else budget
        counts = quadrant_counts(quadrants(pairs, budget))
    except UsageError as reason:
        raise CannotShow(str(reason)) from None
    return counts.reset_index().assign(
        title_a=title_of(criterion), title_b=title_of(against), budget=budget
    )


def draw(table: pd.DataFrame) -> go.Figure:
    """Draw `prepare`'s table for the screen."""
    share = _grid(table)
    figure = go.Figure(
        go.Heatmap(
            z=share,
            zmin=0,
            zmax=100,
            colorscale=CONTINUOUS,
            showscale=False,  # the numbers stand in the fields
            xgap=3,
            ygap=3,
            hoverinfo="skip",
        )
    )
    for row in table.itertuples():
        y, x = PLACES[row.part]
        head, *rest = _lines(row)
        figure.add_annotation(
            x=x,
            y=y,
            text="<br>".join([f"<b>{head}</b>", *rest]),
            showarrow=False,
            font={"color": ink(share[y, x]), "size": 14},
        )
    screen_figure(figure, height=440)
    ticks = {"tickvals": [0, 1], "ticktext": list(TICKS), "showgrid": False, "zeroline": False}
    first = table.iloc[0]
    figure.update_xaxes(title=f"{first['title_b']} ...", side="bottom", **ticks)
    figure.update_yaxes(title=f"{first['title_a']} ...", autorange="reversed", **ticks)
    return figure


def typeset(table: pd.DataFrame, width: float) -> Figure:
    """Typeset `prepare`'s table for a file of `width` inches."""
    share = _grid(table)
    with paper_panels(width, 1, 0.6 if width < 5 else 0.4) as (figure, [axes]):
        colours = colormaps[CONTINUOUS].with_extremes(bad="#dddddd")
        axes.imshow(share, vmin=0, vmax=100, cmap=colours, aspect="auto")
        for row in table.itertuples():
            y, x = PLACES[row.part]
            text = "\n".join(_lines(row))
            axes.text(x, y, text, ha="center", va="center", color=ink(share[y, x]), fontsize=6.5)
        axes.set_xticks([0, 1], TICKS)
        axes.set_yticks([0, 1], TICKS)
        first = table.iloc[0]
        axes.set_xlabel(f"{first['title_b']} ...")
        axes.set_ylabel(f"{first['title_a']} ...")
    return figure


def _grid(table: pd.DataFrame) -> np.ndarray:
    share = np.full((2, 2), np.nan)
    for row in table.itertuples():
        share[PLACES[row.part]] = 100 * row.precision
    return share


def _lines(row: Any) -> list[str]:
    """Return what stands in the field of a part, a row of the table's `itertuples`, a line each."""
    lines = [f"{row.n_samples:,} samples"]
    if row.n_known:
        lines += [
            f"{100 * row.precision:.1f} % mislabeled",
            f"95 %: {100 * row.low:.1f} to {100 * row.high:.1f}",
        ]
    else:
        lines.append("true labels unknown")
    return lines


FIGURE = FigureSpec(
    title="What each flags",
    paper="",
    look_for=(
        "The two fields that only one criterion flags: the one with more mislabeled samples is "
        "the better criterion at this budget, and the clean ones of the other are its false "
        "alarms. “Neither” is what both miss. The lighter a field, the more of it is mislabeled."
    ),
    prepare=prepare,
    draw=draw,
    typeset=typeset,
)
