"""What each criterion reaches in the oracle's window, and in those chosen without true labels."""

from collections.abc import Sequence
from typing import Literal

import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure

from dashboard.drawing.panels import paper_legend, paper_panels
from dashboard.drawing.style import GREY, VERMILION, screen_figure
from dashboard.figures.base import CannotShow, FigureSpec
from dashboard.figures.criteria.window_rules import MARKERS, RULE_TITLES, absent_windows
from dashboard.figures.selection import absent_criteria, check_epoch
from hmw_core.criteria import CRITERIA, MAIN_CRITERIA
from hmw_core.criteria.criterion import without_absent
from hmw_core.errors import pick
from hmw_core.laboratory.windows import choices, window_table
from hmw_core.log.reader import RunReader

UNSEEN = "Oracle, on samples it has not seen"


def prepare(run: RunReader, criteria: Sequence[str] | None = None) -> pd.DataFrame:
    """Return `windows.choices` with title and rule_title, best oracle first."""
    check_epoch(run)
    reason = absent_windows(run)
    if reason:
        raise CannotShow(reason)
    names = list(MAIN_CRITERIA if criteria is None else dict.fromkeys(criteria))
    asked = {name: pick(CRITERIA, name, "criterion") for name in names}
    lacks = absent_criteria(run, names)
    there = list(without_absent(asked, run))
    table = choices(window_table(run, there)).dropna(subset=["auroc"])
    if table.empty:
        raise CannotShow(f"run {run.name!r} has {lacks or 'no scores to rank samples by'}")
    best = table.groupby("criterion")["auroc"].max().sort_values(ascending=False, kind="stable")
    place = {str(name): k for k, name in enumerate(best.index)}
    table = table.assign(
        title=[CRITERIA[name].title for name in table["criterion"]],
        rule_title=table["rule"].map(RULE_TITLES),
        place=table["criterion"].map(place),
    )
    table = table.sort_values("place", kind="stable", ignore_index=True).drop(columns="place")
    return table.assign(absent=lacks) if lacks else table


def draw(table: pd.DataFrame) -> go.Figure:
    """Draw `prepare`'s table for the screen."""
    titles = list(dict.fromkeys(table["title"]))
    figure = go.Figure()
    for rule, part in _rules(table):
        symbol, _, colour = MARKERS[rule]
        figure.add_scatter(
            x=part["auroc"],
            y=[titles.index(title) for title in part["title"]],
            mode="markers",
            name=RULE_TITLES[rule],
            marker={
                "symbol": symbol if rule == "oracle" else f"{symbol}-open",
                "size": 12,
                "color": colour,
                "line": {"width": 2},
            },
            customdata=part[["title", "first", "last", "cost"]].to_numpy(),
            hovertemplate="%{customdata[0]}, epochs %{customdata[1]} to %{customdata[2]}: "
            "%{x:.3f}, %{customdata[3]:.3f} below the oracle",
        )
    oracle = table[table["rule"] == "oracle"].dropna(subset=["unseen_auroc"])
    figure.add_scatter(
        x=oracle["unseen_auroc"],
        y=[titles.index(title) for title in oracle["title"]],
        mode="markers",
        name=UNSEEN,
        marker={"symbol": "line-ns-open", "size": 18, "color": VERMILION, "line": {"width": 2}},
        hovertemplate=f"{UNSEEN}: %{{x:.3f}}<extra></extra>",
    )
    figure = screen_figure(figure, height=180 + 34 * len(titles))
    if _limits(table)[0] < 0.5:
        figure.add_vline(x=0.5, line={"color": GREY, "width": 1, "dash": "dot"})
    figure.update_layout(legend={"orientation": "v", "x": 1.02, "y": 1, "yanchor": "top"})
    figure.update_xaxes(title="AUROC", range=_limits(table), showgrid=True)
    figure.update_yaxes(
        title="Criterion",
        tickvals=list(range(len(titles))),
        ticktext=titles,
        range=[len(titles) - 0.5, -0.5],
    )
    return figure


def typeset(table: pd.DataFrame, width: float) -> Figure:
    """Typeset `prepare`'s table for a file of `width` inches."""
    titles = list(dict.fromkeys(table["title"]))
    aspect = (0.8 + 0.19 * max(len(titles), 3)) / width
    with paper_panels(width, 1, aspect) as (figure, [axes]):
        for rule, part in _rules(table):
            _, marker, colour = MARKERS[rule]
            heights = [titles.index(title) for title in part["title"]]
            label = RULE_TITLES[rule]
            fill: Literal["full", "none"] = "full" if rule == "oracle" else "none"
            axes.plot(
                part["auroc"],
                heights,
                marker,
                color=colour,
                label=label,
                markersize=5,
                fillstyle=fill,
            )
        oracle = table[table["rule"] == "oracle"]
        heights = [titles.index(title) for title in oracle["title"]]
        axes.plot(oracle["unseen_auroc"], heights, "|", color=VERMILION, label=UNSEEN, markersize=9)
        if _limits(table)[0] < 0.5:
            axes.axvline(0.5, color=GREY, linewidth=0.8, linestyle=":", zorder=0)
        axes.set_xlim(*_limits(table))
        axes.set_ylim(len(titles) - 0.5, -0.5)
        axes.set_yticks(range(len(titles)), titles)
        axes.set_xlabel("AUROC")
        axes.set_ylabel("Criterion")
        paper_legend(figure, axes)
    return figure


def _rules(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    parts = [(rule, table[table["rule"] == rule]) for rule in MARKERS]
    return [(rule, part) for rule, part in parts if len(part)]


def _limits(table: pd.DataFrame) -> list[float]:
    """Return the axis, from the worst choice to the best: the marks lie close together."""
    low, high = float(table["auroc"].min()), float(table["auroc"].max())
    room = max(0.05 * (high - low), 0.005)
    return [low - room, high + room]


FIGURE = FigureSpec(
    title="What choosing the epochs without true labels costs",
    paper="",
    look_for=(
        "How far each mark lies to the left of the oracle's star: that is what the rule costs on "
        "this run. The bar beside the star is the oracle measured on samples that it did not "
        "choose by; the gap between them is luck. A criterion is only worth what a rule without "
        "true labels gets out of it."
    ),
    prepare=prepare,
    draw=draw,
    typeset=typeset,
)
