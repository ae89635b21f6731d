"""Two criteria on the same samples: the rank or score by one against that by the other."""

from functools import partial

import pandas as pd
import plotly.graph_objects as go

from dashboard.drawing import pair_scatter
from dashboard.drawing.marks import Special
from dashboard.drawing.pair_scatter import MARKERS_UP_TO, axis_of
from dashboard.drawing.style import Typography
from dashboard.drawing.text import on_screen
from dashboard.figures.base import CannotShow, FigureSpec
from hmw_core.criteria.of_run import pick_criterion, title_of
from hmw_core.errors import UsageError
from hmw_core.laboratory.duel import paired_criteria, suggested_budget
from hmw_core.log.reader import RunReader


def prepare(
    run: RunReader,
    criterion: str = "last_loss",
    against: str = "iam",
    budget: int | None = None,
    epoch: int | None = None,
    ranks: bool = True,
) -> pd.DataFrame:
    """Return sample_id, group, x, y, cut_x, cut_y, n_missing, ..., as `pair_scatter` has them.

    `x` is the rank by `criterion`, 1 for the most suspicious, and `y` that by `against`; without
    `ranks` they are scores. The `budget` most suspicious samples of each end at `cut_x` and
    `cut_y`. `flags_low_x` and `flags_low_y` say whether the flagged ones lie below the cut.
    """
    try:
        pairs = paired_criteria(run, criterion, against, epoch)
    except UsageError as reason:
        raise CannotShow(str(reason)) from None
    budget = suggested_budget(pairs["is_mislabeled_a"])[0] if budget is None else budget
    what = "rank" if ranks else "score"
    group = pairs["is_mislabeled_a"].map({True: "mislabeled", False: "clean"})
    table = pairs[[f"{what}_a", f"{what}_b"]].astype("float64").set_axis(["x", "y"], axis=1)
    table["group"] = group.astype(object).fillna("unknown")
    table = table.dropna(subset=["x", "y"])
    if table.empty:
        raise CannotShow(f"run {run.name!r} has no sample with a score by both criteria")
    for side, place, name in (("a", "x", criterion), ("b", "y", against)):
        last = pairs.loc[pairs[f"rank_{side}"].le(budget).fillna(False), f"rank_{side}"].idxmax()
        table[f"cut_{place}"] = float(pairs.loc[last, f"{what}_{side}"]) + (0.5 if ranks else 0.0)
        table[f"axis_{place}"] = axis_of(pick_criterion(run, name), ranks, run.pass_name)
        table[f"title_{place}"] = title_of(name)
        table[f"run_{place}"] = ""  # the same for both
        table[f"flags_low_{place}"] = ranks or pick_criterion(run, name).higher_means == "clean"
    table["budget"] = budget
    table["n_missing"] = len(pairs) - len(table)
    return table.reset_index()


def drawing(table: pd.DataFrame) -> Special:
    """Draw `prepare`'s table; on the screen each corner says who flags there."""
    return Special(partial(_screen, table), partial(pair_scatter.typeset, table))


def _screen(table: pd.DataFrame, typography: Typography) -> go.Figure:
    figure = pair_scatter.draw(table, typography)
    first = table.iloc[0]
    for flags_x in (True, False):
        for flags_y in (True, False):
            figure.add_annotation(
                text=_corner(first, flags_x, flags_y),
                xref="x domain",
                yref="y domain",
                # The flagged ones of an axis lie at its low or its high end.
                x=0.01 if flags_x == first["flags_low_x"] else 0.99,
                y=0.01 if flags_y == first["flags_low_y"] else 0.99,
                xanchor="left" if flags_x == first["flags_low_x"] else "right",
                yanchor="bottom" if flags_y == first["flags_low_y"] else "top",
                showarrow=False,
                font={"size": 12},
                bgcolor="rgba(127,127,127,0.25)",
            )
    figure.update_layout(margin={"t": 48})
    return figure


def _corner(first: pd.Series, flags_x: bool, flags_y: bool) -> str:
    a, b = on_screen(first["title_x"]), on_screen(first["title_y"])
    if flags_x == flags_y:
        return "both flag" if flags_x else "neither flags"
    return f"only {a if flags_x else b} flags"


FIGURE = FigureSpec(
    title="The same samples by two criteria",
    paper="",
    look_for=(
        "The corners that only one criterion flags: clean samples there are its false alarms and "
        "the other's gain, mislabeled ones its finds. Dotted lines end what each flags. More than "
        f"{MARKERS_UP_TO:,} samples are drawn as a picture, all of them."
    ),
    look_for_unknown=(
        "The corners that only one criterion flags: there the two disagree, and pictures tell "
        "which is right. Dotted lines end what each flags."
    ),
    prepare=prepare,
    drawing=drawing,
)
