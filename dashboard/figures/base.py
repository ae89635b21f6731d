"""What a figure is: a table from runs, drawn for the screen, and typeset for paper."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure

from hmw_core.errors import UsageError


class CannotShow(UsageError):
    """Why this run does not hold what a figure needs, in one sentence for the page."""


@dataclass(frozen=True)
class FigureSpec:
    """A figure's title, its place in the paper, and its three functions.

    `prepare(run, **options)` (or `prepare(runs, **options)` where `many`) reads the log and
    returns a tidy table that holds everything drawn; the CSV download is this table. It raises
    `CannotShow` where the run lacks what the figure needs. `draw(table)` returns the plotly
    figure of the page, `typeset(table, width)` the Matplotlib figure of the file, `width` in
    inches; both compute nothing but looks. Every option of `prepare` has a default, so that the
    export draws any figure of any run.
    """

    title: str
    paper: str
    look_for: str
    prepare: Callable[..., pd.DataFrame]
    draw: Callable[[pd.DataFrame], go.Figure]
    typeset: Callable[[pd.DataFrame, float], Figure]
    many: bool = False
    n_runs: int = 1
    """The fewest runs it shows; with fewer, `prepare` raises `CannotShow`."""
