"""Where each stopping rule would have ended the training, on the accuracy and the predictions."""

from typing import Any

import numpy as np
import pandas as pd

from dashboard.drawing.marks import EPOCH, Axis, Drawing, Line, Mark, Panel, Points, Rule
from dashboard.drawing.style import BLUE, CLASS_COLOURS, GREEN, PURPLE
from dashboard.figures.base import FigureSpec
from dashboard.figures.dynamics.learning_order import table_of
from dashboard.figures.selection import of_pass
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
    "changed": ("changes", "predictions changed since the epoch before", "quiet"),
    "smoothed": ("changes", "mean of three epochs", PURPLE),
}
PANELS = {"accuracy": "Accuracy", "changes": "Changed predictions (needs no label)"}
AXES = {"accuracy": "Accuracy (%)", "changes": "Changed predictions (%)"}
SYMBOLS = ("star", "x", "diamond", "triangle-up", "square")


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
        **{"pass": run.pass_name}, label_wave=float("nan") if wave is None else float(wave)
    )


def noise_rate_of(run: RunReader) -> float | None:
    """Return the measured share of mislabeled samples; None where no true label says it."""
    measured = (run.info.get("noise") or {}).get("mislabeled_fraction")
    if measured is not None:
        return float(measured)
    known = run.samples()["is_mislabeled"].dropna()
    return float(known.mean()) if len(known) else None


def drawing(table: pd.DataFrame) -> Drawing:
    """Draw `prepare`'s table: a panel a quantity that was logged, the rules' marks on the first."""
    panels: list[Panel] = []
    for panel, title in PANELS.items():
        marks: list[Mark] = []
        for line, (of, name, colour) in LINES.items():
            part = table[table["line"] == line]
            if of == panel and len(part):
                name += f", {of_pass(table)}" if line == "train_accuracy" else ""
                width = 1.0 if line == "changed" else 2.0
                look: dict[str, Any] = {"width": width, "hover": "epoch %{x}: %{y:.1f} %"}
                marks.append(Line(part["epoch"], 100 * part["share"], colour, name, **look))
        if not marks:
            continue
        if not panels:
            marks += _rules(table)
        wave = table["label_wave"].iloc[0]
        if panel == "changes" and not np.isnan(wave):
            marks.append(Rule(x=wave, dash="dash"))
        axis = f"{AXES[panel]}, {of_pass(table)}" if panel == "changes" else AXES[panel]
        panels.append(Panel(marks, EPOCH, Axis(axis, (0, None)), title))
    return Drawing(panels, height=460, aspect=0.75)


def _rules(table: pd.DataFrame) -> list[Mark]:
    """Return the point of each rule on its line."""
    return [
        Points(
            [point.epoch],
            [100 * point.share],
            CLASS_COLOURS[-(number + 3)],
            f"{point.rule}{' (oracle)' if point.is_oracle else ''}: epoch {point.epoch}",
            SYMBOLS[number % len(SYMBOLS)],
            size=13,
            hover="epoch %{x}: %{y:.1f} %",
        )
        for number, point in enumerate(table[table["line"] == "rule"].itertuples())
    ]


FIGURE = FigureSpec(
    title="Stopping rules by epoch",
    paper="",
    look_for=(
        "What each rule loses against the best test accuracy, which nobody knows in time. A rule "
        "called an oracle needs true labels."
    ),
    prepare=prepare,
    drawing=drawing,
)
