"""Mean HM weight of clean and of mislabeled samples by epoch: chosen settings, and the log's."""

import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure

from dashboard.drawing.panels import PAPER_DASHES, paper_legend, paper_panels
from dashboard.drawing.style import GROUP_COLOURS, screen_figure
from dashboard.drawing.text import on_paper, on_screen
from dashboard.figures.base import FigureSpec
from dashboard.figures.dynamics.playground import CHOSEN, LOGGED, both
from hmw_core.laboratory.hm_replay import Settings
from hmw_core.log.reader import RunReader

DASHES = {CHOSEN: "solid", LOGGED: "dot"}
TITLES = {"clean": "clean", "mislabeled": "mislabeled", "unknown": "all, true label unknown"}
X, Y = "Epoch", "Mean HM weight"


def prepare(
    run: RunReader, settings: Settings | None = None, epoch: int | None = None
) -> pd.DataFrame:
    """Return of (chosen, the run's log), settings in words, epoch, group, n_samples, mean_weight.

    Raises
    ------
    CannotShow
        If the run has no such epoch, or its log lacks what the settings need.
    """
    _, found = both(run, settings, epoch)
    parts = [
        replayed.by_epoch.assign(of=of, settings=words) for of, (words, replayed) in found.items()
    ]
    order = ["of", "settings", "group", "epoch", "n_samples", "mean_weight"]
    return pd.concat(parts, ignore_index=True)[order]


def draw(table: pd.DataFrame) -> go.Figure:
    """Draw `prepare`'s table for the screen."""
    figure = go.Figure()
    for (of, group), part in table.groupby(["of", "group"], sort=False):
        figure.add_scatter(
            x=part["epoch"],
            y=part["mean_weight"],
            customdata=part["n_samples"],
            mode="lines" if len(part) > 1 else "markers",
            name=f"{TITLES[group]}, {on_screen(_named(of, part))}",
            line={"color": GROUP_COLOURS[group], "dash": DASHES[of]},
            hovertemplate="epoch %{x}: %{y:.3f} (%{customdata:,} samples)",
        )
    figure = screen_figure(figure, height=400)
    figure.update_layout(legend={"y": -0.2, "yanchor": "top"}, margin={"t": 16})
    figure.update_xaxes(title=X)
    figure.update_yaxes(title=Y, rangemode="tozero")
    return figure


def typeset(table: pd.DataFrame, width: float) -> Figure:
    """Typeset `prepare`'s table for a file of `width` inches."""
    with paper_panels(width) as (figure, [axes]):
        for (of, group), part in table.groupby(["of", "group"], sort=False):
            axes.plot(
                part["epoch"],
                part["mean_weight"],
                PAPER_DASHES[DASHES[of]],
                marker="" if len(part) > 1 else "o",
                color=GROUP_COLOURS[group],
                label=f"{TITLES[group]}, {on_paper(_named(of, part))}",
            )
        axes.set_xlabel(X)
        axes.set_ylabel(Y)
        axes.set_ylim(bottom=0)
        paper_legend(figure, axes)
    return figure


def _named(of: str, part: pd.DataFrame) -> str:
    return f"{of}: {part['settings'].iloc[0]}"


FIGURE = FigureSpec(
    title="Mean weight by epoch",
    paper="",
    look_for=(
        "How early the two groups part, and how low the clean samples fall before they do. The "
        "network is that of the log at every epoch; trained with other weights, it would differ."
    ),
    prepare=prepare,
    draw=draw,
    typeset=typeset,
)
