"""Fig. 1: how clean, hard and mislabeled samples are spread under any criteria."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure

from dashboard.drawing.panels import (
    PAPER_DASHES,
    paper_legend,
    paper_panels,
    screen_panels,
    translucent,
)
from dashboard.drawing.style import GROUP_COLOURS, GROUP_DASHES
from dashboard.drawing.text import on_paper, on_screen, shorten
from dashboard.figures.base import CannotShow, FigureSpec
from dashboard.figures.selection import (
    GROUPS_SHOWN,
    absent_criteria,
    absent_hard,
    check_epoch,
    class_title,
    group_title,
    grouped,
    in_sentence,
)
from hmw_core.criteria.compute import without_absent
from hmw_core.criteria.kept import score_table
from hmw_core.criteria.of_run import pick_criterion
from hmw_core.log.reader import RunReader
from hmw_core.samples.groups import HARD_FRACTION

N_BINS = 40
LOSS_FLOOR = 1e-7  # nat: about the smallest cross entropy above 0 that float32 logits give
AXIS = "Share of the group (%)"


def prepare(
    run: RunReader,
    criteria: Sequence[str] = ("last_loss", "iam"),
    given_label: int | None = None,
    epoch: int | None = None,
    hard_fraction: float = HARD_FRACTION,
) -> pd.DataFrame:
    """Return a histogram of each criterion and group, over bins that all groups share.

    Columns criterion, title, unit, higher_means, scale, group, bin_left, bin_right, count, share
    (per cent of the group's samples with a score), n_samples (those with one), n_without_score,
    class_name, epoch, hard_fraction. The bins span all finite scores, and nothing is cut off.
    Those of a loss are even on a logarithmic axis (`scale`), since a network that memorises has
    nearly all losses close to 0; a loss below `LOSS_FLOOR` counts as that. A criterion that the
    run's source lacks has no row, and `absent` says so.
    """
    last = check_epoch(run, epoch)
    title = class_title(run, given_label)
    lacks = absent_criteria(run, criteria)
    scores = score_table(run, criteria, epoch, given_label)
    if lacks:
        scores = scores[list(without_absent({n: pick_criterion(run, n) for n in criteria}, run))]
        if scores.empty:
            raise CannotShow(f"run {run.name!r} has {lacks}")
    group = grouped(run, given_label, last, hard_fraction)
    parts = []
    for name in scores:
        known = np.isfinite(scores[name])
        if not known.any():
            raise CannotShow(f"run {run.name!r} logs nothing that {name} can be computed from")
        criterion = pick_criterion(run, str(name))
        scale = "log" if criterion.unit == "nat" else "linear"
        score = scores[name].clip(lower=LOSS_FLOOR) if scale == "log" else scores[name]
        edges = _edges(score[known].to_numpy(), scale)
        for label in GROUPS_SHOWN:
            of_group = group == label
            if not of_group.any():
                continue
            values = score[known & of_group]
            count = np.histogram(values, edges)[0]
            parts.append(
                pd.DataFrame(
                    {
                        "criterion": name,
                        "title": criterion.title,
                        "unit": criterion.unit,
                        "higher_means": criterion.higher_means,
                        "scale": scale,
                        "group": label,
                        "bin_left": edges[:-1],
                        "bin_right": edges[1:],
                        "count": count,
                        "share": 100 * count / max(len(values), 1),
                        "n_samples": len(values),
                        "n_without_score": int(of_group.sum()) - len(values),
                    }
                )
            )
    table = pd.concat(parts, ignore_index=True)
    table = table.assign(class_name=title, epoch=last, hard_fraction=hard_fraction)
    lacks = in_sentence(lacks, absent_hard(run))
    return table.assign(absent=lacks) if lacks else table


def draw(table: pd.DataFrame) -> go.Figure:
    """Draw `prepare`'s table for the screen."""
    criteria = list(dict.fromkeys(table["criterion"]))
    panels = [table[table["criterion"] == name] for name in criteria]
    figure = screen_panels([on_screen(_panel_title(panel)) for panel in panels])
    for column, panel in enumerate(panels, start=1):
        for group, part in panel.groupby("group", sort=False):
            colour, dash = GROUP_COLOURS[group], GROUP_DASHES.get(group, "solid")
            figure.add_scatter(
                x=np.repeat([*part["bin_left"], part["bin_right"].iloc[-1]], 2),
                y=[0, *np.repeat(part["share"], 2), 0],
                mode="lines",
                fill="tozeroy",
                fillcolor=translucent(colour, 0.15),
                name=_group_title(part),
                legendgroup=str(group),
                showlegend=column == 1,
                line={"color": colour, "dash": dash, "width": 2},
                hovertemplate="%{x:.3g}: %{y:.1f} %",
                row=1,
                col=column,
            )
        scale = panel["scale"].iloc[0]
        figure.update_xaxes(title=_score_axis(panel), type=scale, row=1, col=column)
        if scale == "log":
            figure.update_xaxes(exponentformat="power", dtick=1, row=1, col=column)
        figure.update_yaxes(title=AXIS, row=1, col=column)
    return figure


def typeset(table: pd.DataFrame, width: float) -> Figure:
    """Typeset `prepare`'s table for a file of `width` inches."""
    criteria = list(dict.fromkeys(table["criterion"]))
    with paper_panels(width, len(criteria)) as (figure, panels):
        for axes, name in zip(panels, criteria, strict=True):
            panel = table[table["criterion"] == name]
            for group, part in panel.groupby("group", sort=False):
                edges = [*part["bin_left"], part["bin_right"].iloc[-1]]
                dash = PAPER_DASHES[GROUP_DASHES.get(group, "solid")]
                colour = GROUP_COLOURS[group]
                axes.stairs(part["share"], edges, fill=True, color=colour, alpha=0.15)
                axes.stairs(
                    part["share"], edges, color=colour, linestyle=dash, label=_group_title(part)
                )
            axes.set_title(on_paper(_panel_title(panel)))
            axes.set_xlabel(_score_axis(panel))
            axes.set_xscale(panel["scale"].iloc[0])
            axes.set_ylabel(AXIS)
        paper_legend(figure, panels[0])
    return figure


def _edges(values: np.ndarray, scale: str) -> np.ndarray:
    """Return the bins' edges, even on the axis; a single value stands in the middle of them."""
    if scale == "log":
        edges = 10 ** _edges(np.log10(values), "linear")
        # Rounding must not leave the smallest or largest score outside.
        edges[0], edges[-1] = min(edges[0], values.min()), max(edges[-1], values.max())
        return edges
    low, high = float(values.min()), float(values.max())
    if not high - low > 1e-9 * max(abs(low), abs(high)):
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, N_BINS + 1)


def _panel_title(panel: pd.DataFrame) -> str:
    first = panel.iloc[0]
    return f"{first['title']} · {shorten(first['class_name'], 22)} · epoch {first['epoch']}"


def _score_axis(panel: pd.DataFrame) -> str:
    first = panel.iloc[0]
    return f"{first['title']} ({first['unit']}), higher: {first['higher_means']}"


def _group_title(part: pd.DataFrame) -> str:
    first = part.iloc[0]
    return f"{group_title(first['group'], first['hard_fraction'])} ({first['n_samples']:,})"


FIGURE = FigureSpec(
    title="Distributions of clean, hard and mislabeled samples",
    paper="Fig. 1",
    look_for=(
        "How far the hard clean samples lie over the mislabeled ones: where they overlap, no "
        "threshold of this criterion can part them. Hard are the clean ones of the largest last "
        "loss, so under the last loss itself they must overlap most."
    ),
    prepare=prepare,
    draw=draw,
    typeset=typeset,
)
