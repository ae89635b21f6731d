"""What the figures of the learning order share: the table, its lines, and their looks."""

import numpy as np
import pandas as pd

from dashboard.drawing.marks import Axis, Line, Mark
from dashboard.drawing.style import PURPLE
from dashboard.figures.base import CannotShow
from dashboard.figures.selection import of_pass
from hmw_core.errors import UsageError
from hmw_core.laboratory.learning_order import learning_table
from hmw_core.log.reader import RunReader

# Line: its title, colour and dash.
LINES = {
    "clean": ("clean, as given", "clean", "solid"),
    "mislabeled": ("mislabeled, as given (wrong)", "mislabeled", "dot"),
    "true": ("mislabeled, as their true label", PURPLE, "dash"),
    "unknown": ("all (true label unknown), as given", "quiet", "solid"),
    "chance": ("chance: clean ones confused so", "quiet", "dashdot"),
}


def table_of(run: RunReader) -> pd.DataFrame:
    """Return `learning_table`, or raise CannotShow with what the log lacks."""
    try:
        return learning_table(run)
    except UsageError as error:
        raise CannotShow(str(error)) from None


def between(low: float, high: float, last: int) -> tuple[float, float]:
    """Return an interval of epochs as it is drawn: what is not reached ends at the last epoch."""
    return (1.0 if np.isnan(low) else min(low, last)), (last if np.isnan(high) else min(high, last))


def when(epoch: float, low: float, high: float, last: int) -> str:
    """Return an epoch and its interval in words.

    Examples
    --------
    >>> when(14.0, 13.0, float("inf"), 100)
    '14 (95 % interval 13 to after 100)'
    >>> when(float("inf"), float("inf"), float("inf"), 100)
    'not by epoch 100'
    """
    if epoch == np.inf:
        return f"not by epoch {last}"
    ends = [f"after {last}" if v == np.inf else f"{v:.0f}" for v in (low, high) if v == v]
    return f"{epoch:.0f} (95 % interval {' to '.join(ends)})" if len(ends) == 2 else f"{epoch:.0f}"


def shares_axis(table: pd.DataFrame) -> Axis:
    """Return the axis of the lines, which says the run's pass."""
    return Axis(f"Predicted so (%), {of_pass(table)}", (0, 102))


def lines_of(table: pd.DataFrame) -> list[Mark]:
    """Return a line for each line of `learning_order.shares` that the table has."""
    return [
        Line(
            part["epoch"],
            100 * part["share"],
            colour,
            title,
            dash,
            hover="epoch %{x}: %{y:.1f} % (of %{customdata[0]:,})",
            data=part["n_samples"],
        )
        for line, (title, colour, dash) in LINES.items()
        if len(part := table[table["line"] == line])
    ]
