"""One criterion's AUROC in every window of epochs, and the windows that the rules choose."""

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure

from dashboard.drawing.panels import PAPER_DASHES, paper_legend, paper_panels
from dashboard.drawing.style import BLUE, GREEN, GREY, ORANGE, PURPLE, screen_figure
from dashboard.figures.base import CannotShow, FigureSpec
from dashboard.figures.criteria.window_rules import MARKERS, RULE_TITLES, absent_windows
from dashboard.figures.selection import check_epoch
from hmw_core.criteria import CRITERIA, MAIN_CRITERIA
from hmw_core.criteria.criterion import without_absent
from hmw_core.errors import pick
from hmw_core.laboratory.windows import ORACLE, choices, window_table
from hmw_core.log.reader import RunReader

COLOURS = (BLUE, ORANGE, GREEN, PURPLE)
ALONE = "one epoch alone"


def prepare(
    run: RunReader, criterion: str | None = None, criteria: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return a row per window: first, last, line, auroc, low, high, and `chosen`, the rules.

    `criteria` (default: the main ones) are those that the ensemble is made of. `line` is what the
    windows of one first epoch are called; `chosen` names the rules that take the window.
    """
    check_epoch(run)
    there = without_absent(MAIN_CRITERIA, run)
    default = "iam" if "iam" in there else next(iter(there), "iam")
    name = default if criterion is None else criterion
    found = pick(CRITERIA, name, "criterion")
    compared = list(dict.fromkeys([*(there if criteria is None else criteria), name]))
    reason = absent_windows(run)
    if reason:
        raise CannotShow(reason)
    table = window_table(run, compared)
    table = table[table["criterion"] == name]
    if table.empty or table["auroc"].isna().all():
        raise CannotShow(f"run {run.name!r} has no scores of {found.title} to rank samples by")
    made = choices(table)
    rules = made.groupby(["first", "last"])["rule"].agg(", ".join).to_dict()
    chosen = [rules.get((row.first, row.last), "") for row in _rows(table)]
    lines = [_line(row.first, row.last, found.over == "last") for row in _rows(table)]
    shown = table[["criterion", "first", "last", "auroc", "low", "high", "n_clean", "n_mislabeled"]]
    shown = shown.assign(line=lines, chosen=chosen, title=found.title)
    return shown.sort_values(["line", "last"], kind="stable", ignore_index=True)


def draw(table: pd.DataFrame) -> go.Figure:
    """Draw `prepare`'s table for the screen."""
    figure = go.Figure()
    for (line, part), (colour, dash) in zip(_lines(table), _looks(table), strict=True):
        figure.add_scatter(
            x=part["last"],
            y=part["auroc"],
            mode="lines+markers",
            name=str(line),
            line={"color": colour, "dash": dash},
            marker={"size": 5},
            customdata=part[["first", "low", "high"]].to_numpy(),
            hovertemplate="epochs %{customdata[0]} to %{x}: %{y:.3f}, 95 % interval "
            "%{customdata[1]:.3f} to %{customdata[2]:.3f}<extra></extra>",
        )
    for rule, row in _chosen(table):
        symbol, _, colour = MARKERS[rule]
        figure.add_scatter(
            x=[row["last"]],
            y=[row["auroc"]],
            mode="markers",
            name=RULE_TITLES[rule],
            marker={"size": 15, "symbol": f"{symbol}-open", "line": {"width": 2}, "color": colour},
            hovertemplate=f"{RULE_TITLES[rule]}: epochs {row['first']} to {row['last']}, "
            f"{row['auroc']:.3f}<extra></extra>",
        )
    figure = screen_figure(figure, height=430)
    figure.update_layout(
        legend={"orientation": "v", "x": 1.02, "y": 1, "yanchor": "top"},
        title={"text": _heading(table), "font": {"size": 14}, "x": 0.05},
    )
    figure.update_xaxes(title="Last epoch of the window")
    figure.update_yaxes(title="AUROC")
    return figure


def typeset(table: pd.DataFrame, width: float) -> Figure:
    """Typeset `prepare`'s table for a file of `width` inches."""
    with paper_panels(width, 1, 0.5 if width > 5 else 0.8) as (figure, [axes]):
        for (line, part), (colour, dash) in zip(_lines(table), _looks(table), strict=True):
            axes.plot(
                part["last"],
                part["auroc"],
                PAPER_DASHES[dash],
                marker=".",
                color=colour,
                label=str(line),
            )
        for rule, row in _chosen(table):
            _, marker, colour = MARKERS[rule]
            axes.plot(
                row["last"],
                row["auroc"],
                marker,
                markersize=8,
                fillstyle="none",
                color=colour,
                label=RULE_TITLES[rule],
            )
        axes.set_title(_heading(table))
        axes.set_xlabel("Last epoch of the window")
        axes.set_ylabel("AUROC")
        paper_legend(figure, axes)
    return figure


def _rows(table: pd.DataFrame) -> list:
    return list(table[["first", "last"]].itertuples(index=False))


def _line(first: int, last: int, one_epoch: bool) -> str:
    return ALONE if one_epoch or (first == last and first > 1) else f"from epoch {first}"


def _lines(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    parts = [(str(line), part) for line, part in table.groupby("line", sort=False)]
    return sorted(parts, key=lambda p: (p[0] == ALONE, int(p[1]["first"].min())))


def _looks(table: pd.DataFrame) -> list[tuple[str, str]]:
    dashes = ("solid", "dash", "dashdot", "dot")
    looks = zip(COLOURS, dashes, strict=True)
    lines = [line for line, _ in _lines(table)]
    return [(GREY, "dot") if line == ALONE else next(looks) for line in lines]


def _chosen(table: pd.DataFrame) -> list[tuple[str, pd.Series]]:
    """Return the window of each rule, in the order of the rules."""
    found = []
    for rule in MARKERS:
        rows = table[[rule in chosen.split(", ") for chosen in table["chosen"]]]
        if len(rows):
            found.append((rule, rows.iloc[0]))
    return sorted(found, key=lambda pair: pair[0] != ORACLE)


def _heading(table: pd.DataFrame) -> str:
    first = table.iloc[0]
    return f"{first['title']}: {first['n_clean']:,} clean, {first['n_mislabeled']:,} mislabeled"


FIGURE = FigureSpec(
    title="Where a criterion looks best",
    paper="",
    look_for=(
        "How high the hills are, and where each rule stands on them. A line that falls to the "
        "right is memorisation: later epochs add nothing but harm. The oracle stands highest by "
        "its making, since it has seen the true labels."
    ),
    prepare=prepare,
    draw=draw,
    typeset=typeset,
)
