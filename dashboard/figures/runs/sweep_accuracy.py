"""A sweep's settings side by side, by condition: every seed, mean, interval, the paper's number."""

from collections.abc import Iterator

import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure

from dashboard.drawing.panels import paper_legend, paper_panels, screen_panels
from dashboard.drawing.style import BLUE, GREY, VERMILION
from dashboard.drawing.text import on_paper, on_screen, shorten, wrap
from dashboard.figures.base import CannotShow, FigureSpec
from hmw_core.errors import UsageError
from hmw_core.experiments.sweep_differences import paper_numbers
from hmw_core.experiments.sweeps import (
    ACCURACIES,
    Sweep,
    condition,
    in_words,
    measure_title,
    setting,
    summary_table,
    sweep_table,
)

MOST = 60  # rows that can be read
BELOW, SPREAD = 0.2, 0.16  # of a row's height: the seeds stand below the mean, spread so far
MEAN, SEED, PAPER = "mean of the seeds", "one seed", "the paper's number"


def prepare(sweep: Sweep, measure: str = "last_accuracy") -> pd.DataFrame:
    """Return one row a finished training: value beside its cell's mean, low and high.

    Columns: condition, setting, seed, value, mean, low, high (accuracies in per cent; the bounds
    are missing where there is no interval), n, paper (per cent; missing where the paper has no
    number for just this, or `measure` is not an accuracy) and axis (what is measured).
    """
    trainings = sweep_table(sweep)
    if measure not in trainings:
        raise UsageError(f"the sweep {sweep.name} has no {measure}")
    done = trainings[trainings[measure].notna()]
    if done.empty:
        raise CannotShow(f"no training of the sweep {sweep.name} with this number has finished yet")
    scale = 100 if measure in ACCURACIES else 1
    paper = paper_numbers(sweep) if measure in ACCURACIES else [None] * len(sweep.cells)
    rows = []
    for row in summary_table(sweep).to_dict("records"):
        fields, part = sweep.cells[row["cell"]], done[done["cell"] == row["cell"]]
        for seed, value in zip(part["seed"], part[measure], strict=True):
            rows.append(
                {
                    "condition": in_words(condition(fields)) if condition(fields) else "",
                    "setting": in_words(setting(fields)),
                    "seed": seed,
                    "value": scale * value,
                    "mean": scale * row[measure],
                    "low": scale * row[f"{measure}_low"],
                    "high": scale * row[f"{measure}_high"],
                    "n": len(part),
                    "paper": paper[row["cell"]],
                    "axis": measure_title(measure),
                }
            )
    table = pd.DataFrame(rows).astype({"paper": float})
    if table["setting"].nunique() > MOST:
        raise CannotShow(
            f"{table['setting'].nunique()} settings are more than {MOST} rows; see the table"
        )
    return table


def draw(table: pd.DataFrame) -> go.Figure:
    """Draw `prepare`'s table for the screen."""
    conditions = list(dict.fromkeys(table["condition"]))
    settings = list(dict.fromkeys(table["setting"]))
    titles = [on_screen(shorten(name, 40)) for name in conditions]
    figure = screen_panels(titles, shared_y=True, height=150 + 34 * len(settings))
    told = set()
    for column, name in enumerate(conditions, start=1):
        for y, part in _rows(table, name, settings):
            first = part.iloc[0]
            has_interval = pd.notna(first["low"])
            interval = f", 95 % interval {first['low']:.4g} to {first['high']:.4g}"
            traces = {
                SEED: go.Scatter(
                    x=part["value"],
                    y=_heights(y, len(part)),
                    marker={"size": 6, "color": GREY, "opacity": 0.8},
                    customdata=part["seed"],
                    hovertemplate="seed %{customdata}: %{x:.4g}<extra></extra>",
                ),
                MEAN: go.Scatter(
                    x=[first["mean"]],
                    y=[y],
                    error_x={
                        "type": "data",
                        "symmetric": False,
                        "array": [first["high"] - first["mean"]],
                        "arrayminus": [first["mean"] - first["low"]],
                        "color": BLUE,
                        "visible": bool(has_interval),
                    },
                    marker={"size": 10, "color": BLUE, "symbol": "diamond"},
                    hovertemplate=f"{on_screen(first['setting'])}, n = {len(part)}: %{{x:.4g}}"
                    f"{interval if has_interval else ', no interval'}<extra></extra>",
                ),
            }
            if pd.notna(first["paper"]):
                traces[PAPER] = go.Scatter(
                    x=[first["paper"]],
                    y=[y],
                    marker={"size": 11, "color": VERMILION, "symbol": "line-ns-open"},
                    hovertemplate="the paper: %{x:.1f} %<extra></extra>",
                )
            for legend, trace in traces.items():
                trace.update(
                    mode="markers", name=legend, legendgroup=legend, showlegend=legend not in told
                )
                told.add(legend)
                if legend == MEAN:
                    trace.update(name=_mean(table))
                figure.add_trace(trace, row=1, col=column)
        figure.update_xaxes(
            title=table["axis"].iloc[0] if len(conditions) < 3 else _short(table),
            showgrid=True,
            zeroline=False,
            row=1,
            col=column,
        )
    figure.update_yaxes(
        tickvals=list(range(len(settings))),
        ticktext=[on_screen(shorten(name, 44)) for name in settings],
        range=[len(settings) - 0.4, -0.6],
        showgrid=False,
        zeroline=False,
    )
    figure.update_yaxes(title="Setting", row=1, col=1)
    figure.update_layout(legend={"y": -0.12 - 1.2 / (len(settings) + 2)})
    return figure


def typeset(table: pd.DataFrame, width: float) -> Figure:
    """Typeset `prepare`'s table for a file of `width` inches."""
    conditions = list(dict.fromkeys(table["condition"]))
    settings = list(dict.fromkeys(table["setting"]))
    names = [wrap(on_paper(shorten(name, 44)), 22) for name in settings]
    lines = sum(name.count("\n") + 1 for name in names)
    beside = max(1, min(len(conditions), 2 if width > 5 else 1))
    aspect = (0.55 + 0.17 * max(lines, 1.3 * len(settings))) * min(max(width / 7, 1.0), 1.6)
    with paper_panels(width, len(conditions), aspect * beside / width) as (figure, all_axes):
        for axes, name in zip(all_axes, conditions, strict=True):
            for y, part in _rows(table, name, settings):
                first = part.iloc[0]
                heights = _heights(y, len(part))
                axes.plot(part["value"], heights, "o", color=GREY, markersize=2.5, mew=0)
                if pd.notna(first["low"]):
                    axes.plot([first["low"], first["high"]], [y, y], color=BLUE, linewidth=1.1)
                axes.plot(first["mean"], y, "D", color=BLUE, markersize=3.5)
                if pd.notna(first["paper"]):
                    axes.plot(first["paper"], y, "|", color=VERMILION, markersize=8, mew=1.5)
            axes.set_title(wrap(on_paper(shorten(name, 40)), 24))
            axes.set_ylim(len(settings) - 0.4, -0.6)
            axes.set_yticks(range(len(settings)), names)
            axes.set_xlabel(wrap(table["axis"].iloc[0], 40))
            axes.set_ylabel("Setting")
        axes = all_axes[0]
        axes.plot([], [], "o", color=GREY, markersize=2.5, mew=0, label=SEED)
        axes.plot([], [], "D-", color=BLUE, markersize=3.5, linewidth=1.1, label=_mean(table))
        if table["paper"].notna().any():
            axes.plot([], [], "|", color=VERMILION, markersize=8, mew=1.5, label=PAPER)
        paper_legend(figure, axes)
    return figure


def _rows(
    table: pd.DataFrame, name: str, settings: list[str]
) -> Iterator[tuple[int, pd.DataFrame]]:
    """Yield the height and the seeds of each setting that has some under a condition."""
    of_condition = table[table["condition"] == name]
    for setting_name, part in of_condition.groupby("setting", sort=False):
        yield settings.index(str(setting_name)), part


def _heights(y: int, n_seeds: int) -> list[float]:
    step = SPREAD / max(n_seeds - 1, 1)
    return [y + BELOW + step * place for place in range(n_seeds)]


def _mean(table: pd.DataFrame) -> str:
    has_interval = table["low"].notna().any()
    return f"{MEAN}, {'95 %' if has_interval else 'no'} interval"


def _short(table: pd.DataFrame) -> str:
    return str(table["axis"].iloc[0]).partition(",")[0] + (
        " (%)" if table["axis"].iloc[0].endswith("(%)") else ""
    )


FIGURE = FigureSpec(
    title="Settings side by side",
    paper="",
    look_for=(
        "Intervals that stay clear of one another, and the same order under every condition. "
        "Panels have axes of their own. The same seeds stand behind every row, so the differences "
        "below, paired by seed, tell settings apart better than these intervals do."
    ),
    prepare=prepare,
    draw=draw,
    typeset=typeset,
)
