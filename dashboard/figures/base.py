"""What a figure is: a table from runs, and what is drawn of it on the screen and in files."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure

from dashboard.drawing.marks import Drawing, Special
from dashboard.drawing.page import page
from dashboard.drawing.screen import screen
from hmw_core.errors import UsageError


class CannotShow(UsageError):
    """Why this run does not hold what a figure needs, in one sentence for the page."""


@dataclass(frozen=True)
class FigureSpec:
    """A figure's title, its place in the paper, and its two functions.

    `prepare(run, **options)` (or `prepare(runs, **options)` where `many`) reads the log and
    returns a tidy table that holds everything drawn; the CSV download is this table. It raises
    `CannotShow` where the run lacks what the figure needs. Every option has a default, so that
    the export draws any figure of any run. `drawing(table)` returns panels of marks, and computes
    nothing but looks.
    """

    title: str
    paper: str
    look_for: str
    prepare: Callable[..., pd.DataFrame]
    drawing: Callable[[pd.DataFrame], Drawing | Special]
    many: bool = False
    n_runs: int = 1
    """The fewest runs it shows; with fewer, `prepare` raises `CannotShow`."""

    def __post_init__(self) -> None:
        """Let no figure be empty: a table without rows is one that cannot be shown."""

        @wraps(self.prepare)
        def prepare(*runs: Any, **options: Any) -> pd.DataFrame:
            table = whole(*runs, **options)
            if table.empty:
                raise CannotShow("the run has no sample with the values that this figure shows")
            return table

        whole = self.prepare
        object.__setattr__(self, "prepare", prepare)

    def draw(self, table: pd.DataFrame) -> go.Figure:
        """Return the plotly figure of the page.

        Raises
        ------
        CannotShow
            If nothing in the table can be drawn: no value is finite.
        """
        made = self._made(table)
        return made.screen() if isinstance(made, Special) else screen(made)

    def _made(self, table: pd.DataFrame) -> Drawing | Special:
        made = self.drawing(table)
        if not isinstance(made, Special) and not made.panels:
            raise CannotShow("the log holds no finite value of what this figure shows")
        return made

    def typeset(self, table: pd.DataFrame, width: float) -> Figure:
        """Return the Matplotlib figure of the file, `width` in inches."""
        made = self._made(table)
        return made.page(width) if isinstance(made, Special) else page(made, width)
