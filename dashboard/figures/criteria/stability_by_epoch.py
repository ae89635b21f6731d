"""How much of each criterion's ranking, and of what it flags, stays the same over the epochs."""

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure

from dashboard.drawing.panels import PAPER_DASHES, paper_legend, paper_panels, screen_panels
from dashboard.drawing.style import GREY, criterion_colour, criterion_dash
from dashboard.figures.base import CannotShow, FigureSpec
from dashboard.figures.selection import absent_criteria, check_epoch
from hmw_core.criteria import MAIN_CRITERIA
from hmw_core.criteria.compute import without_absent
from hmw_core.criteria.of_run import pick_criterion
from hmw_core.laboratory.agreement import usual_budget
from hmw_core.laboratory.stability import checkpoints, rank_stability
from hmw_core.log.reader import RunReader

N_EPOCHS = 10
PANELS = {
    "rho_before": "Spearman with the epoch before",
    "kept_last": "Share still flagged at the end",
}


def prepare(
    run: RunReader, criteria: Sequence[str] | None = None, budget: int | None = None
) -> pd.DataFrame:
    """Return `stability.rank_stability` at up to 10 evenly spaced epochs, with title and budget.

    Where the run's source lacks a criterion, `absent` says so.
    """
    last = check_epoch(run)
    if last < 2:
        raise CannotShow(f"run {run.name!r} has one epoch only, so nothing can change between two")
    names = list(MAIN_CRITERIA if criteria is None else dict.fromkeys(criteria))
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


def draw(table: pd.DataFrame) -> go.Figure:
    """Draw `prepare`'s table for the screen."""
    figure = screen_panels(_titles(table), height=430)
    for name, part in table.groupby("criterion", sort=False):
        for column, value in enumerate(PANELS, start=1):
            figure.add_scatter(
                x=part["epoch"],
                y=part[value],
                mode="lines+markers",
                name=part["title"].iloc[0],
                legendgroup=str(name),
                showlegend=column == 1,
                line={"color": criterion_colour(str(name)), "dash": criterion_dash(str(name))},
                marker={"size": 5},
                hovertemplate="epoch %{x}: %{y:.3f}",
                row=1,
                col=column,
            )
    figure.add_hline(
        y=_chance(table), line={"color": GREY, "width": 1, "dash": "dot"}, row=1, col=2
    )
    figure.update_xaxes(title="Epoch")
    figure.update_yaxes(title="Rank correlation", row=1, col=1)
    figure.update_yaxes(title="Share of the flagged", range=[0, 1.03], row=1, col=2)
    return figure


def typeset(table: pd.DataFrame, width: float) -> Figure:
    """Typeset `prepare`'s table for a file of `width` inches."""
    with paper_panels(width, 2, 0.75) as (figure, all_axes):
        for axes, value, title in zip(all_axes, PANELS, _titles(table), strict=True):
            for name, part in table.groupby("criterion", sort=False):
                axes.plot(
                    part["epoch"],
                    part[value].astype("float64"),
                    PAPER_DASHES[criterion_dash(str(name))],
                    marker=".",
                    color=criterion_colour(str(name)),
                    label=part["title"].iloc[0],
                )
            axes.set_title(title.replace("<br>", "\n"))
            axes.set_xlabel("Epoch")
        all_axes[0].set_ylabel("Rank correlation")
        all_axes[1].set_ylabel("Share of the flagged")
        all_axes[1].axhline(_chance(table), color=GREY, linewidth=0.8, linestyle=":", zorder=0)
        all_axes[1].set_ylim(0, 1.03)
        paper_legend(figure, all_axes[0])
    return figure


def _titles(table: pd.DataFrame) -> list[str]:
    last, budget = int(table["epoch"].max()), int(table["budget"].iloc[0])
    return [
        "Ranking of all samples,<br>against the point before",
        f"The {budget:,} flagged,<br>against those of epoch {last}",
    ]


def _chance(table: pd.DataFrame) -> float:
    return float(table["by_chance"].median())


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
    draw=draw,
    typeset=typeset,
)
