"""How HM weights with chosen settings are spread, beside those that the run logged."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure

from dashboard.drawing.panels import PAPER_DASHES, paper_legend, paper_panels, screen_panels
from dashboard.drawing.style import GROUP_COLOURS, GROUP_DASHES
from dashboard.drawing.text import on_paper, on_screen, wrap
from dashboard.figures.base import FigureSpec
from dashboard.figures.dynamics.playground import both, left_out
from dashboard.figures.selection import GROUP_TITLES, GROUPS_SHOWN, group_title, grouped
from hmw_core.laboratory.hm_replay import Settings
from hmw_core.log.reader import RunReader
from hmw_core.samples.groups import HARD_FRACTION

N_BINS = 50
X, Y = "HM weight", "Share of the group (%)"


def prepare(
    run: RunReader,
    settings: Settings | None = None,
    epoch: int | None = None,
    hard_fraction: float = HARD_FRACTION,
) -> pd.DataFrame:
    """Return of (chosen, the run's log), settings in words, group, title, bins, count, share.

    Bins are those of [0, 1], or up to the largest weight where that is above 1. `mean` is the
    group's mean weight.

    Raises
    ------
    CannotShow
        If the run has no such epoch, or its log lacks what the settings need.
    """
    last, found = both(run, settings, epoch)
    group = grouped(run, None, last, hard_fraction)
    largest = max(1.0, *(float(np.nanmax(r.weight, initial=0.0)) for _, r in found.values()))
    edges = np.linspace(0.0, largest, N_BINS + 1)
    parts = []
    for of, (words, replayed) in found.items():
        weight = pd.Series(replayed.weight, index=replayed.sample_id).dropna()
        groups = group.loc[weight.index]
        for name in GROUPS_SHOWN:
            values = weight[groups == name]
            if not len(values):
                continue
            count = np.histogram(values, edges)[0]
            parts.append(
                pd.DataFrame(
                    {
                        "of": of,
                        "settings": words,
                        "group": name,
                        "title": group_title(name, hard_fraction),
                        "bin_left": edges[:-1],
                        "bin_right": edges[1:],
                        "count": count,
                        "share": count / len(values),
                        "n_samples": len(values),
                        "mean": values.mean(),
                    }
                )
            )
    table = pd.concat(parts, ignore_index=True).assign(epoch=last)
    note = left_out(run, next(iter(found.values()))[1])
    return table.assign(note=note) if note else table


def draw(table: pd.DataFrame) -> go.Figure:
    """Draw `prepare`'s table for the screen."""
    panels = _panels(table)
    figure = screen_panels(["<br>".join(map(on_screen, _title(p))) for p in panels], shared_y=True)
    for column, panel in enumerate(panels, start=1):
        for name, part in panel.groupby("group", sort=False):
            figure.add_scatter(
                x=[*part["bin_left"], part["bin_right"].iloc[-1]],
                y=[*(100 * part["share"]), 0.0],
                customdata=[*part["count"], 0],
                mode="lines",
                line={"shape": "hv", "color": GROUP_COLOURS[name], "dash": GROUP_DASHES.get(name)},
                fill="tozeroy" if name in ("clean", "unknown") else None,
                name=f"{part['title'].iloc[0]} ({part['n_samples'].iloc[0]:,})",
                legendgroup=name,
                showlegend=column == 1,
                hovertemplate=f"{name}<br>from %{{x:.2f}}: %{{y:.1f}} % (%{{customdata}} samples)"
                "<extra></extra>",
                row=1,
                col=column,
            )
    figure.update_xaxes(title=X, range=[0, table["bin_right"].max()])
    figure.update_yaxes(rangemode="tozero")
    figure.update_yaxes(title=Y, row=1, col=1)
    return figure.update_layout(margin={"t": 70})


def typeset(table: pd.DataFrame, width: float) -> Figure:
    """Typeset `prepare`'s table for a file of `width` inches."""
    panels = _panels(table)
    with paper_panels(width, len(panels)) as (figure, all_axes):
        for axes, panel in zip(all_axes, panels, strict=True):
            for name, part in panel.groupby("group", sort=False):
                axes.stairs(
                    100 * part["share"],
                    [*part["bin_left"], part["bin_right"].iloc[-1]],
                    color=GROUP_COLOURS[name],
                    linestyle=PAPER_DASHES[GROUP_DASHES.get(name, "solid")],
                    linewidth=1.2,
                    label=f"{GROUP_TITLES[name]} ({part['n_samples'].iloc[0]:,})",
                )
            axes.set_title(on_paper("\n".join(wrap(line, 40) for line in _title(panel))))
            axes.set_xlabel(X)
            axes.set_ylabel(Y)
            axes.set_xlim(0, table["bin_right"].max())
            axes.set_ylim(bottom=0)
        paper_legend(figure, all_axes[0])
    return figure


def _panels(table: pd.DataFrame) -> list[pd.DataFrame]:
    return [part for _, part in table.groupby("of", sort=False)]


def _title(panel: pd.DataFrame) -> list[str]:
    first = panel.iloc[0]
    return [f"{first['of']}, epoch {first['epoch']}", first["settings"]]


FIGURE = FigureSpec(
    title="How the weights are spread",
    paper="",
    look_for=(
        "Mislabeled samples near 0 and clean ones, the hard ones too, far from it. Where all move "
        "towards 0 together, the training mostly slows down. A low weight is suspicious."
    ),
    prepare=prepare,
    draw=draw,
    typeset=typeset,
)
