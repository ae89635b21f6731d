"""Every criterion's AUROC, average precision, precision and recall, with paired intervals."""

from collections.abc import Sequence

import pandas as pd

from dashboard.drawing.marks import Axis, Drawing, Panel, Points
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
from hmw_core.laboratory.contest import N_RESAMPLES, contest_of
from hmw_core.laboratory.contest_tables import measured
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
) -> pd.DataFrame:
    """Return criterion, title, measure, value, low, high and the contest's columns.

    Criteria stand in the order of their AUROC, best first. Options as `contest.contest_of`'s;
    `hard_by`, `hard_fraction` and `hard_from` are `contest.Hard`, without `hard_by` every clean
    sample takes part.
    """
    asked = check_contest(run, criteria, epoch, given_label, hard_by, hard_fraction, hard_from)
    contest = contest_of(
        run,
        asked.names,
        asked.epoch,
        given_label,
        hard=asked.hard,
        budget=budget,
        n_resamples=n_resamples,
    )
    order = ranked_names(run, contest, "auroc")
    table = measured(contest)
    table = table[table["criterion"].isin(order)].sort_values(
        "criterion", key=lambda names: names.map(order.index), kind="stable"
    )
    if contest.n_flagged == contest.n_mislabeled:  # then recall is precision
        table = table[table["measure"] != "recall"]
    table.insert(1, "title", table["criterion"].map(title_of))
    return with_contest(table.reset_index(drop=True), asked, contest, budget)


def drawing(table: pd.DataFrame) -> Drawing:
    """Draw `prepare`'s table: a panel a measure, a row a criterion."""
    panels = []
    for measure, part in table.groupby("measure", sort=False):
        # From the lowest to the highest bound, and a margin.
        low = float(part[["value", "low"]].min(axis=None))
        high = float(part[["value", "high"]].max(axis=None))
        margin = max(0.08 * (high - low), 0.01)
        points = Points(
            part["value"],
            range(len(part)),
            part["criterion"].to_list(),
            symbol="circle",
            low=part["low"],
            high=part["high"],
            written=part["value"].map(three_digits).to_list(),
            hover="%{customdata[0]}: %{x:.3f}, 95 % interval %{customdata[1]:.3f} to "
            "%{customdata[2]:.3f}",
            data=part[["title", "low", "high"]],
        )
        x = Axis("Value, 95 % interval", (low - margin, high + margin))
        y = Axis("Criterion", names=part["title"].to_list())
        panels.append(Panel([points], x, y, _panel_title(str(measure), part)))
    return Drawing(panels, "\n".join(contest_title(table)), share_y=True)


def _panel_title(measure: str, part: pd.DataFrame) -> str:
    title = measure_title(measure)
    if measure in ("precision", "recall"):
        both = " = recall" if measure == "precision" and _is_even(part) else ""
        title = title.replace("at the budget", f"{both} of {part['n_flagged'].iloc[0]:,} flagged")
    return " ".join(title.split())


def _is_even(part: pd.DataFrame) -> bool:
    return bool((part["n_flagged"] == part["n_mislabeled"]).all())


FIGURE = FigureSpec(
    title="Four measures of every criterion",
    paper="",
    look_for=(
        "Whether the same criterion leads in every panel: the AUROC weighs the whole ranking, "
        "average precision its suspicious end, precision only what a review of that size would "
        "see. Axes begin where the numbers do, not at chance. Overlapping intervals do not mean "
        "that two criteria are level, since all see the same samples: their difference is in "
        "the matrix of pairs."
    ),
    prepare=prepare,
    drawing=drawing,
)
