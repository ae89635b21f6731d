"""What two criteria flag at one budget: both, only one, neither, and how much of it is right."""

from typing import Any

import numpy as np
import pandas as pd

from dashboard.drawing.marks import Axis, Cells, Drawing, Panel
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


def drawing(table: pd.DataFrame) -> Drawing:
    """Draw `prepare`'s table: a field a part, the lighter the more of it is mislabeled."""
    share, texts = np.full((2, 2), np.nan), np.empty((2, 2), dtype=object)
    for row in table.itertuples():
        share[PLACES[row.part]] = 100 * row.precision
        texts[PLACES[row.part]] = "\n".join(_lines(row))
    first = table.iloc[0]
    x, y = (Axis(f"{first[f'title_{side}']} ...", names=TICKS) for side in ("b", "a"))
    return Drawing([Panel([Cells(share, texts)], x, y)])


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
    drawing=drawing,
)
