"""Who beats whom: every pair of criteria, their difference and the share of resamples ahead."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from dashboard.drawing.marks import Axis, Cells, Drawing, Panel
from dashboard.figures.base import FigureSpec
from dashboard.figures.criteria.detection_common import (
    check_contest,
    contest_title,
    measure_title,
    ranked_names,
    with_contest,
)
from hmw_core.criteria.of_run import title_of
from hmw_core.laboratory.contest import N_RESAMPLES, contest_of
from hmw_core.laboratory.contest_tables import pairs
from hmw_core.log.reader import RunReader
from hmw_core.samples.groups import HARD_FRACTION


def prepare(
    run: RunReader,
    criteria: Sequence[str] | None = None,
    epoch: int | None = None,
    given_label: int | None = None,
    hard_by: str | None = None,
    hard_fraction: float = HARD_FRACTION,
    hard_from: str | None = None,
    budget: float | int | None = None,
    n_resamples: int = N_RESAMPLES,
    measure: str = "auroc",
) -> pd.DataFrame:
    """Return `contest.pairs`' table with titles, the measure and the contest's columns.

    Criteria stand in the order of the measure, best first. Options as `detection_measures`'.
    """
    asked = check_contest(run, criteria, epoch, given_label, hard_by, hard_fraction, hard_from)
    name = measure_title(measure)
    contest = contest_of(
        run,
        asked.names,
        asked.epoch,
        given_label,
        hard=asked.hard,
        budget=budget,
        n_resamples=n_resamples,
    )
    order = ranked_names(run, contest, measure)
    table = pairs(contest, measure)
    if table.empty:  # one criterion has nobody to beat
        table.loc[0] = [order[0], order[0], *[np.nan] * 6, "level"]
    table = table.sort_values(["a", "b"], key=lambda names: names.map(order.index), kind="stable")
    table = table.assign(
        a_value=table["a"].map(contest.values[measure]),
        b_value=table["b"].map(contest.values[measure]),
        a_title=table["a"].map(title_of),
        b_title=table["b"].map(title_of),
        measure=name,
        n_pairs=len(order) * (len(order) - 1) // 2,
    )
    return with_contest(table.reset_index(drop=True), asked, contest, budget)


def drawing(table: pd.DataFrame) -> Drawing:
    """Draw `prepare`'s table; in files a cell holds only the share ahead, in per cent."""
    names = list(dict.fromkeys([*table["a"], *table["b"]]))
    shape = (len(names), len(names))
    difference, bold = np.full(shape, np.nan), np.zeros(shape, dtype=bool)
    texts, short, hover = (np.full(shape, "", dtype=object) for _ in range(3))
    for row in table[table["a"] != table["b"]].itertuples():
        at = names.index(row.a), names.index(row.b)
        difference[at], bold[at] = row.difference, row.result in ("a", "b")
        texts[at] = f"{row.difference:+.3f}" if row.result != "level" else "level"
        if not np.isnan(row.ahead):
            texts[at] += f"\n{_share(row.ahead)}"
            short[at] = f"{100 * row.ahead:.0f}"
        hover[at] = (
            f"{row.a_title} minus {row.b_title}: {row.difference:+.4f}"
            f"\n95 % interval of this pair {row.low:+.4f} to {row.high:+.4f}"
            f"\nof all {row.n_pairs} pairs together {row.together_low:+.4f} to "
            f"{row.together_high:+.4f}\nahead in {100 * row.ahead:.1f} % of "
            f"{row.n_resamples:,} resamples"
        )
    end = _end(difference)
    bar = f"{table['measure'].iloc[0]}, row minus column (colours end at {end:.2g})"
    look: dict[str, Any] = {"bold": bold, "limits": (-end, end), "diverging": True, "bar": bar}
    cells = Cells(difference, texts, hover, short, **look)
    titles = [title_of(name) for name in names]
    x, y = Axis("than this one (B)", names=titles), Axis("Is this one ahead (A)", names=titles)
    title = [*contest_title(table), "Per cent: resamples in which A is ahead"]
    return Drawing([Panel([cells], x, y)], "\n".join(title))


def _end(difference: np.ndarray) -> float:
    """Return where colours end: where one criterion is far off, the others must still differ."""
    known = np.abs(difference[~np.isnan(difference)])
    if not len(known):
        return 0.01
    return max(min(float(known.max()), 3 * float(np.median(known))), 0.01)


def _share(ahead: float) -> str:
    """Return a share in per cent; only what is all or none is shown as such."""
    if ahead in (0.0, 1.0):
        return "in all" if ahead else "in none"
    return f"{100 * min(max(ahead, 0.001), 0.999):.1f} %"


FIGURE = FigureSpec(
    title="Who beats whom",
    paper="",
    look_for=(
        "Rows that are blue throughout: that criterion is ahead of all others. The number is the "
        "difference, below it the share of resamples in which the row's criterion is ahead; bold "
        "where it is decided even with all pairs in the matrix counted. A share of 90 % is no "
        "win: among many pairs, some look like that by chance."
    ),
    prepare=prepare,
    drawing=drawing,
)
