"""Several seeds of one recipe: each seed's measure, and what a criterion is ahead in each."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure

from dashboard.drawing.panels import paper_panels, screen_panels
from dashboard.drawing.style import GREY, TEXT, criterion_colour
from dashboard.drawing.text import on_paper, on_screen
from dashboard.figures.base import CannotShow, FigureSpec
from dashboard.figures.criteria.detection_common import (
    check_contest,
    measure_title,
    paper_title,
    screen_title,
)
from hmw_core.criteria.of_run import title_of
from hmw_core.experiments.proof import t_interval
from hmw_core.laboratory.contest import budget_text, contest
from hmw_core.laboratory.hard import hard_text
from hmw_core.log.reader import RunReader
from hmw_core.samples.groups import HARD_FRACTION


def prepare(
    runs: Sequence[RunReader],
    criteria: Sequence[str] | None = None,
    epoch: int | None = None,
    hard_by: str | None = None,
    hard_fraction: float = HARD_FRACTION,
    budget: float | int | None = None,
    measure: str = "auroc",
    reference: str | None = None,
) -> pd.DataFrame:
    """Return what each criterion reaches in each run, and its lead over `reference`.

    Parameters
    ----------
    runs : sequence of RunReader
        Runs of one recipe with different seeds, see `seeds.siblings`. Hard samples are chosen in
        each run by its own log.
    reference : str, optional
        The criterion that differences are to. Default: the best in the mean over the runs.

    Returns
    -------
    DataFrame
        A row per run and criterion, criteria by their mean. `run`, `seed`, `criterion`, `title`,
        `value`; the mean over runs with Student's 95 % interval `mean`, `low`, `high`;
        `difference` to the reference in this run, and over runs `lead`, `lead_low`, `lead_high`;
        `n_runs`, and `n_ahead`, in how many of them it is above the reference. Bounds are NaN
        where the values do not vary.
    """
    name = measure_title(measure)
    if len(runs) < 2:
        raise CannotShow("one run has no spread over seeds; a second of the same recipe is needed")
    asked = [check_contest(r, criteria, epoch, None, hard_by, hard_fraction) for r in runs]
    names = [n for n in asked[0].names if all(n in other.names for other in asked)]
    if not names:
        raise CannotShow("no criterion can be had from all of these runs")
    values = np.array(
        [
            contest(run, names, one.epoch, hard=one.hard, budget=budget, n_resamples=0).values[
                measure
            ]
            for run, one in zip(runs, asked, strict=True)
        ]
    )  # (runs, criteria)
    scored = ~np.isnan(values).any(axis=0)
    if not scored.any():
        raise CannotShow("no criterion has scores in all of these runs")
    names, values = [n for n, known in zip(names, scored, strict=True) if known], values[:, scored]
    order = np.argsort(-values.mean(axis=0), kind="stable")
    base = names.index(reference) if reference in names else int(order[0])
    rows = []
    for k in order:
        of_all = t_interval(values[:, k])
        apart = values[:, k] - values[:, base]
        lead = t_interval(apart)
        for r, run in enumerate(runs):
            rows.append(
                {
                    "run": run.name,
                    "seed": run.info.get("seed"),
                    "criterion": names[k],
                    "title": title_of(names[k]),
                    "value": values[r, k],
                    "mean": of_all.mean,
                    "low": of_all.low,
                    "high": of_all.high,
                    "difference": apart[r],
                    "lead": lead.mean,
                    "lead_low": lead.low,
                    "lead_high": lead.high,
                    "n_runs": len(runs),
                    "n_ahead": int(np.sum(apart > 0)),
                }
            )
    return pd.DataFrame(rows).assign(
        reference=title_of(names[base]),
        measure=name,
        contest=hard_text(asked[0].hard),
        budget=budget_text(budget),
        epochs=", ".join(str(e) for e in sorted({one.epoch for one in asked})),
    )


def draw(table: pd.DataFrame) -> go.Figure:
    """Draw `prepare`'s table for the screen."""
    titles = list(dict.fromkeys(table["title"]))
    figure = screen_panels(
        [table["measure"].iloc[0], f"Lead over {on_screen(table['reference'].iloc[0])}"],
        shared_y=True,
        height=200 + 28 * len(titles),
    )
    columns = (("value", "mean", "low", "high"), ("difference", "lead", "lead_low", "lead_high"))
    for panel, (dots, middle, low, high) in enumerate(columns, start=1):
        for y, (name, part) in enumerate(table.groupby("criterion", sort=False)):
            first = part.iloc[0]
            if not np.isnan(first[low]):
                figure.add_scatter(
                    x=[first[low], first[high]],
                    y=[y, y],
                    mode="lines",
                    line={"color": GREY, "width": 2},
                    hoverinfo="skip",
                    showlegend=False,
                    row=1,
                    col=panel,
                )
            figure.add_scatter(
                x=[first[middle]],
                y=[y],
                mode="markers",
                marker={"symbol": "line-ns-open", "size": 16, "color": GREY, "line_width": 2},
                hovertemplate=f"mean %{{x:.4f}}, 95 % t interval {first[low]:.4f} to "
                f"{first[high]:.4f}<extra></extra>",
                showlegend=False,
                row=1,
                col=panel,
            )
            figure.add_scatter(
                x=part[dots],
                y=[y] * len(part),
                mode="markers",
                marker={"size": 8, "color": criterion_colour(str(name)), "opacity": 0.8},
                customdata=part[["seed"]].astype(str).to_numpy(),
                hovertemplate="seed %{customdata[0]}: %{x:.4f}<extra></extra>",
                showlegend=False,
                row=1,
                col=panel,
            )
    figure.add_vline(x=0, line={"color": GREY, "width": 1, "dash": "dot"}, row=1, col=2)
    figure.update_xaxes(title="Each seed, mean, 95 % interval", row=1, col=1)
    figure.update_xaxes(title="Difference in each seed, mean, 95 % interval", row=1, col=2)
    figure.update_yaxes(
        tickvals=list(range(len(titles))),
        ticktext=[on_screen(title) for title in titles],
        range=[len(titles) - 0.5, -0.5],
    )
    figure.update_yaxes(title="Criterion", row=1, col=1)
    figure.update_layout(title=screen_title(_title(table)), margin={"t": 96})
    return figure


def typeset(table: pd.DataFrame, width: float) -> Figure:
    """Typeset `prepare`'s table for a file of `width` inches."""
    titles = list(dict.fromkeys(table["title"]))
    beside = width > 5
    columns = (
        ("value", "mean", "low", "high", table["measure"].iloc[0]),
        ("difference", "lead", "lead_low", "lead_high", f"Lead over {table['reference'].iloc[0]}"),
    )
    scale = max(1.0, width / TEXT)  # letters grow with the file, and lines with them
    aspect = (0.9 + 0.17 * len(titles)) * scale * (2 if beside else 1) / width
    with paper_panels(width, 2, aspect, sharey=beside) as (figure, all_axes):
        for axes, (dots, middle, low, high, label) in zip(all_axes, columns, strict=True):
            for y, (name, part) in enumerate(table.groupby("criterion", sort=False)):
                first = part.iloc[0]
                axes.plot([first[low], first[high]], [y, y], color=GREY, linewidth=1)
                axes.plot(first[middle], y, "|", color=GREY, markersize=8)
                axes.plot(
                    part[dots],
                    [y] * len(part),
                    "o",
                    color=criterion_colour(str(name)),
                    markersize=3,
                    alpha=0.8,
                )
            axes.set_xlabel(on_paper(label))
            axes.locator_params(axis="x", nbins=4)
            axes.set_ylim(len(titles) - 0.5, -0.5)
            axes.set_yticks(range(len(titles)), [on_paper(title) for title in titles])
        all_axes[1].axvline(0, color=GREY, linewidth=0.8, linestyle=":", zorder=0)
        for axes in all_axes[:: 2 if beside else 1]:
            axes.set_ylabel("Criterion")
        figure.suptitle(paper_title(_title(table), width))
    return figure


def _title(table: pd.DataFrame) -> list[str]:
    first = table.iloc[0]
    return [
        f"{first['contest'][0].upper()}{first['contest'][1:]} against mislabeled",
        f"{first['n_runs']} seeds · up to epoch {first['epochs']}",
    ]


FIGURE = FigureSpec(
    title="Over the seeds of one recipe",
    paper="",
    look_for=(
        "Whether the lead has the same sign in every seed: the right panel pairs each seed with "
        "itself, so that a good or bad training does not count. Bars are Student's intervals "
        "over the seeds and hold for trainings like these; of two or three seeds they are very "
        "wide, and rightly so."
    ),
    prepare=prepare,
    draw=draw,
    typeset=typeset,
    many=True,
    n_runs=2,
)
