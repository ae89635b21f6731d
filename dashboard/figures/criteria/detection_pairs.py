"""Who beats whom: every pair of criteria, their difference and the share of resamples ahead."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure

from dashboard.drawing.panels import paper_panels
from dashboard.drawing.text import on_paper, on_screen
from dashboard.figures.base import FigureSpec
from dashboard.figures.criteria.detection_common import (
    check_contest,
    contest_title,
    measure_title,
    paper_grid,
    paper_title,
    ranked_names,
    screen_grid,
    screen_title,
    with_contest,
)
from hmw_core.criteria.of_run import title_of
from hmw_core.laboratory.contest import N_RESAMPLES, contest
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
    held = contest(
        run,
        asked.names,
        asked.epoch,
        given_label,
        hard=asked.hard,
        budget=budget,
        n_resamples=n_resamples,
    )
    order = ranked_names(run, held, measure)
    table = pairs(held, measure)
    if table.empty:  # one criterion has nobody to beat
        table.loc[0] = [order[0], order[0], *[np.nan] * 6, "level"]
    table = table.sort_values(["a", "b"], key=lambda names: names.map(order.index), kind="stable")
    table = table.assign(
        a_value=table["a"].map(held.values[measure]),
        b_value=table["b"].map(held.values[measure]),
        a_title=table["a"].map(title_of),
        b_title=table["b"].map(title_of),
        measure=name,
        n_pairs=len(order) * (len(order) - 1) // 2,
    )
    return with_contest(table.reset_index(drop=True), asked, held, budget)


def draw(table: pd.DataFrame) -> go.Figure:
    """Draw `prepare`'s table for the screen."""
    names, difference, place = _matrix(table)
    cells = np.full(difference.shape, "", dtype=object)
    hover = np.full(difference.shape, "", dtype=object)
    for row in table.itertuples():
        if row.a == row.b:
            continue
        at = place[row.a], place[row.b]
        lead = f"{row.difference:+.3f}" if row.result != "level" else "level"
        ahead = "" if np.isnan(row.ahead) else f"<br>{_share(row.ahead, row.n_resamples)}"
        text = f"{lead}{ahead}"
        cells[at] = f"<b>{text}</b>" if row.result in ("a", "b") else text
        hover[at] = (
            f"{on_screen(row.a_title)} minus {on_screen(row.b_title)}: {row.difference:+.4f}"
            f"<br>95 % interval of this pair {row.low:+.4f} to {row.high:+.4f}"
            f"<br>of all {row.n_pairs} pairs together {row.together_low:+.4f} to "
            f"{row.together_high:+.4f}<br>ahead in {100 * row.ahead:.1f} % of "
            f"{row.n_resamples:,} resamples"
        )
    titles = [title_of(name) for name in names]
    figure = screen_grid(
        difference,
        titles,
        titles,
        cells,
        hover,
        limits=_limits(difference),
        bar=_bar(table, _limits(difference)[1]),
        diverging=True,
    )
    figure.update_layout(title=screen_title(contest_title(table)))
    figure.update_xaxes(title="than this one (B)")
    figure.update_yaxes(title="Is this one ahead (A)")
    return figure


def typeset(table: pd.DataFrame, width: float) -> Figure:
    """Typeset `prepare`'s table for a file of `width` inches; the share ahead in per cent."""
    names, difference, place = _matrix(table)
    cells = np.full(difference.shape, "", dtype=object)
    bold = np.zeros(difference.shape, dtype=bool)
    for row in table.itertuples():
        if row.a != row.b and not np.isnan(row.ahead):
            at = place[row.a], place[row.b]
            cells[at] = f"{100 * row.ahead:.0f}"
            bold[at] = row.result in ("a", "b")
    titles = [title_of(name) for name in names]
    with paper_panels(width, 1, 1.0 if width < 5 else 0.6) as (figure, [axes]):
        paper_grid(
            axes,
            difference,
            titles,
            titles,
            cells,
            limits=_limits(difference),
            bar=on_paper(f"{table['measure'].iloc[0]}, row minus column"),
            room=72 * width * 0.42 / len(names),
            diverging=True,
            bold=bold,
        )
        axes.set_xlabel("B")
        axes.set_ylabel("A")
        text = [*contest_title(table), "Numbers: resamples in which A is ahead (%)"]
        axes.set_title(paper_title(text, width))
    return figure


def _matrix(table: pd.DataFrame) -> tuple[list[str], np.ndarray, dict[str, int]]:
    """Return the criteria, the differences (a, b), NaN on the diagonal, and each one's place."""
    names = list(dict.fromkeys([*table["a"], *table["b"]]))
    place = {name: k for k, name in enumerate(names)}
    difference = np.full((len(names), len(names)), np.nan)
    for row in table.itertuples():
        if row.a != row.b:
            difference[place[row.a], place[row.b]] = row.difference
    return names, difference, place


def _limits(difference: np.ndarray) -> tuple[float, float]:
    """Return where colours end: where one criterion is far off, the others must still differ."""
    known = np.abs(difference[~np.isnan(difference)])
    if not len(known):
        return -0.01, 0.01
    end = max(min(float(known.max()), 3 * float(np.median(known))), 0.01)
    return -end, end


def _bar(table: pd.DataFrame, end: float) -> str:
    return f"{table['measure'].iloc[0]}, row minus column (colours end at {end:.2g})"


def _share(ahead: float, n_resamples: int) -> str:
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
    draw=draw,
    typeset=typeset,
)
