"""What a figure is: a table from runs, and what is drawn of it on the screen and in files."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure

from dashboard.drawing.facts import about, facts_of, knows_truth, with_origin
from dashboard.drawing.marks import Drawing, Special
from dashboard.drawing.page import page
from dashboard.drawing.screen import screen
from dashboard.drawing.style import PLAIN, Typography
from hmw_core.errors import UsageError
from hmw_core.log.reader import RunReader


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
    """Of the paper's figures the one it is, such as `Fig. 1`; empty for the others."""
    look_for: str
    prepare: Callable[..., pd.DataFrame]
    drawing: Callable[[pd.DataFrame], Drawing | Special]
    many: bool = False
    n_runs: int = 1
    """The fewest runs it shows; with fewer, `prepare` raises `CannotShow`."""
    title_unknown: str = ""
    look_for_unknown: str = ""
    """Instead of title and `look_for` where the table knows no true label, if it differs then."""
    made: Callable[[pd.DataFrame], str] | None = None
    """Says how the numbers of a table were made, for its caption: settings of criteria, maps."""

    def __post_init__(self) -> None:
        """Let no figure be empty: a table without rows is one that cannot be shown."""

        @wraps(self.prepare)
        def prepare(*runs: Any, **options: Any) -> pd.DataFrame:
            table = whole(*runs, **options)
            if table.empty:
                raise CannotShow("the run has no sample with the values that this figure shows")
            given = runs[0] if self.many else runs[:1]
            of_runs = all(isinstance(run, RunReader) for run in given)
            return with_origin(table, given) if of_runs else table

        whole = self.prepare
        object.__setattr__(self, "prepare", prepare)

    def title_of(self, table: pd.DataFrame) -> str:
        """Return the title over a table, which depends on whether true labels are known."""
        return self.title if knows_truth(table) else self.title_unknown or self.title

    def look_for_in(self, table: pd.DataFrame) -> str:
        """Return what to look for in a table."""
        return self.look_for if knows_truth(table) else self.look_for_unknown or self.look_for

    def caption(self, table: pd.DataFrame) -> str:
        """Return a file's caption: what is shown, of which runs, and how it was made."""
        made = self.made(table) if self.made else ""
        return " ".join(filter(None, [f"{self.title_of(table)}{about(table)}", made]))

    def draw(self, table: pd.DataFrame, typography: Typography = PLAIN) -> go.Figure:
        """Return the plotly figure of the page, in the palette and with the titles asked for.

        Raises
        ------
        CannotShow
            If nothing in the table can be drawn: no value is finite.
        """
        made = self._made(table)
        return made.screen(typography) if isinstance(made, Special) else screen(made, typography)

    def _made(self, table: pd.DataFrame) -> Drawing | Special:
        made = self.drawing(table)
        if isinstance(made, Special):
            return made
        if not made.panels:
            raise CannotShow("the log holds no finite value of what this figure shows")
        facts = facts_of(table)
        panels = [replace(panel, facts={**facts, **panel.facts}) for panel in made.panels]
        return replace(made, panels=panels)

    def typeset(self, table: pd.DataFrame, typography: Typography = PLAIN) -> Figure:
        """Return the Matplotlib figure of the file."""
        made = self._made(table)
        return made.page(typography) if isinstance(made, Special) else page(made, typography)
