"""Accuracy against a number that a sweep varies, zero apart from the logarithmic axis."""

import math
from collections.abc import Sequence

import pandas as pd

from dashboard.drawing.marks import Axis, Drawing, Line, Mark, Panel, Points, Rule
from dashboard.drawing.style import CLASS_COLOURS, DASHES, GREY
from dashboard.drawing.text import shorten
from dashboard.figures.base import CannotShow, FigureSpec
from hmw_core.errors import UsageError
from hmw_core.experiments.sweeps import (
    ACCURACIES,
    Sweep,
    condition,
    families,
    in_words,
    measure_title,
    numbers,
    references,
    setting,
    summary_table,
    value_in_words,
)

MOST_LINES = 8
LOGARITHMIC = 20  # from this ratio of the largest to the smallest value on
GAP = 1.0  # decades between the smallest value and the place of 0
LOOKS = [CLASS_COLOURS[k] for k in (0, 6, 3, 8, 2, 4, 1, 7)]


def prepare(sweep: Sweep, field: str | None = None, measure: str = "last_accuracy") -> pd.DataFrame:
    """Return one row a cell: field, value, place, condition, line, mean, low, high, n and axis.

    `value` is missing for a reference, a cell without the field or without any weight. `place` is
    where the value stands: its decimal logarithm where the values reach over more than a decade or
    so, with 0 at a place of its own below the smallest. Lines of three values or more are shown,
    or where there is none, of two. `low` and `high` bound the 95 % interval of the mean, missing
    with one seed. Accuracies in per cent.
    """
    field = field or next(iter(numbers(sweep)), None)
    if field is None:
        raise CannotShow(f"the sweep {sweep.name} varies no number")
    if field not in numbers(sweep):
        raise UsageError(f"the sweep {sweep.name} does not vary {field!r} as a number")
    lines = families(sweep, field)
    longest = [line for line in lines if len(line[2]) > 2] or lines
    names = list(dict.fromkeys(others for _, others, _ in longest))
    if len(names) > MOST_LINES:
        raise CannotShow(f"{len(names)} lines are more than can be told apart ({MOST_LINES})")
    cells = [(where, others, value, c) for where, others, line in longest for value, c in line]
    drawn = {cell for *_, cell in cells}
    for cell in references(sweep, field):
        if cell not in drawn:
            fields = sweep.cells[cell]
            cells.append((in_words(condition(fields)), in_words(setting(fields)), math.nan, cell))
    means = summary_table(sweep).set_index("cell")
    scale = 100 if measure in ACCURACIES else 1
    table = pd.DataFrame(
        [
            {
                "field": field,
                "value": value,
                "condition": where if condition(sweep.cells[cell]) else "",
                "line": others,
                "mean": scale * means[measure][cell],
                "low": scale * means[f"{measure}_low"][cell],
                "high": scale * means[f"{measure}_high"][cell],
                "n": means["n"][cell],
                "axis": measure_title(measure),
            }
            for where, others, value, cell in cells
        ]
    )
    table = table[table["mean"].notna()]
    if table["value"].isna().all():
        raise CannotShow(f"no training of the sweep {sweep.name} that varies {field} has finished")
    return table.assign(place=_places(table["value"])).reset_index(drop=True)


def drawing(table: pd.DataFrame) -> Drawing:
    """Draw `prepare`'s table: a panel a condition, a line a setting, references as rules."""
    looks, broken, panels = _looks(table), _broken(table), []
    x = Axis(_title(table), ticks=_ticks(table))
    for condition_name, shown in table.groupby("condition", sort=False):
        marks: list[Mark] = []
        for name, points in shown.groupby("line", sort=False):
            line = str(name)
            colour, dash = looks[line]
            if points["value"].isna().any():
                level = points["mean"].iloc[0]
                marks.append(Rule(None, level, colour, line, dash, 1.5, hover="%{y:.4g}"))
                continue
            for part in _segments(points):
                at, y = part["place"], part["mean"]
                marks.append(Line(at, y, colour, line, dash, 1.8, hover=""))
                marks.append(
                    Points(
                        at,
                        y,
                        colour,
                        size=7,
                        low=part["low"],
                        high=part["high"],
                        along="y",
                        hover="%{customdata[0]} %{customdata[1]:g}: %{y:.4g}, n = %{customdata[2]}",
                        data=part[["field", "value", "n"]],
                    )
                )
        marks += [] if broken is None else [Rule(x=broken)]
        title = shorten(str(condition_name), 40)
        panels.append(Panel(marks, x, Axis(table["axis"].iloc[0]), title))
    return Drawing(panels, share_y=True, aspect=0.75)


def _ticks(table: pd.DataFrame) -> dict[float, str]:
    """Return where values are named: not so near another that the names cover one another."""
    known = table.dropna(subset=["value"]).drop_duplicates("value").sort_values("value")
    room = (known["place"].max() - known["place"].min()) / 16
    kept: dict[float, str] = {}
    for value, place in zip(known["value"], known["place"], strict=True):
        if not kept or place - list(kept)[-1] >= room:
            kept[place] = value_in_words(value)
    return kept


def _places(values: pd.Series) -> pd.Series:
    """Return where values stand on the axis; see `prepare`."""
    above = values[values > 0]
    if (values < 0).any() or above.empty or above.max() < LOGARITHMIC * above.min():
        return values
    lowest = math.log10(above.min()) - GAP
    return values.map(lambda v: math.nan if math.isnan(v) else lowest if v == 0 else math.log10(v))


def _is_logarithmic(table: pd.DataFrame) -> bool:
    known = table[table["value"].notna()]
    return bool((known["place"] != known["value"]).any())


def _broken(table: pd.DataFrame) -> float | None:
    """Return where the axis is broken between 0 and the logarithm, None where it is not."""
    if not _is_logarithmic(table) or not (table["value"] == 0).any():
        return None
    return float(table[table["value"] > 0]["place"].min()) - GAP / 2


def _segments(points: pd.DataFrame) -> Sequence[pd.DataFrame]:
    """Return the points that a line may join: not 0 with what stands on a logarithmic axis."""
    points = points.sort_values("place")
    if not _is_logarithmic(points):
        return [points]
    parts = [points[points["value"] > 0], points[points["value"] == 0]]
    return [part for part in parts if len(part)]


def _title(table: pd.DataFrame) -> str:
    field = str(table["field"].iloc[0])
    if not _is_logarithmic(table):
        return field
    zero = "; 0 stands apart" if _broken(table) is not None else ""
    return f"{field} (logarithmic{zero})"


def _looks(table: pd.DataFrame) -> dict[str, tuple[str, str]]:
    of = table.groupby("line", sort=False)["value"].apply(lambda v: v.isna().any())
    against = [str(line) for line in of.index if of[line]]
    own = [str(line) for line in of.index if not of[line]]
    looks = {line: (GREY, DASHES[1 + n % 3]) for n, line in enumerate(against)}
    return looks | {line: (LOOKS[n % len(LOOKS)], "solid") for n, line in enumerate(own)}


FIGURE = FigureSpec(
    title="Accuracy against a number",
    paper="",
    look_for=(
        "Where the line leaves the grey ones, which are trained without the weights, and whether "
        "it is flat beyond: then the choice hardly matters. Points are means over the seeds with "
        "their 95 % interval. Zero has no logarithm: it stands apart and is joined to nothing."
    ),
    prepare=prepare,
    drawing=drawing,
)
