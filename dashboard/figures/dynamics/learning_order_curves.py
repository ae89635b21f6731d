"""How many clean and mislabeled samples are fitted by epoch, and when memorisation sets in."""

import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure

from dashboard.drawing.panels import paper_legend, paper_panels, screen_panels, translucent
from dashboard.drawing.style import GROUP_COLOURS
from dashboard.drawing.text import wrap
from dashboard.figures.base import FigureSpec
from dashboard.figures.dynamics.learning_order import (
    LINES,
    X,
    Y,
    between,
    paper_line,
    screen_line,
    table_of,
    when,
)
from hmw_core.laboratory.learning_order import LEVEL, onsets, shares
from hmw_core.log.reader import RunReader

PANELS = {"now": "At the epoch", "ever": "At least once so far"}
COLOUR = GROUP_COLOURS["mislabeled"]


def prepare(run: RunReader, level: float = LEVEL) -> pd.DataFrame:
    """Return epoch, line, kind (`now`, `ever`), share, n_samples; onset, onset_low, onset_high.

    The onset is NaN where no sample is known to be mislabeled, and infinite where it is not
    reached.

    Raises
    ------
    CannotShow
        If the log holds no predictions, or has no epoch yet.
    """
    table = table_of(run)
    found = onsets(table, run, level).get(-1)
    nothing = float("nan")
    return (
        shares(table, run)
        .drop(columns="given_label")
        .assign(
            onset=found.epoch if found else nothing,
            onset_low=found.low if found else nothing,
            onset_high=found.high if found else nothing,
            level=level,
        )
    )


def draw(table: pd.DataFrame) -> go.Figure:
    """Draw `prepare`'s table for the screen."""
    figure = screen_panels(list(PANELS.values()), shared_y=True)
    for column, kind in enumerate(PANELS, start=1):
        for line, part in _lines(table, kind):
            figure.add_scatter(
                **screen_line(line, part), showlegend=kind == "now", row=1, col=column
            )
    figure.update_xaxes(title=X)
    figure.update_yaxes(range=[0, 102])
    figure.update_yaxes(title=Y, row=1, col=1)
    if _text(table):
        figure.layout.annotations[
            0
        ].text += f"<br><span style='font-size:12px'>{_text(table)}</span>"
        low, high = _band(table)
        figure.add_vrect(
            x0=low, x1=high, fillcolor=translucent(COLOUR, 0.15), line_width=0, row=1, col=1
        )
        if table["onset"].iloc[0] < float("inf"):
            dashed = {"color": COLOUR, "width": 1, "dash": "dash"}
            figure.add_vline(x=table["onset"].iloc[0], line=dashed, row=1, col=1)
    return figure.update_layout(margin={"t": 64})


def typeset(table: pd.DataFrame, width: float) -> Figure:
    """Typeset `prepare`'s table for a file of `width` inches."""
    with paper_panels(width, len(PANELS), 0.75) as (figure, all_axes):
        for axes, (kind, title) in zip(all_axes, PANELS.items(), strict=True):
            for line, part in _lines(table, kind):
                paper_line(axes, line, part)
            axes.set_title(title)
            axes.set_xlabel(X)
            axes.set_ylabel(Y)
            axes.set_ylim(0, 102)
        if _text(table):
            all_axes[0].axvspan(*_band(table), color=COLOUR, alpha=0.15, linewidth=0)
            all_axes[0].set_title(f"{PANELS['now']}\n{wrap(_text(table), 44)}", fontsize="medium")
            if table["onset"].iloc[0] < float("inf"):
                all_axes[0].axvline(
                    table["onset"].iloc[0], color=COLOUR, linewidth=0.8, linestyle="--"
                )
        paper_legend(figure, all_axes[0])
    return figure


def _lines(table: pd.DataFrame, kind: str) -> list[tuple[str, pd.DataFrame]]:
    part = table[table["kind"] == kind]
    return [(line, part[part["line"] == line]) for line in LINES if line in set(part["line"])]


def _band(table: pd.DataFrame) -> tuple[float, float]:
    first = table.iloc[0]
    return between(first["onset_low"], first["onset_high"], int(table["epoch"].max()))


def _text(table: pd.DataFrame) -> str:
    """Return the onset in words; empty where no sample is known to be mislabeled."""
    first = table.iloc[0]
    if first["onset"] != first["onset"]:
        return ""
    last = int(table["epoch"].max())
    found = when(first["onset"], first["onset_low"], first["onset_high"], last)
    return f"memorisation onset: {found}"


FIGURE = FigureSpec(
    title="What is fitted when",
    paper="",
    look_for=(
        "Mislabeled samples first predicted as their true label, later as the wrong one they were "
        "given: the crossing is memorisation. Only what lies above chance counts as such."
    ),
    prepare=prepare,
    draw=draw,
    typeset=typeset,
)
