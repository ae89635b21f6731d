"""What the training method did by epoch: a panel for each thing that it keeps and measures."""

from dataclasses import replace

import pandas as pd

from dashboard.drawing.marks import EPOCH, Axis, Drawing, Line, Mark, Panel, Rule
from dashboard.drawing.style import CLASS_COLOURS, FAMILY_COLOURS
from dashboard.drawing.text import shorten
from dashboard.figures.base import CannotShow, FigureSpec
from dashboard.figures.selection import check_epoch
from hmw_core.laboratory.method_course import (
    ALL,
    CLEAN,
    MISLABELED,
    RIGHT,
    course,
    keeps_nothing,
)
from hmw_core.log.reader import RunReader

LOOKS = {
    ALL: ("quiet", "solid"),
    CLEAN: ("clean", "solid"),
    MISLABELED: ("mislabeled", "dot"),
    RIGHT: ("quiet", "dash"),
    "": (FAMILY_COLOURS["method"], "solid"),
}
A_ROW = 3
ROW, MOST_HIGH = 195, 830  # px of a row of panels, and of all
AXES = {
    "flag": "True of the samples (%)",
    "group": "Share of the samples (%)",
    "wrong": "Mislabeled (%)",
    "label": "Share (%)",
    "networks": "Share of the samples (%)",
}


def prepare(run: RunReader) -> pd.DataFrame:
    """Return `method_course.course` of the run, which has shares in per cent.

    Raises
    ------
    CannotShow
        If the run's method keeps nothing, or has kept nothing yet.
    """
    check_epoch(run)
    reason = keeps_nothing(run)
    if reason:
        raise CannotShow(f"run {run.name!r} has no such numbers, because {reason}")
    table = course(run)
    if table.empty:
        raise CannotShow(f"the method of run {run.name!r} has told nothing of any epoch yet")
    return table


def drawing(table: pd.DataFrame) -> Drawing:
    """Draw `prepare`'s table: a panel per quantity and kind, and rules between stages."""
    borders = _borders(table)
    ends = table["epoch"].min(), table["epoch"].max()
    room = 0.5 if ends[0] == ends[1] else 0.0
    epochs = replace(EPOCH, limits=(ends[0] - room, ends[1] + room))
    panels = []
    for (_, kind), part in table.groupby(["quantity", "kind"], sort=False):
        categories = list(dict.fromkeys(part["group"]))
        marks: list[Mark] = []
        for group, rows in part.dropna(subset=["value"]).groupby("group", sort=False):
            colour, dash = LOOKS.get(str(group), ("", "solid"))
            colour = colour or CLASS_COLOURS[2 * categories.index(group) % len(CLASS_COLOURS)]
            end = " %" if kind in AXES else ""
            marks.append(
                Line(rows["epoch"], rows["value"], colour, str(group), dash,
                     hover=f"epoch %{{x}}: %{{y:.3g}}{end}")
            )  # fmt: skip
        marks += [Rule(x=at, dash="dash", text=text) for at, text in borders]
        first = part.iloc[0]
        limits = (0.0, 100.0) if kind in AXES else (None, None)
        axis = AXES.get(str(kind)) or _axis_of(str(kind), first["unit"], first["title"])
        panels.append(Panel(marks, epochs, Axis(axis, limits), first["title"]))
    rows_of_panels = -(-len(panels) // A_ROW)
    return Drawing(
        panels,
        stages_said(table),
        columns=min(A_ROW, len(panels)),
        own_y=True,
        aspect=0.75,
        height=min(max(ROW * rows_of_panels + 60, 320), MOST_HIGH),
    )


def _axis_of(kind: str, unit: str, title: str) -> str:
    """Return what an axis says of a mean or a metric in its unit."""
    if kind == "mean":
        return f"Mean ({unit})" if unit else "Mean"
    return f"{unit[:1].upper()}{unit[1:]}" if unit else title


def stages_said(table: pd.DataFrame) -> str:
    """Return the stages and their epochs in words; empty where there are none."""
    by_epoch = table.drop_duplicates("epoch").sort_values("epoch")
    named = by_epoch[by_epoch["stage"] != ""]
    if named.empty:
        return ""
    run_of = (named["stage"] != named["stage"].shift()).cumsum()
    parts = []
    for _, part in named.groupby(run_of):
        first, last = part["epoch"].min(), part["epoch"].max()
        epochs = f"epoch {first}" if first == last else f"epochs {first} to {last}"
        parts.append(f"{part['stage'].iloc[0]} ({epochs})")
    return f"Stages: {', '.join(parts)}"


def _borders(table: pd.DataFrame) -> list[tuple[float, str]]:
    """Return where each stage but the first begins, and the name of the stage."""
    by_epoch = table.drop_duplicates("epoch").sort_values("epoch")
    is_new = by_epoch["stage"].ne(by_epoch["stage"].shift()) & by_epoch["epoch"].gt(
        by_epoch["epoch"].min()
    )
    begun = by_epoch[is_new]
    return [(e - 0.5, shorten(s, 16)) for e, s in zip(begun["epoch"], begun["stage"], strict=True)]


FIGURE = FigureSpec(
    title="What the method did, epoch by epoch",
    paper="",
    look_for=(
        "Where the lines of clean and of mislabeled samples part, and whether they stay apart. A "
        "dashed upright line is where a stage of the training begins."
    ),
    look_for_unknown=(
        "When the shares settle, and what happens at the dashed lines, where stages begin."
    ),
    prepare=prepare,
    drawing=drawing,
)
