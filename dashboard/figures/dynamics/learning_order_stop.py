"""Where each stopping rule would have ended the training, on the accuracy and the predictions."""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure

from dashboard.drawing.panels import paper_legend, paper_panels, screen_panels
from dashboard.drawing.style import BLUE, CLASS_COLOURS, GREEN, GREY, PURPLE
from dashboard.drawing.text import wrap
from dashboard.figures.base import FigureSpec
from dashboard.figures.dynamics.learning_order import X, table_of
from hmw_core.laboratory.learning_order import (
    LEVEL,
    label_wave,
    onsets,
    prediction_changes,
    stopping,
)
from hmw_core.log.reader import RunReader

LINES = {
    "test_accuracy": ("accuracy", "test accuracy", GREEN),
    "train_accuracy": ("accuracy", "train accuracy, given labels", BLUE),
    "changed": ("changes", "predictions changed since the epoch before", GREY),
    "smoothed": ("changes", "mean of three epochs", PURPLE),
}
PANELS = {"accuracy": "Accuracy", "changes": "Changed predictions (needs no label)"}
AXES = {"accuracy": "Accuracy (%)", "changes": "Changed predictions (%)"}
SYMBOLS = ("star", "x", "diamond", "triangle-up", "square")
MARKERS = ("*", "x", "D", "^", "s")


def prepare(run: RunReader, level: float = LEVEL) -> pd.DataFrame:
    """Return epoch, line, share; and for `line` = `rule`, the rule and its point on a line.

    Raises
    ------
    CannotShow
        If the log holds no predictions, or has no epoch yet.
    """
    table = table_of(run)
    rules = stopping(table, run, onsets(table, run, level).get(-1), noise_rate_of(run))
    metrics = run.metrics()
    parts = [
        metrics[["epoch"]].assign(line=name, share=metrics[name])
        for name in ("test_accuracy", "train_accuracy")
    ]
    changes = prediction_changes(table)
    parts += [
        changes[["epoch"]].assign(line=name, share=changes[name])
        for name in ("changed", "smoothed")
    ]
    found = rules.dropna(subset=["epoch"])
    on = found["test_accuracy"]
    if on.isna().all():
        on = found["epoch"].map(metrics.set_index("epoch")["train_accuracy"])
    points = pd.DataFrame(
        {
            "epoch": found["epoch"].astype(int),
            "line": "rule",
            "share": on.astype(float),
            "rule": found["rule"],
            "is_oracle": found["is_oracle"],
        }
    )
    curves = pd.concat(parts).dropna(subset=["share"]).assign(rule="", is_oracle=False)
    wave = label_wave(table)
    return pd.concat([curves, points], ignore_index=True).assign(
        label_wave=float("nan") if wave is None else float(wave)
    )


def noise_rate_of(run: RunReader) -> float | None:
    """Return the measured share of mislabeled samples; None where no true label says it."""
    measured = (run.info.get("noise") or {}).get("mislabeled_fraction")
    if measured is not None:
        return float(measured)
    known = run.samples()["is_mislabeled"].dropna()
    return float(known.mean()) if len(known) else None


def draw(table: pd.DataFrame) -> go.Figure:
    """Draw `prepare`'s table for the screen."""
    panels = _panels(table)
    figure = screen_panels([PANELS[name] for name in panels], height=460)
    for column, panel in enumerate(panels, start=1):
        for line, part in _lines(table, panel):
            _, title, colour = LINES[line]
            figure.add_scatter(
                x=part["epoch"],
                y=100 * part["share"],
                mode="lines" if len(part) > 1 else "markers",
                name=title,
                line={"color": colour, "width": 1 if line == "changed" else 2},
                hovertemplate="epoch %{x}: %{y:.1f} %",
                row=1,
                col=column,
            )
        figure.update_xaxes(title=X, row=1, col=column)
        figure.update_yaxes(title=AXES[panel], rangemode="tozero", row=1, col=column)
    for number, point in enumerate(table[table["line"] == "rule"].itertuples()):
        figure.add_scatter(
            x=[point.epoch],
            y=[100 * point.share],
            mode="markers",
            name=_named(point),
            marker={
                "symbol": SYMBOLS[number % len(SYMBOLS)],
                "size": 13,
                "color": CLASS_COLOURS[-(number + 3)],
                "line": {"width": 1, "color": "white"},
            },
            hovertemplate="epoch %{x}: %{y:.1f} %",
            row=1,
            col=1,
        )
    wave = table["label_wave"].iloc[0]
    if not np.isnan(wave) and "changes" in panels:
        look = {"color": GREY, "width": 1, "dash": "dash"}
        figure.add_vline(x=wave, line=look, row=1, col=panels.index("changes") + 1)
    return figure


def typeset(table: pd.DataFrame, width: float) -> Figure:
    """Typeset `prepare`'s table for a file of `width` inches."""
    panels = _panels(table)
    with paper_panels(width, len(panels), 0.75) as (figure, all_axes):
        first = all_axes[0]
        for axes, panel in zip(all_axes, panels, strict=True):
            for line, part in _lines(table, panel):
                _, title, colour = LINES[line]
                linewidth = 0.7 if line == "changed" else 1.2
                look: dict[str, Any] = {"color": colour, "linewidth": linewidth}
                marker = "" if len(part) > 1 else "o"
                axes.plot(part["epoch"], 100 * part["share"], marker=marker, **look)
                first.plot([], [], label=title, marker=marker, **look)
            axes.set_title(wrap(PANELS[panel], 40))
            axes.set_xlabel(X)
            axes.set_ylabel(AXES[panel])
            axes.set_ylim(bottom=0)
        for number, point in enumerate(table[table["line"] == "rule"].itertuples()):
            first.plot(
                point.epoch,
                100 * point.share,
                MARKERS[number % len(MARKERS)],
                color=CLASS_COLOURS[-(number + 3)],
                markersize=5,
                label=_named(point),
            )
        wave = table["label_wave"].iloc[0]
        if not np.isnan(wave) and "changes" in panels:
            all_axes[panels.index("changes")].axvline(
                wave, color=GREY, linewidth=0.8, linestyle="--"
            )
        paper_legend(figure, first)
    return figure


def _panels(table: pd.DataFrame) -> list[str]:
    """Return the panels that have a line; the first is that of the rules' marks."""
    there = {LINES[line][0] for line in table["line"].unique() if line in LINES}
    return [name for name in PANELS if name in there]


def _lines(table: pd.DataFrame, panel: str) -> list[tuple[str, pd.DataFrame]]:
    shown = [line for line in LINES if LINES[line][0] == panel and line in set(table["line"])]
    return [(line, table[table["line"] == line]) for line in shown]


def _named(point: Any) -> str:
    """Return how the legend calls a row of the rules."""
    return f"{point.rule}{' (oracle)' if point.is_oracle else ''}: epoch {point.epoch}"


FIGURE = FigureSpec(
    title="Stopping rules by epoch",
    paper="",
    look_for=(
        "What each rule loses against the best test accuracy, which nobody knows in time. A rule "
        "called an oracle needs true labels."
    ),
    prepare=prepare,
    draw=draw,
    typeset=typeset,
)
