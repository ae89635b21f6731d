"""Fig. 7: test accuracy by epoch, a line a setting, a panel a condition."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from plotly.colors import sample_colorscale, unlabel_rgb

from dashboard.drawing.marks import EPOCH, Axis, Band, Drawing, Line, Mark, Panel
from dashboard.drawing.style import CLASS_COLOURS, DASHES, GREY
from dashboard.drawing.text import shorten
from dashboard.figures.base import CannotShow, FigureSpec
from hmw_core.errors import UsageError
from hmw_core.experiments.sweeps import (
    Sweep,
    condition,
    curves,
    families,
    in_words,
    numbers,
    references,
    setting,
    value_in_words,
)

MOST_LINES = 14  # more cannot be told apart
SCALE = (0.12, 0.88)  # of the colour scale: its ends do not stand on dark or on white


def prepare(
    sweep: Sweep,
    field: str | None = None,
    others: str | None = None,
    settings: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Return condition, line, kind, epoch, n, and accuracy, low and high in per cent.

    `accuracy` is the mean over the seeds, `low` and `high` the lowest and highest seed. With
    `field`, the lines are its values while the other fields of the setting stay at `others` (in
    words; default: those with the most values), and kind is `value`, or `reference` for cells
    without the field or without any weight. Without, they are `settings` (default: all).
    """
    by_epoch = curves(sweep)
    if by_epoch.empty:
        raise CannotShow(f"no training of the sweep {sweep.name} with a test split has finished")
    chosen = _by_field(sweep, field, others) if field else _by_setting(sweep, settings)
    parts = []
    for order, (cell, line, kind) in enumerate(chosen):
        part = by_epoch[by_epoch["cell"] == cell].groupby("epoch")["test_accuracy"]
        told = 100 * part.agg(["mean", "min", "max"]).set_axis(["accuracy", "low", "high"], axis=1)
        where = condition(sweep.cells[cell])
        parts.append(
            told.reset_index().assign(
                condition=in_words(where) if where else "",
                line=line,
                kind=kind,
                order=order,
                n=part.size().to_numpy(),
            )
        )
    table = pd.concat(parts, ignore_index=True)
    if table.empty:
        raise CannotShow(f"none of these settings of the sweep {sweep.name} has finished yet")
    if table["line"].nunique() > MOST_LINES:
        raise CannotShow(
            f"{table['line'].nunique()} lines are more than can be told apart ({MOST_LINES}); "
            "choose some"
        )
    columns = ["condition", "line", "kind", "epoch", "accuracy", "low", "high", "n"]
    return table[columns]


def drawing(table: pd.DataFrame) -> Drawing:
    """Draw `prepare`'s table: a panel a condition, a line a setting with the range of its seeds."""
    looks, panels = _looks(table), []
    for name, shown in table.groupby("condition", sort=False):
        marks: list[Mark] = []
        for line, part in shown.groupby("line", sort=False):
            (colour, dash), epoch = looks[str(line)], part["epoch"]
            if (part["n"] > 1).any():
                marks.append(Band(epoch, part["low"], part["high"], colour, alpha=0.13))
            look: dict[str, Any] = {
                "hover": "epoch %{x}: %{y:.1f} %, n = %{customdata[0]}",
                "data": part["n"],
            }
            marks.append(Line(epoch, part["accuracy"], colour, str(line), dash, 1.8, **look))
        panels.append(Panel(marks, EPOCH, Axis("Test accuracy (%)"), shorten(str(name), 40)))
    return Drawing(panels, share_y=True, aspect=0.75)


def _by_field(sweep: Sweep, field: str, others: str | None) -> list[tuple[int, str, str]]:
    """Return cell, line and kind of what a field's values are drawn for."""
    if field not in numbers(sweep):
        raise UsageError(f"the sweep {sweep.name} does not vary {field!r} as a number")
    lines = families(sweep, field)
    if not lines:
        raise CannotShow(f"in the sweep {sweep.name} no two cells differ in {field} alone")
    others = most_values(sweep, field) if others is None else others
    kept = [line for line in lines if line[1] == others]
    if not kept:
        raise UsageError(f"the sweep {sweep.name} has no cells with {others!r}")
    cells = [
        (cell, f"{field} {value_in_words(v)}", "value") for *_, line in kept for v, cell in line
    ]
    drawn = {cell for cell, *_ in cells}
    against = [
        (cell, in_words(setting(sweep.cells[cell])), "reference")
        for cell in references(sweep, field)
        if cell not in drawn
    ]
    return [*against, *cells]


def most_values(sweep: Sweep, field: str) -> str:
    """Return the other fields, in words, with which a field takes the most values."""
    return max(families(sweep, field), key=lambda line: len(line[2]))[1]


def _by_setting(sweep: Sweep, settings: Sequence[str] | None) -> list[tuple[int, str, str]]:
    names = [in_words(setting(fields)) for fields in sweep.cells]
    wanted = set(names) if settings is None else set(settings)
    return [(cell, name, "setting") for cell, name in enumerate(names) if name in wanted]


def _looks(table: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Return colour and dash of each line: values along a scale, references grey and dashed."""
    looks: dict[str, tuple[str, str]] = {}
    kinds = table.drop_duplicates("line").set_index("line")["kind"]
    values = [line for line in kinds.index if kinds[line] == "value"]
    places = [
        SCALE[0] + (SCALE[1] - SCALE[0]) * rank / max(len(values) - 1, 1)
        for rank in range(len(values))
    ]
    along = sample_colorscale("Plasma", places) if values else []
    looks |= {
        line: ("#" + "".join(f"{round(c):02x}" for c in unlabel_rgb(colour)), "solid")
        for line, colour in zip(values, along, strict=True)
    }
    against = [line for line in kinds.index if kinds[line] == "reference"]
    looks |= {line: (GREY, DASHES[1 + n % 3]) for n, line in enumerate(against)}
    own = [line for line in kinds.index if kinds[line] == "setting"]
    looks |= {
        line: (CLASS_COLOURS[n % len(CLASS_COLOURS)], DASHES[n // len(CLASS_COLOURS) % 4])
        for n, line in enumerate(own)
    }
    return looks


FIGURE = FigureSpec(
    title="Test accuracy by epoch",
    paper="Fig. 7",
    look_for=(
        "Curves that rise and then fall: the network memorises wrong labels. A line is the mean of "
        "its seeds, the band reaches from the lowest seed to the highest; grey lines are without "
        "the weights. The best epoch is seen only with a clean test split."
    ),
    prepare=prepare,
    drawing=drawing,
)
