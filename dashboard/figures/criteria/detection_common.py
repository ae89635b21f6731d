"""What the figures of a contest share: its options, its captions, and grids of numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from dashboard.drawing.panels import SMALLEST
from dashboard.drawing.style import BLUE, CONTINUOUS, VERMILION, screen_figure
from dashboard.drawing.text import on_paper, on_screen, shorten, wrap
from dashboard.figures.base import CannotShow
from dashboard.figures.selection import absent_criteria, check_epoch, class_title, in_sentence
from hmw_core.criteria import MAIN_CRITERIA
from hmw_core.criteria.compute import without_absent
from hmw_core.criteria.of_run import pick_criterion, title_of
from hmw_core.errors import pick
from hmw_core.laboratory.contest import MEASURES, Contest, budget_text
from hmw_core.laboratory.hard import Hard, hard_text
from hmw_core.log.reader import RunReader
from hmw_core.samples.groups import HARD_FRACTION

MOST_WRITTEN = 16  # rows or columns; the numbers of more would cover one another
# From "the column's criterion is ahead" over nothing to "the row's is"; even in lightness.
DIVERGING = [(0.0, VERMILION), (0.25, "#EDB79A"), (0.5, "#F2F2F2"), (0.75, "#93BBD9"), (1.0, BLUE)]
_PAPER_MAPS = {
    "diverging": LinearSegmentedColormap.from_list("diverging", DIVERGING),
    "continuous": colormaps[CONTINUOUS],
}


@dataclass(frozen=True)
class Asked:
    """What a contest's figure is about, once its options are checked."""

    names: list[str]
    epoch: int
    hard: Hard | None
    class_name: str
    absent: str


def check_contest(
    run: RunReader,
    criteria: Sequence[str] | None,
    epoch: int | None,
    given_label: int | None,
    hard_by: str | None,
    hard_fraction: float = HARD_FRACTION,
    hard_from: str | None = None,
) -> Asked:
    """Return what is asked for, without the criteria that the log has nothing for.

    Raises
    ------
    CannotShow
        If the run has no such epoch or class, none of the criteria, or does not know both clean
        and mislabeled samples among these.
    """
    last = check_epoch(run, epoch)
    title = class_title(run, given_label)
    names = list(MAIN_CRITERIA) if criteria is None else list(dict.fromkeys(criteria))
    picked = {name: pick_criterion(run, name) for name in names}
    lacks = absent_criteria(run, names)
    there = list(without_absent(picked, run))
    if not there:
        raise CannotShow(f"run {run.name!r} has {lacks or 'been asked for no criterion'}")
    samples = run.samples()
    wrong = samples["is_mislabeled"]
    if given_label is not None:
        wrong = wrong[samples["given_label"] == given_label]
    n_clean, n_mislabeled = int(wrong.eq(False).sum()), int(wrong.sum())
    if not n_clean or not n_mislabeled:
        raise CannotShow(
            f"run {run.name!r}, {title}, knows {n_clean} clean and {n_mislabeled} mislabeled "
            "samples; a contest needs true labels with some of both"
        )
    hard = None if hard_by is None else Hard(hard_by, hard_fraction, hard_from)
    return Asked(there, last, hard, title, lacks)


def with_contest(
    table: pd.DataFrame, asked: Asked, held: Contest, budget: float | int | None
) -> pd.DataFrame:
    """Return a figure's table with what its contest was."""
    table = table.assign(
        n_clean=held.n_clean,
        n_mislabeled=held.n_mislabeled,
        n_flagged=held.n_flagged,
        left_out=held.left_out,
        unknown=held.unknown,
        class_name=asked.class_name,
        epoch=asked.epoch,
        contest=hard_text(asked.hard),
        budget=budget_text(budget),
        n_resamples=held.n_resamples,
    )
    lacks = in_sentence(asked.absent, _without_scores(held))
    return table.assign(absent=lacks) if lacks else table


def ranked_names(run: RunReader, held: Contest, measure: str) -> list[str]:
    """Return the criteria that have scores, by a measure, best first.

    Raises
    ------
    CannotShow
        If there is none.
    """
    known = held.values[measure].dropna().sort_values(ascending=False, kind="stable")
    if known.empty:
        lacks = _without_scores(held) or "no clean beside mislabeled samples to rank"
        raise CannotShow(f"run {run.name!r} has {lacks}")
    return known.index.to_list()


def _without_scores(held: Contest) -> str:
    if not held.without_scores:
        return ""
    titles = ", ".join(f"“{title_of(name)}”" for name in held.without_scores)
    return f"no {titles} of any sample in the contest"


def contest_title(table: pd.DataFrame) -> list[str]:
    """Return the lines that say which contest a table is of."""
    first = table.iloc[0]
    return [
        f"{first['contest'][0].upper()}{first['contest'][1:]} against mislabeled",
        f"{first['n_clean']:,} against {first['n_mislabeled']:,} · "
        f"{shorten(first['class_name'], 22)} · epoch {first['epoch']}",
    ]


def screen_title(lines: Sequence[str]) -> dict[str, object]:
    """Return a plotly title of these lines, above the figure at the left."""
    text = "<br>".join(on_screen(line) for line in lines)
    return {"text": text, "font": {"size": 14}, "x": 0.01}


def paper_title(lines: Sequence[str], width: float) -> str:
    """Return a title of these lines for a file of `width` inches."""
    limit = 46 if width < 5 else 90
    return on_paper("\n".join(wrap(line, limit) for line in lines))


def measure_title(measure: str) -> str:
    """Return a measure's title."""
    return pick(MEASURES, measure, "measure")


def screen_grid(
    values: np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    cells: np.ndarray,
    hover: np.ndarray,
    *,
    limits: tuple[float, float],
    bar: str,
    diverging: bool = False,
) -> go.Figure:
    """Return a plotly grid of numbers in colours.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns)
        What the colours say; NaN is left open.
    rows, columns : sequence of str
        Titles, as users gave them.
    cells, hover : ndarray of str, of the shape of `values`
        What is written into a cell, and said of it; HTML, made safe by the caller.
    limits : pair of float
        Of the colours.
    bar : str
        What the colours mean.
    diverging : bool
        Whether the middle of the limits means "none".
    """
    low, high = limits
    scale = [list(stop) for stop in DIVERGING] if diverging else CONTINUOUS
    figure = go.Figure(
        go.Heatmap(
            z=values,
            customdata=hover,
            zmin=low,
            zmax=high,
            colorscale=scale,
            xgap=1,
            ygap=1,
            colorbar={"title": {"text": bar, "side": "right"}, "thickness": 14},
            hovertemplate="%{customdata}<extra></extra>",
            hoverongaps=True,
        )
    )
    written = max(values.shape) <= MOST_WRITTEN
    if written:
        figure.update_layout(
            annotations=[
                {
                    "x": c,
                    "y": r,
                    "text": cells[r, c],
                    "showarrow": False,
                    "font": {"size": 11, "color": _ink(float(values[r, c]), limits, diverging)},
                }
                for r, c in np.ndindex(*values.shape)
                if cells[r, c]
            ]
        )
    figure = screen_figure(figure, height=170 + (42 if written else 20) * len(rows))
    figure.update_layout(margin={"t": 64})
    figure.update_xaxes(
        tickvals=list(range(len(columns))),
        ticktext=[on_screen(shorten(name, 26)) for name in columns],
        tickangle=-35,
    )
    figure.update_yaxes(
        tickvals=list(range(len(rows))),
        ticktext=[on_screen(shorten(name, 40)) for name in rows],
        autorange="reversed",
        showgrid=False,
        zeroline=False,
    )
    return figure


def paper_grid(
    axes: Axes,
    values: np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    cells: np.ndarray,
    *,
    limits: tuple[float, float],
    bar: str,
    room: float,
    diverging: bool = False,
    bold: np.ndarray | None = None,
) -> None:
    """Draw `screen_grid` into Matplotlib axes; `room` is about a cell's width in points.

    Numbers that do not fit are left out. `bold` says which cells stand out.
    """
    low, high = limits
    kind = "diverging" if diverging else "continuous"
    image = axes.imshow(values, vmin=low, vmax=high, cmap=_PAPER_MAPS[kind], aspect="auto")
    longest = max((len(text) for text in cells.flat), default=0)
    if longest * 0.62 * SMALLEST <= room:
        for r, c in np.ndindex(*values.shape):
            if cells[r, c]:
                axes.text(
                    c,
                    r,
                    str(cells[r, c]),
                    ha="center",
                    va="center",
                    fontsize=SMALLEST,
                    fontweight="bold" if bold is not None and bold[r, c] else "normal",
                    color=_ink(float(values[r, c]), limits, diverging, "black"),
                )
    step = -(-len(columns) // 25)  # names of more would cover one another
    at = list(range(0, len(columns), step))
    axes.set_xticks(at, [on_paper(shorten(columns[i], 24)) for i in at], rotation=90)
    step = -(-len(rows) // 25)
    at = list(range(0, len(rows), step))
    axes.set_yticks(at, [on_paper(shorten(rows[i], 24)) for i in at])
    axes.figure.colorbar(image, ax=axes, label=bar, shrink=0.9)


def _ink(
    value: float, limits: tuple[float, float], diverging: bool, open_ink: str = "#8C8C8C"
) -> str:
    """Return the colour of a number on its cell: the cell's colour decides, not the page's."""
    if np.isnan(value):
        return open_ink
    low, high = limits
    share = min(max((value - low) / max(high - low, 1e-12), 0.0), 1.0)
    red, green, blue, _ = _PAPER_MAPS["diverging" if diverging else "continuous"](share)
    return "white" if 0.3 * red + 0.6 * green + 0.1 * blue < 0.5 else "black"
