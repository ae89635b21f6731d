"""Fig. 1 as a contest: each criterion's AUROC with its interval, among all and hard samples."""

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure

from dashboard.drawing.panels import paper_panels, screen_panels
from dashboard.drawing.style import GREY, criterion_colour
from dashboard.drawing.text import on_paper, on_screen, shorten, three_digits
from dashboard.figures.base import CannotShow, FigureSpec
from dashboard.figures.selection import (
    absent_criteria,
    absent_hard,
    check_epoch,
    class_title,
    in_sentence,
)
from hmw_core.criteria import MAIN_CRITERIA
from hmw_core.criteria.compute import without_absent
from hmw_core.criteria.of_run import pick_criterion, title_of
from hmw_core.laboratory.detection import detect
from hmw_core.log.reader import RunReader
from hmw_core.samples.groups import HARD_FRACTION

AXIS = "AUROC with 95 % interval"


def prepare(
    run: RunReader,
    criteria: Sequence[str] | None = None,
    epoch: int | None = None,
    given_label: int | None = None,
    hard_fraction: float = HARD_FRACTION,
) -> pd.DataFrame:
    """Return `detection.detect`'s table with title, class_name, epoch and hard_fraction.

    Rows are in the order of the AUROC among all samples, best first. A criterion that the log has
    nothing for has no row, nor the hard samples where it has no loss to choose them by; where the
    run's source lacks these, `absent` says so.
    """
    last = check_epoch(run, epoch)
    title = class_title(run, given_label)
    names = list(MAIN_CRITERIA) if criteria is None else list(criteria)
    lacks = absent_criteria(run, names)
    if lacks:
        names = list(without_absent({name: pick_criterion(run, name) for name in names}, run))
        if not names:
            raise CannotShow(f"run {run.name!r} has {lacks}")
    table = detect(run, names, epoch, given_label, hard_fraction=hard_fraction)
    if "loss" in run.absent:
        table = table[table["contest"] == "all"]
    among_all = table[table["contest"] == "all"].dropna(subset=["auroc"])
    if among_all.empty:
        raise CannotShow(
            f"run {run.name!r}, {title}: no mislabeled beside clean samples of known true label "
            "can be ranked"
        )
    order = among_all.sort_values("auroc", ascending=False, kind="stable")["criterion"].to_list()
    table = table[table["criterion"].isin(order)]
    table = table.sort_values("criterion", key=lambda names: names.map(order.index), kind="stable")
    table = table.assign(
        title=[title_of(name) for name in table["criterion"]],
        class_name=title,
        epoch=last,
        hard_fraction=hard_fraction,
    ).reset_index(drop=True)
    lacks = in_sentence(lacks, absent_hard(run))
    return table.assign(absent=lacks) if lacks else table


def draw(table: pd.DataFrame) -> go.Figure:
    """Draw `prepare`'s table for the screen."""
    panels = _panels(table)
    n_criteria = table["criterion"].nunique()
    titles = ["<br>".join(map(on_screen, _panel_title(panel))) for panel in panels]
    figure = screen_panels(titles, shared_y=True, height=190 + 26 * n_criteria)
    for column, panel in enumerate(panels, start=1):
        figure.add_scatter(
            x=panel["auroc"],
            y=_heights(table, panel),
            error_x={
                "type": "data",
                "symmetric": False,
                "array": panel["auroc_high"] - panel["auroc"],
                "arrayminus": panel["auroc"] - panel["auroc_low"],
                "color": GREY,
            },
            mode="markers",
            showlegend=False,
            marker={"size": 10, "color": [criterion_colour(c) for c in panel["criterion"]]},
            customdata=panel[["title", "auroc_low", "auroc_high"]].to_numpy(),
            hovertemplate="%{customdata[0]}: %{x:.3f}, 95 % interval %{customdata[1]:.3f} to "
            "%{customdata[2]:.3f}<extra></extra>",
            row=1,
            col=column,
        )
        figure.add_vline(x=0.5, line={"color": GREY, "width": 1, "dash": "dot"}, row=1, col=column)
    figure.update_xaxes(title=AXIS, range=_limits(table))
    figure.update_yaxes(
        tickvals=list(range(n_criteria)),
        ticktext=_criteria(table),
        range=[n_criteria - 0.5, -0.5],
    )
    figure.update_yaxes(title="Criterion", row=1, col=1)
    figure.update_layout(margin={"t": 76})
    return figure


def typeset(table: pd.DataFrame, width: float) -> Figure:
    """Typeset `prepare`'s table for a file of `width` inches."""
    n_criteria = table["criterion"].nunique()
    panels = _panels(table)
    beside = width > 5
    aspect = (0.85 + 0.16 * n_criteria) * (len(panels) if beside else 1) / width
    with paper_panels(width, len(panels), aspect, sharey=beside) as (figure, all_axes):
        for axes, panel in zip(all_axes, panels, strict=True):
            for y, row in zip(_heights(table, panel), panel.itertuples(), strict=True):
                axes.plot([row.auroc_low, row.auroc_high], [y, y], color=GREY, linewidth=1)
                colour = criterion_colour(row.criterion)
                axes.plot(row.auroc, y, "o", color=colour, markersize=4)
                number = three_digits(row.auroc)
                axes.text(1.02, y, number, va="center", transform=axes.get_yaxis_transform())
            axes.axvline(0.5, color=GREY, linewidth=0.8, linestyle=":", zorder=0)
            axes.set_xlim(*_limits(table))
            axes.set_ylim(n_criteria - 0.5, -0.5)
            axes.set_yticks(range(n_criteria), _criteria(table))
            axes.set_title(on_paper("\n".join(_panel_title(panel))))
            axes.set_xlabel(AXIS)
        for axes in all_axes[:: len(panels) if beside else 1]:
            axes.set_ylabel("Criterion")
    return figure


def _panels(table: pd.DataFrame) -> list[pd.DataFrame]:
    return [part for _, part in table.groupby("contest", sort=False)]


def _criteria(table: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys(table["title"]))


def _heights(table: pd.DataFrame, panel: pd.DataFrame) -> list[int]:
    order = _criteria(table)
    return [order.index(title) for title in panel["title"]]


def _limits(table: pd.DataFrame) -> list[float]:
    """Return the axis of both panels: from chance, or below where an interval is, to 1."""
    lowest = table[["auroc", "auroc_low"]].min(axis=None)
    return [min(0.48, float(lowest) - 0.02), 1.03]  # a dot at 1 stays whole


def _panel_title(panel: pd.DataFrame) -> list[str]:
    """Return the contest, its counts, and where it was held, a line each."""
    first = panel.iloc[0]
    clean, share = "all clean", ""
    if first["contest"] == "hard clean":
        clean, share = "hard clean", f" ({100 * first['hard_fraction']:g} % of largest loss)"
    return [
        f"{clean} against mislabeled",
        f"{first['n_clean']:,}{share} against {first['n_mislabeled']:,}",
        f"{shorten(first['class_name'], 22)} · epoch {first['epoch']}",
    ]


FIGURE = FigureSpec(
    title="How well each criterion finds the mislabeled samples",
    paper="Fig. 1",
    look_for=(
        "Whether intervals overlap: where they do, this run does not tell which criterion is "
        "better. The hard clean samples are chosen by their last loss, which makes their contest "
        "hardest for the last loss itself."
    ),
    prepare=prepare,
    draw=draw,
    typeset=typeset,
)
