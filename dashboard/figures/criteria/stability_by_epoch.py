"""How much of each criterion's ranking, and of what it flags, stays the same over the epochs."""

from collections.abc import Sequence

import pandas as pd

from dashboard.drawing.marks import EPOCH, Axis, Drawing, Line, Panel, Rule
from dashboard.figures.base import CannotShow, FigureSpec
from dashboard.figures.selection import absent_criteria, check_epoch
from hmw_core.criteria.compute import without_absent
from hmw_core.criteria.of_run import main_criteria_of, pick_criterion
from hmw_core.laboratory.agreement import usual_budget
from hmw_core.laboratory.stability import checkpoints, rank_stability
from hmw_core.log.reader import RunReader

N_EPOCHS = 10


def prepare(
    run: RunReader, criteria: Sequence[str] | None = None, budget: int | None = None
) -> pd.DataFrame:
    """Return `stability.rank_stability` at up to 10 evenly spaced epochs, with title and budget.

    Where the run's source lacks a criterion, `absent` says so.
    """
    last = check_epoch(run)
    if last < 2:
        raise CannotShow(f"run {run.name!r} has one epoch only, so nothing can change between two")
    names = list(main_criteria_of(run) if criteria is None else dict.fromkeys(criteria))
    asked = {name: pick_criterion(run, name) for name in names}
    lacks = absent_criteria(run, names)
    there = list(without_absent(asked, run))
    flagged = usual_budget(run.samples()["is_mislabeled"]) if budget is None else budget
    flagged = min(flagged, run.n_samples)
    at = checkpoints(run, N_EPOCHS, since=max(1, last // N_EPOCHS))
    table = rank_stability(run, there, at, flagged)
    scored = table.groupby("criterion")["n_samples"].transform("max") > 0
    table = table[scored].reset_index(drop=True)
    if table.empty:
        raise CannotShow(f"run {run.name!r} has {lacks or 'no scores to follow'}")
    titles = {name: criterion.title for name, criterion in asked.items()}
    table = table.assign(title=table["criterion"].map(titles), budget=flagged)
    return table.assign(absent=lacks) if lacks else table


def drawing(table: pd.DataFrame) -> Drawing:
    """Draw `prepare`'s table: a line a criterion."""
    first, last = table.iloc[0], int(table["epoch"].max())
    marks = {
        value: [
            Line(part["epoch"], part[value], str(name), part["title"].iloc[0], dots=True)
            for name, part in table.groupby("criterion", sort=False)
        ]
        for value in ("rho_before", "kept_last")
    }
    kept = [*marks["kept_last"], Rule(y=float(table["by_chance"].median()))]
    ranking = "Ranking of all samples,\nagainst the point before"
    flagged = f"The {first['budget']:,} flagged,\nagainst those of epoch {last}"
    panels = [
        Panel(marks["rho_before"], EPOCH, Axis("Rank correlation"), ranking),
        Panel(kept, EPOCH, Axis("Share of the flagged", (0, 1.03)), flagged),
    ]
    return Drawing(panels, height=430, aspect=0.75)


FIGURE = FigureSpec(
    title="How steady each criterion is",
    paper="",
    look_for=(
        "A criterion that still changes at the end has not made up its mind: what it flags depends "
        "on when one looks. Steady is not right: means over all epochs are steady by their making, "
        "since they share most of what they are made of. The dotted line is what rankings without "
        "anything in common would keep."
    ),
    prepare=prepare,
    drawing=drawing,
)
