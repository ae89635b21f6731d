"""One measure of every criterion by epoch, and how far two of them are apart."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure

from dashboard.drawing.panels import PAPER_DASHES, paper_legend, paper_panels, screen_panels
from dashboard.drawing.panels import translucent as with_alpha
from dashboard.drawing.style import BLUE, GREY, criterion_colour, criterion_dash
from dashboard.drawing.text import on_paper, on_screen, three_digits
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
from hmw_core.errors import pick
from hmw_core.laboratory.contest import contest
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
    held = contest(run, asked.names, asked.epoch, hard=asked.hard, budget=budget, n_resamples=0)
    best = ranked_names(run, held, measure)
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
    return with_contest(table, asked, held, budget).assign(
        measure=name, n_resamples=N_RESAMPLES if pair else 0
    )


def draw(table: pd.DataFrame) -> go.Figure:
    """Draw `prepare`'s table for the screen."""
    lines, lead = _parts(table)
    titles = [table["measure"].iloc[0]]
    if len(lead):
        titles.append(on_screen(lead["title"].iloc[0]))
    figure = screen_panels(titles, height=480)
    for name, part in lines.groupby("criterion", sort=False):
        figure.add_scatter(
            x=part["after_epoch"],
            y=part["value"],
            mode="lines+markers",
            name=on_screen(_line_title(part)),
            line={"color": criterion_colour(str(name)), "dash": criterion_dash(str(name))},
            marker={"size": 5},
            hovertemplate="epoch %{x}: %{y:.3f}",
            row=1,
            col=1,
        )
    if len(lead):
        epochs = lead["after_epoch"].to_list()
        figure.add_scatter(
            x=[*epochs, *epochs[::-1]],
            y=[*lead["high"], *lead["low"][::-1]],
            fill="toself",
            fillcolor=with_alpha(BLUE, 0.25),
            line={"width": 0},
            hoverinfo="skip",
            showlegend=False,
            row=1,
            col=2,
        )
        figure.add_scatter(
            x=epochs,
            y=lead["value"],
            mode="lines+markers",
            line={"color": BLUE},
            showlegend=False,
            customdata=lead[["low", "high"]].to_numpy(),
            hovertemplate="epoch %{x}: %{y:+.4f}, 95 % interval %{customdata[0]:+.4f} to "
            "%{customdata[1]:+.4f}<extra></extra>",
            row=1,
            col=2,
        )
        figure.add_hline(y=0, line={"color": GREY, "width": 1, "dash": "dot"}, row=1, col=2)
        figure.update_yaxes(title="Difference, 95 % interval", row=1, col=2)
    figure.update_xaxes(title="Up to epoch")
    figure.update_yaxes(title=table["measure"].iloc[0], row=1, col=1)
    figure.update_layout(title=screen_title(contest_title(table)), margin={"t": 96})
    return figure


def typeset(table: pd.DataFrame, width: float) -> Figure:
    """Typeset `prepare`'s table for a file of `width` inches."""
    lines, lead = _parts(table)
    n_panels = 2 if len(lead) else 1
    with paper_panels(width, n_panels, 0.8) as (figure, axes):
        for name, part in lines.groupby("criterion", sort=False):
            axes[0].plot(
                part["after_epoch"],
                part["value"],
                PAPER_DASHES[criterion_dash(str(name))],
                marker=".",
                color=criterion_colour(str(name)),
                label=on_paper(_line_title(part)),
            )
        axes[0].set_ylabel(table["measure"].iloc[0])
        if len(lead):
            axes[1].fill_between(
                lead["after_epoch"], lead["low"], lead["high"], color=BLUE, alpha=0.25, linewidth=0
            )
            axes[1].plot(lead["after_epoch"], lead["value"], marker=".", color=BLUE)
            axes[1].axhline(0, color=GREY, linewidth=0.8, linestyle=":", zorder=0)
            axes[1].set_ylabel("Difference, 95 % interval")
            axes[1].set_title(paper_title([lead["title"].iloc[0]], 3.3))
        for panel in axes:
            panel.set_xlabel("Up to epoch")
        # Not above all panels, where the legend is.
        axes[0].set_title(paper_title(contest_title(table), 3.3))
        paper_legend(figure, axes[0])
    return figure


def _parts(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the criteria's rows and the pair's."""
    is_lead = table["criterion"].isna()
    return table[~is_lead], table[is_lead]


def _line_title(part: pd.DataFrame) -> str:
    last = part.loc[part["after_epoch"].idxmax()]
    return f"{last['title']}: {three_digits(last['value'])}"


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
    draw=draw,
    typeset=typeset,
)
