"""How many clean and mislabeled samples are fitted by epoch, and when memorisation sets in."""

import pandas as pd

from dashboard.drawing.marks import EPOCH, Drawing, Mark, Panel, Rule, Span
from dashboard.figures.base import FigureSpec
from dashboard.figures.dynamics.learning_order import (
    between,
    lines_of,
    shares_axis,
    table_of,
    when,
)
from hmw_core.laboratory.learning_order import LEVEL, onsets, shares
from hmw_core.log.reader import RunReader

PANELS = {"now": "At the epoch", "ever": "At least once so far"}


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
            **{"pass": run.pass_name},
        )
    )


def drawing(table: pd.DataFrame) -> Drawing:
    """Draw `prepare`'s table: what is predicted now and at least once, and the onset."""
    first, last = table.iloc[0], int(table["epoch"].max())
    panels = []
    for kind, title in PANELS.items():
        marks: list[Mark] = lines_of(table[table["kind"] == kind])
        if kind == "now" and first["onset"] == first["onset"]:  # some sample is known mislabeled
            low, high = first["onset_low"], first["onset_high"]
            marks.append(Span(*between(low, high, last), "mislabeled", alpha=0.15))
            title += f"\nmemorisation onset: {when(first['onset'], low, high, last)}"
            if first["onset"] < float("inf"):
                marks.append(Rule(x=first["onset"], colour="mislabeled", dash="dash"))
        panels.append(Panel(marks, EPOCH, shares_axis(table), title))
    return Drawing(panels, share_y=True, aspect=0.75)


FIGURE = FigureSpec(
    title="What is fitted when",
    paper="",
    look_for=(
        "Mislabeled samples first predicted as their true label, later as the wrong one they were "
        "given: the crossing is memorisation. Only what lies above chance counts as such."
    ),
    prepare=prepare,
    drawing=drawing,
)
