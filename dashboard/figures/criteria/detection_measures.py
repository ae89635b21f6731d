"""Every criterion's AUROC, average precision, precision and recall, with paired intervals."""

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure

from dashboard.drawing.panels import paper_panels, screen_panels
from dashboard.drawing.style import GREY, TEXT, criterion_colour
from dashboard.drawing.text import on_paper, on_screen, three_digits, wrap
from dashboard.figures.base import FigureSpec
from dashboard.figures.criteria.detection_common import (
    check_contest,
    contest_title,
    measure_title,
    paper_title,
    ranked_names,
    screen_title,
    with_contest,
)
from hmw_core.criteria.of_run import title_of
from hmw_core.laboratory.contest import N_RESAMPLES, contest
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

    Criteria stand in the order of their AUROC, best first. Options as `contest.contest`'s;
    `hard_by`, `hard_fraction` and `hard_from` are `contest.Hard`, without `hard_by` every clean
    sample takes part.
    """
    asked = check_contest(run, criteria, epoch, given_label, hard_by, hard_fraction, hard_from)
    held = contest(
        run,
        asked.names,
        asked.epoch,
        given_label,
        hard=asked.hard,
        budget=budget,
        n_resamples=n_resamples,
    )
    order = ranked_names(run, held, "auroc")
    table = measured(held)
    table = table[table["criterion"].isin(order)].sort_values(
        "criterion", key=lambda names: names.map(order.index), kind="stable"
    )
    if held.n_flagged == held.n_mislabeled:  # then recall is precision
        table = table[table["measure"] != "recall"]
    table.insert(1, "title", table["criterion"].map(title_of))
    return with_contest(table.reset_index(drop=True), asked, held, budget)


def draw(table: pd.DataFrame) -> go.Figure:
    """Draw `prepare`'s table for the screen."""
    panels = list(table.groupby("measure", sort=False))
    n_criteria = table["criterion"].nunique()
    figure = screen_panels(
        [_panel_title(str(measure), part) for measure, part in panels],
        shared_y=True,
        height=170 + 26 * n_criteria,
    )
    for column, (_, part) in enumerate(panels, start=1):
        known = part["low"].notna()
        figure.add_scatter(
            x=part["value"],
            y=list(range(n_criteria)),
            error_x={
                "type": "data",
                "symmetric": False,
                "array": (part["high"] - part["value"]).where(known),
                "arrayminus": (part["value"] - part["low"]).where(known),
                "color": GREY,
            },
            mode="markers",
            showlegend=False,
            marker={"size": 10, "color": [criterion_colour(c) for c in part["criterion"]]},
            customdata=part[["title", "low", "high"]].to_numpy(),
            hovertemplate="%{customdata[0]}: %{x:.3f}, 95 % interval %{customdata[1]:.3f} to "
            "%{customdata[2]:.3f}<extra></extra>",
            row=1,
            col=column,
        )
        figure.update_xaxes(title="Value, 95 % interval", range=_limits(part), row=1, col=column)
    titles = table.drop_duplicates("criterion")["title"]
    figure.update_yaxes(
        tickvals=list(range(n_criteria)),
        ticktext=[on_screen(title) for title in titles],
        range=[n_criteria - 0.5, -0.5],
    )
    figure.update_yaxes(title="Criterion", row=1, col=1)
    figure.update_layout(title=screen_title(contest_title(table)), margin={"t": 96})
    return figure


def typeset(table: pd.DataFrame, width: float) -> Figure:
    """Typeset `prepare`'s table for a file of `width` inches."""
    panels = list(table.groupby("measure", sort=False))
    n_criteria = table["criterion"].nunique()
    beside = width > 5
    scale = max(1.0, width / TEXT)  # letters grow with the file, and lines with them
    aspect = (0.95 + 0.17 * max(n_criteria, 4)) * scale * (len(panels) if beside else 1) / width
    with paper_panels(width, len(panels), aspect, sharey=beside) as (figure, all_axes):
        for axes, (measure, part) in zip(all_axes, panels, strict=True):
            for y, row in enumerate(part.itertuples()):
                axes.plot([row.low, row.high], [y, y], color=GREY, linewidth=1)
                axes.plot(row.value, y, "o", color=criterion_colour(row.criterion), markersize=4)
                axes.text(
                    1.02,
                    y,
                    three_digits(row.value),
                    va="center",
                    fontsize=6.5,
                    transform=axes.get_yaxis_transform(),
                )
            axes.set_xlim(*_limits(part))
            axes.locator_params(axis="x", nbins=3)
            axes.set_ylim(n_criteria - 0.5, -0.5)
            axes.set_yticks(
                range(n_criteria), table.drop_duplicates("criterion")["title"].map(on_paper)
            )
            axes.set_title(wrap(_panel_title(str(measure), part).replace("<br>", " "), 26))
            axes.set_xlabel("Value, 95 % interval")
        for axes in all_axes[:: len(panels) if beside else 1]:
            axes.set_ylabel("Criterion")
        figure.suptitle(paper_title(contest_title(table), width))
    return figure


def _panel_title(measure: str, part: pd.DataFrame) -> str:
    title = measure_title(measure)
    if measure in ("precision", "recall"):
        both = " = recall" if measure == "precision" and _is_even(part) else ""
        title = title.replace("at the budget", f"{both} of {part['n_flagged'].iloc[0]:,} flagged")
    return " ".join(title.split())


def _is_even(part: pd.DataFrame) -> bool:
    return bool((part["n_flagged"] == part["n_mislabeled"]).all())


def _limits(part: pd.DataFrame) -> list[float]:
    """Return a measure's axis: from its lowest to its highest bound, and a margin."""
    low = part[["value", "low"]].min(axis=None)
    high = part[["value", "high"]].max(axis=None)
    margin = max(0.08 * (high - low), 0.01)
    return [float(low - margin), float(high + margin)]


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
    draw=draw,
    typeset=typeset,
)
