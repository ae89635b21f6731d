"""Fig. 6: how the HM weights of clean, hard and mislabeled samples are spread."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure

from dashboard.drawing.panels import PAPER_DASHES, paper_legend, paper_panels
from dashboard.drawing.style import GROUP_COLOURS, GROUP_DASHES, screen_figure
from dashboard.drawing.text import on_paper, on_screen
from dashboard.figures.base import CannotShow, FigureSpec
from dashboard.figures.selection import (
    GROUPS_SHOWN,
    check_epoch,
    class_title,
    group_title,
    grouped,
)
from hmw_core.criteria.kept import score_table
from hmw_core.log.reader import RunReader
from hmw_core.samples.groups import HARD_FRACTION

N_BINS = 25
SAME = 0.01  # weights this near the logged ones are those, up to half precision in the training


def prepare(
    run: RunReader,
    given_label: int | None = None,
    epoch: int | None = None,
    hard_fraction: float = HARD_FRACTION,
) -> pd.DataFrame:
    """Return group, its title, bin_left, bin_right, count, share (of the group), and n_samples.

    And what it is about: `of` (a class, or all), `epoch`, and `use`: what the training did with
    these weights in that epoch.

    Raises
    ------
    CannotShow
        If the run has no such class, no whole epoch, or no HM weights.
    """
    last = check_epoch(run, epoch)
    title = class_title(run, given_label)
    weight = score_table(run, ["hm_weight"], last, given_label)["hm_weight"].dropna()
    if weight.empty:
        why = run.absent.get("hm_weight", "its log holds no cosines to the class vectors")
        raise CannotShow(f"run {run.name!r} has no HM weights: {why}")
    group = grouped(run, given_label, last, hard_fraction).loc[weight.index]
    edges = np.linspace(0.0, 1.0, N_BINS + 1)
    parts = []
    for name in GROUPS_SHOWN:
        values = weight[group == name]
        if len(values):
            count = np.histogram(values, edges)[0]
            parts.append(
                pd.DataFrame(
                    {
                        "group": name,
                        "title": group_title(name, hard_fraction),
                        "bin_left": edges[:-1],
                        "bin_right": edges[1:],
                        "count": count,
                        "share": count / len(values),
                        "n_samples": len(values),
                    }
                )
            )
    return pd.concat(parts, ignore_index=True).assign(
        of=title,
        epoch=last,
        use=_use(run, last),
    )


def _use(run: RunReader, epoch: int) -> str:
    """Say what the training did with the HM weights in this epoch."""
    signals = run.signals(["weight", "hm_weight"], epochs=[epoch]).dropna()
    if signals.empty:
        return "logged only: the run says no weight of its losses"
    used, logged = signals["weight"], signals["hm_weight"]
    if (used == 1).all():
        return "logged only: every loss counted in full"
    if (used - logged).abs().median() < SAME:
        return "used on the loss"
    return "logged only: the losses had other weights"


def draw(table: pd.DataFrame) -> go.Figure:
    """Draw `prepare`'s table for the screen."""
    figure = go.Figure()
    for name, part in table.groupby("group", sort=False):
        figure.add_scatter(
            x=[*part["bin_left"], 1.0],
            y=[*(100 * part["share"]), 0.0],
            customdata=[*part["count"], 0],
            mode="lines",
            line={"shape": "hv", "color": GROUP_COLOURS[name], "dash": GROUP_DASHES.get(name)},
            fill="tozeroy" if name in ("clean", "unknown") else None,
            name=f"{part['title'].iloc[0]} ({part['n_samples'].iloc[0]:,})",
            hovertemplate=f"{name}<br>from %{{x:.2f}}: %{{y:.1f}} % (%{{customdata}} samples)"
            "<extra></extra>",
        )
    first = table.iloc[0]
    title = f"{on_screen(first['of'])}, epoch {first['epoch']}; {first['use']}"
    figure.update_layout(title={"text": title, "font": {"size": 14}})
    figure.update_xaxes(title="HM weight", range=[0, 1])
    figure.update_yaxes(title="Share of the group (%)", rangemode="tozero")
    screen_figure(figure)
    return figure.update_layout(margin={"t": 80})


def typeset(table: pd.DataFrame, width: float) -> Figure:
    """Typeset `prepare`'s table for a file of `width` inches."""
    with paper_panels(width) as (figure, [ax]):
        for name, part in table.groupby("group", sort=False):
            ax.stairs(
                100 * part["share"],
                [*part["bin_left"], 1.0],
                color=GROUP_COLOURS[name],
                linestyle=PAPER_DASHES[GROUP_DASHES.get(name, "solid")],
                linewidth=1.2,
                label=f"{part['title'].iloc[0]} ({part['n_samples'].iloc[0]:,})",
            )
        first = table.iloc[0]
        title = f"{on_paper(first['of'])}, epoch {first['epoch']}\n{first['use']}"
        ax.set_title(title, fontsize="medium")
        ax.set_xlabel("HM weight")
        ax.set_ylabel("Share of the group (%)")
        ax.set_xlim(0, 1)
        ax.set_ylim(bottom=0)
        paper_legend(figure, ax)
    return figure


FIGURE = FigureSpec(
    title="How HM weights are spread",
    paper="Fig. 6",
    look_for=(
        "Mislabeled samples near 0 and clean ones far from it. Where hard clean samples lie with "
        "the mislabeled, weighting by it holds them back, too."
    ),
    prepare=prepare,
    draw=draw,
    typeset=typeset,
)
