"""One measure of every criterion by epoch, and how far two of them are apart."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dashboard.drawing.marks import Axis, Band, Drawing, Line, Panel, Rule
from dashboard.drawing.style import BLUE
from dashboard.drawing.text import three_digits
from dashboard.figures.base import FigureSpec
from dashboard.figures.criteria.detection_common import (
    check_contest,
    contest_title,
    measure_title,
    ranked_names,
    with_contest,
)
from hmw_core.criteria.of_run import title_of
from hmw_core.errors import pick
from hmw_core.laboratory.contest import contest_of
from hmw_core.laboratory.contest_tables import by_epoch
from hmw_core.log.reader import RunReader
from hmw_core.samples.groups import HARD_FRACTION

MOST_EPOCHS = 12  # each ranks all samples anew
N_RESAMPLES = 200  # of each epoch


def prepare(
    run: RunReader,
    criteria: Sequence[str] | None = None,
    epoch: int | None = None,
    hard_by: str | None = None,
    hard_fraction: float = HARD_FRACTION,
    hard_from: str | None = None,
    budget: float | int | None = None,
    measure: str = "auroc",
    first: str | None = None,
    second: str | None = None,
) -> pd.DataFrame:
    """Return after_epoch, criterion, title, value of one measure, and the difference of a pair.

    At up to `MOST_EPOCHS` epochs, evenly spread. Rows whose criterion is null hold `first` minus
    `second` (criteria; by default the two that are best after the last epoch) with its own 95 %
    interval `low`, `high`. Other options as `detection_measures`'.
    """
    asked = check_contest(run, criteria, epoch, None, hard_by, hard_fraction, hard_from)
    name = measure_title(measure)
    contest = contest_of(
        run, asked.names, asked.epoch, hard=asked.hard, budget=budget, n_resamples=0
    )
    best = ranked_names(run, contest, measure)
    pair: tuple[str, str] | None = None
    if len(best) > 1:
        one = first or next(n for n in best if n != second)
        two = second or next(n for n in best if n != one)
        for chosen in (one, two):
            pick(dict.fromkeys(best, ""), chosen, "criterion of the pair")
        pair = (one, two) if one != two else None
    n = min(asked.epoch, MOST_EPOCHS)
    at = sorted(set(np.linspace(1, asked.epoch, n).round().astype(int).tolist()))
    table = by_epoch(
        run,
        [name for name in asked.names if name in best],
        at,
        hard=asked.hard,
        budget=budget,
        n_resamples=N_RESAMPLES,
        pair=pair,
    )
    table = table[table["measure"] == measure].drop(columns="measure")
    lead = f"{title_of(pair[0])} minus {title_of(pair[1])}" if pair else ""
    table.insert(2, "title", table["criterion"].map(title_of, na_action="ignore").fillna(lead))
    table = table.rename(columns={"epoch": "after_epoch"}).reset_index(drop=True)
    return with_contest(table, asked, contest, budget).assign(
        measure=name, n_resamples=N_RESAMPLES if pair else 0
    )


def drawing(table: pd.DataFrame) -> Drawing:
    """Draw `prepare`'s table: a line a criterion, and beside them the lead of one over another."""
    is_lead = table["criterion"].isna()
    epochs = Axis("Up to epoch", whole=True)
    marks = []
    for name, part in table[~is_lead].groupby("criterion", sort=False):
        last = part.loc[part["after_epoch"].idxmax()]
        title = f"{last['title']}: {three_digits(last['value'])}"
        marks.append(Line(part["after_epoch"], part["value"], str(name), title, dots=True))
    panels = [Panel(marks, epochs, Axis(table["measure"].iloc[0]))]
    if is_lead.any():
        lead = table[is_lead]
        hover = (
            "epoch %{x}: %{y:+.4f}, 95 % interval %{customdata[0]:+.4f} to %{customdata[1]:+.4f}"
        )
        x, ends = lead["after_epoch"], lead[["low", "high"]]
        difference = [
            Band(x, lead["low"], lead["high"], BLUE, alpha=0.25),
            Line(x, lead["value"], BLUE, dots=True, hover=hover, data=ends),
            Rule(y=0),
        ]
        axis = Axis("Difference, 95 % interval")
        panels.append(Panel(difference, epochs, axis, lead["title"].iloc[0]))
    return Drawing(panels, "\n".join(contest_title(table)), height=440, aspect=0.75)


FIGURE = FigureSpec(
    title="Measures by epoch, and how far two criteria are apart",
    paper="",
    look_for=(
        "Where the band leaves the line at 0: from there on these samples tell the two apart. "
        "Each epoch has an interval of its own, not one for all epochs together, and the best "
        "epoch can be picked only with true labels. Hard clean samples, where the contest is "
        "among these, are the ones after the last epoch shown, at every epoch."
    ),
    prepare=prepare,
    drawing=drawing,
)
