"""A duel at every budget: precision of two criteria, and of what only one of them flags."""

import numpy as np
import pandas as pd

from dashboard.drawing.marks import Axis, Band, Drawing, Line, Mark, Panel, Rule
from dashboard.drawing.style import BLUE, VERMILION
from dashboard.figures.base import CannotShow, FigureSpec
from hmw_core.criteria.of_run import title_of
from hmw_core.errors import UsageError
from hmw_core.laboratory.duel import CURVES, budget_curve, paired_criteria
from hmw_core.log.reader import RunReader

LOOKS = {
    "A": (VERMILION, "solid"),
    "B": (BLUE, "solid"),
    "only A": (VERMILION, "dot"),
    "only B": (BLUE, "dot"),
}
X, Y = "Samples that each flags", "Of them mislabeled (%)"


def prepare(
    run: RunReader,
    criterion: str = "last_loss",
    against: str = "iam",
    budget: int | None = None,
    epoch: int | None = None,
) -> pd.DataFrame:
    """Return `duel.budget_curve` with `name` (of the curve), `budget_shown` and `random`.

    `random` is the mislabeled share of all samples of known true label: what flags drawn at random
    would find.
    """
    try:
        pairs = paired_criteria(run, criterion, against, epoch)
    except UsageError as reason:
        raise CannotShow(str(reason)) from None
    known = pairs["is_mislabeled_a"].dropna()
    if known.empty:
        raise CannotShow(f"run {run.name!r} knows no true label, so no flag can be called right")
    table = budget_curve(pairs)
    a, b = title_of(criterion), title_of(against)
    names = {"A": a, "B": b, "only A": f"only {a}", "only B": f"only {b}"}
    return table.assign(
        name=table["curve"].map(names),
        budget_shown=np.nan if budget is None else float(budget),
        random=float(known.mean()),
    )


def drawing(table: pd.DataFrame) -> Drawing:
    """Draw `prepare`'s table: a line and its interval a curve that has a precision."""
    bands: list[Mark] = []
    lines: list[Mark] = []
    hover = "each flags %{x:,}: %{y:.1f} % mislabeled, %{customdata[0]:,} of %{customdata[1]:,}"
    for curve in CURVES:
        part = table[table["curve"] == curve].dropna(subset="precision")
        if part.empty:
            continue
        colour, dash = LOOKS[curve]
        x, data = part["budget"], part[["n_mislabeled", "n_known"]]
        name, y = part["name"].iloc[0], 100 * part["precision"]
        bands.append(Band(x, 100 * part["low"], 100 * part["high"], colour, alpha=0.12))
        lines.append(Line(x, y, colour, name, dash, hover=hover, data=data))
    first = table.iloc[0]
    rules = [Rule(y=100 * first["random"], dash="dash")]
    rules += [Rule(x=first["budget_shown"])] if np.isfinite(first["budget_shown"]) else []
    x_axis = Axis("Samples that each flags", (0, None), whole=True)
    y_axis = Axis("Of them mislabeled (%)", (0, 102))
    return Drawing([Panel([*bands, *lines, *rules], x_axis, y_axis)], height=420)


FIGURE = FigureSpec(
    title="The duel at every budget",
    paper="",
    look_for=(
        "Which dotted curve is higher: of what only that criterion flags, more is mislabeled, and "
        "there it is the better one. Curves that cross mean that the budget decides. Bands are "
        "95 % intervals (Wilson) of each share; dashed grey is what flags drawn at random find."
    ),
    prepare=prepare,
    drawing=drawing,
)
