"""Accuracy against a number that a sweep varies, zero apart from the logarithmic axis."""

import math
from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure

from dashboard.drawing.panels import (
    DASHES,
    PAPER_DASHES,
    paper_legend,
    paper_panels,
    screen_panels,
)
from dashboard.drawing.style import CLASS_COLOURS, GREY
from dashboard.drawing.text import on_paper, on_screen, shorten, wrap
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


def draw(table: pd.DataFrame) -> go.Figure:
    """Draw `prepare`'s table for the screen."""
    conditions = list(dict.fromkeys(table["condition"]))
    figure = screen_panels([on_screen(shorten(c, 40)) for c in conditions], shared_y=True)
    looks = _looks(table)
    told: set[str] = set()
    for column, name in enumerate(conditions, start=1):
        part = table[table["condition"] == name]
        for line, points in part.groupby("line", sort=False):
            colour, dash = looks[str(line)]
            shared = {
                "name": on_screen(shorten(str(line), 44)),
                "legendgroup": on_screen(str(line)),
                "row": 1,
                "col": column,
            }
            if points["value"].isna().any():
                level = points["mean"].iloc[0]
                figure.add_scatter(
                    x=[table["place"].min(), table["place"].max()],
                    y=[level, level],
                    mode="lines",
                    line={"color": colour, "dash": dash, "width": 1.5},
                    hovertemplate="%{y:.4g}",
                    showlegend=line not in told,
                    **shared,
                )
                told.add(str(line))
                continue
            for segment in _segments(points):
                figure.add_scatter(
                    x=segment["place"],
                    y=segment["mean"],
                    mode="lines+markers",
                    error_y={
                        "type": "data",
                        "symmetric": False,
                        "array": (segment["high"] - segment["mean"]).fillna(0),
                        "arrayminus": (segment["mean"] - segment["low"]).fillna(0),
                        "visible": bool(segment["low"].notna().any()),
                    },
                    line={"color": colour, "width": 1.8},
                    marker={"size": 7},
                    customdata=segment[["value", "n"]],
                    hovertemplate=f"{on_screen(table['field'].iloc[0])} %{{customdata[0]:g}}: "
                    "%{y:.4g}, n = %{customdata[1]}",
                    showlegend=line not in told,
                    **shared,
                )
                told.add(str(line))
        figure.update_xaxes(
            title=_title(table), tickvals=_ticks(table)[0], ticktext=_ticks(table)[1]
        )
        broken = _broken(table)
        if broken is not None:
            figure.add_vline(
                x=broken, line={"color": GREY, "width": 1, "dash": "dot"}, row=1, col=column
            )
    figure.update_yaxes(title=wrap(table["axis"].iloc[0], 34).replace("\n", "<br>"), row=1, col=1)
    return figure


def typeset(table: pd.DataFrame, width: float) -> Figure:
    """Typeset `prepare`'s table for a file of `width` inches."""
    conditions = list(dict.fromkeys(table["condition"]))
    looks = _looks(table)
    with paper_panels(width, len(conditions), 0.75, sharey=True) as (figure, all_axes):
        for axes, name in zip(all_axes, conditions, strict=True):
            part = table[table["condition"] == name]
            for line, points in part.groupby("line", sort=False):
                colour, dash = looks[str(line)]
                label = on_paper(shorten(str(line), 44))
                if points["value"].isna().any():
                    level = points["mean"].iloc[0]
                    axes.axhline(
                        level, color=colour, linestyle=PAPER_DASHES[dash], lw=0.9, label=label
                    )
                    continue
                for number, segment in enumerate(_segments(points)):
                    error = [
                        (segment["mean"] - segment["low"]).fillna(0),
                        (segment["high"] - segment["mean"]).fillna(0),
                    ]
                    axes.errorbar(
                        segment["place"],
                        segment["mean"],
                        error if segment["low"].notna().any() else None,
                        fmt="o-",
                        color=colour,
                        markersize=3,
                        linewidth=1.0,
                        elinewidth=0.7,
                        label=label if number == 0 else None,
                    )
            broken = _broken(table)
            if broken is not None:
                axes.axvline(broken, color=GREY, linewidth=0.6, linestyle=":")
            axes.set_xticks(*_ticks(table, every=2 if width < 5 else 1))
            axes.set_title(on_paper(shorten(name, 34)))
            axes.set_xlabel(on_paper(_title(table)))
            axes.set_ylabel(wrap(table["axis"].iloc[0], 30))
        paper_legend(figure, all_axes[0])
    return figure


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


def _ticks(table: pd.DataFrame, every: int = 1) -> tuple[list[float], list[str]]:
    known = table.dropna(subset=["value"]).drop_duplicates("value").sort_values("value")
    values, places = known["value"].tolist(), known["place"].tolist()
    kept: list[tuple[float, str]] = []
    room = (max(places) - min(places)) / 16 * every
    for value, place in zip(values, places, strict=True):
        if not kept or place - kept[-1][0] >= room:  # labels that would cover one another
            kept.append((place, value_in_words(value)))
    return [place for place, _ in kept], [text for _, text in kept]


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
    paper="Fig. 7",
    look_for=(
        "Where the line leaves the grey ones, which are trained without the weights, and whether "
        "it is flat beyond: then the choice hardly matters. Points are means over the seeds with "
        "their 95 % interval. Zero has no logarithm: it stands apart and is joined to nothing."
    ),
    prepare=prepare,
    draw=draw,
    typeset=typeset,
)
