"""A duel at every budget: precision of two criteria, and of what only one of them flags."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure

from dashboard.drawing.panels import PAPER_DASHES, paper_legend, paper_panels, translucent
from dashboard.drawing.style import BLUE, GREY, VERMILION, screen_figure
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

    `random` is the mislabeled share of all samples of known true label: what flags drawn by lot
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


def draw(table: pd.DataFrame) -> go.Figure:
    """Draw `prepare`'s table for the screen."""
    figure = go.Figure()
    for curve, part in _curves(table):
        colour, dash = LOOKS[curve]
        figure.add_scatter(
            x=np.concatenate([part["budget"], part["budget"][::-1]]),
            y=100 * np.concatenate([part["high"], part["low"][::-1]]),
            fill="toself",
            fillcolor=translucent(colour, 0.12),
            mode="lines",
            line={"width": 0},
            hoverinfo="skip",
            showlegend=False,
        )
    for curve, part in _curves(table):
        colour, dash = LOOKS[curve]
        figure.add_scatter(
            x=part["budget"],
            y=100 * part["precision"],
            mode="lines",
            name=part["name"].iloc[0],
            line={"color": colour, "dash": dash, "width": 2},
            customdata=part[["n_mislabeled", "n_known"]].to_numpy(),
            hovertemplate="each flags %{x:,}: %{y:.1f} % mislabeled, "
            "%{customdata[0]:,} of %{customdata[1]:,}",
        )
    first = table.iloc[0]
    figure.add_hline(y=100 * first["random"], line={"color": GREY, "width": 1, "dash": "dash"})
    if np.isfinite(first["budget_shown"]):
        figure.add_vline(x=first["budget_shown"], line={"color": GREY, "width": 1, "dash": "dot"})
    screen_figure(figure, height=420)
    figure.update_xaxes(title=X, rangemode="tozero")
    figure.update_yaxes(title=Y, range=[0, 102])
    return figure


def typeset(table: pd.DataFrame, width: float) -> Figure:
    """Typeset `prepare`'s table for a file of `width` inches."""
    with paper_panels(width, 1, 0.62 if width < 5 else 0.45) as (figure, [axes]):
        for curve, part in _curves(table):
            colour, dash = LOOKS[curve]
            axes.fill_between(
                part["budget"],
                100 * part["low"],
                100 * part["high"],
                color=colour,
                alpha=0.12,
                linewidth=0,
            )
            axes.plot(
                part["budget"],
                100 * part["precision"],
                color=colour,
                linestyle=PAPER_DASHES[dash],
                label=part["name"].iloc[0],
            )
        first = table.iloc[0]
        axes.axhline(100 * first["random"], color=GREY, linestyle="--", linewidth=0.8)
        if np.isfinite(first["budget_shown"]):
            axes.axvline(first["budget_shown"], color=GREY, linestyle=":", linewidth=0.8)
        axes.set_ylim(0, 102)
        axes.set_xlabel(X)
        axes.set_ylabel(Y)
        paper_legend(figure, axes)
    return figure


def _curves(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Return each curve's rows where it has a precision: an empty part has none."""
    parts = [(curve, table[table["curve"] == curve].dropna(subset="precision")) for curve in CURVES]
    return [(curve, part) for curve, part in parts if len(part)]


FIGURE = FigureSpec(
    title="The duel at every budget",
    paper="",
    look_for=(
        "Which dotted curve is higher: of what only that criterion flags, more is mislabeled, and "
        "there it is the better one. Curves that cross mean that the budget decides. Bands are "
        "95 % intervals (Wilson) of each share; dashed grey is what flags drawn by lot find."
    ),
    prepare=prepare,
    draw=draw,
    typeset=typeset,
)
