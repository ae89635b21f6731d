"""Marks for files, by Matplotlib: text that is readable, inside, and over no other text."""

from collections.abc import Callable, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath
from matplotlib.ticker import (
    FuncFormatter,
    LogLocator,
    MaxNLocator,
    NullFormatter,
    NullLocator,
    ScalarFormatter,
)

from dashboard.drawing.marks import (
    Axis,
    Band,
    Bars,
    Cells,
    Drawing,
    Line,
    Panel,
    Points,
    Rule,
    Span,
    Steps,
    Unseen,
    cells_of,
    step_of,
    with_short_names,
)
from dashboard.drawing.style import (
    GREY,
    PLAIN,
    Typography,
    colour_map,
    dash,
    ink,
    paper_style,
    symbol,
)
from dashboard.drawing.text import on_paper, shorten, wrap

Colour = Callable[[str], str]  # of a role

NARROWEST = 2.2  # inches of a panel that stands beside another
BESIDE = 5.0  # inches of a file; below it, panels with named rows are stacked
SMALLEST, MANY_ENTRIES = 6.0, 6  # points of letters; legend entries for which they may shrink
HANDLE, COLUMN_GAP = 2.8, 1.5  # of a legend, in letters' sizes: line and its gap, between columns
LINE = 0.6  # points of a line's width for one of plotly's pixels, and of a marker's size: 0.4
LETTER = 0.06  # inches of a letter of an axis or a title, at scale 1
MOST_TICKS, MOST_LETTERS = 25, 20  # names on an axis of cells; of each in a narrow panel
DASHES = {"solid": "-", "dash": "--", "dot": ":", "dashdot": "-.", "longdash": (0, (8, 3))}
SYMBOLS = {
    "circle": "o",
    "square": "s",
    "diamond": "D",
    "x": "X",
    "star": "*",
    "cross": "P",
    "tick": "|",
    "triangle-up": "^",
    "triangle-right": ">",
}


def page(drawing: Drawing, typography: Typography = PLAIN) -> Figure:
    """Return the drawing as a Matplotlib figure, without pyplot.

    The layout is constrained, so no label is clipped; the height is what the panels need.
    """
    drawing = with_short_names(drawing, 44)
    panels = drawing.panels
    width, scale = typography.inches, typography.scale
    has_rows = any(panel.y.names and not cells_of(panel) for panel in panels)
    columns = 1 if has_rows and width < BESIDE else max(1, int(width // NARROWEST))
    columns = min(len(panels), columns)
    rows = -(-len(panels) // columns)
    wide = width / columns
    high = max(_height(panel, drawing, wide, scale) for panel in panels)
    high += 0.26 * scale if typography.title else 0  # an author's title has two lines or so
    with paper_style(typography):
        figure = Figure(figsize=(width, high * rows), layout="constrained")
        in_rows = bool(drawing.columns and not drawing.own_y)
        shared = (drawing.share_y or in_rows) and (columns > 1 or not has_rows)
        grid = figure.subplots(rows, columns, squeeze=False, sharey=shared)
        for unused in grid.flat[len(panels) :]:
            unused.remove()
        all_axes = list(grid.flat[: len(panels)])
        for number, (axes, panel) in enumerate(zip(all_axes, panels, strict=True)):
            for mark in panel.marks:
                _DRAW[type(mark)](axes, mark, typography.colour)
            named = 1 / columns if shared else 1.0  # of the panels have names beside them
            left, right = (scale * inches for inches in _margins(panel, named))
            across = max(wide - left - right, 0.5)  # the axes alone
            letters = int((across + 2 * min(left, right)) / (LETTER * scale))
            _finish(axes, panel, across, letters, high, scale)
            whole = not typography.title and len(panels) == 1
            above = f"{drawing.title}\n{panel.title}".strip() if whole else panel.title
            above = typography.title_on_paper(number, len(panels), above, panel.facts)
            axes.set_title(wrap(above, letters))
            if shared and number % columns and panel.y.title == panels[0].y.title:
                axes.set_ylabel("")
            cells = cells_of(panel)
            if cells:
                _write_cells(axes, cells, 72 * across / len(panel.x.names))
        _colour_bars(figure, all_axes, panels, high / scale)
        above = wrap(drawing.title, int(width / (LETTER * scale))) if len(panels) > 1 else ""
        legend(figure, all_axes, on_paper(above))
    return figure


def _margins(panel: Panel, named: float) -> tuple[float, float]:
    """Return the inches left and right of the axes, at scale 1."""
    cells = cells_of(panel)
    lines = [_row_name(name).split("\n") for name in panel.y.names]
    if cells:
        lines = [[shorten(name, 24)] for name in panel.y.names]
    letters = max((len(line) for name in lines for line in name), default=3)
    is_written = any(isinstance(mark, Points) and mark.written for mark in panel.marks)
    return 0.4 + named * LETTER * letters, 0.7 if cells and cells.bar else 0.4 * is_written


def _height(panel: Panel, drawing: Drawing, wide: float, scale: float) -> float:
    """Return the inches of a panel with its titles: by its named rows, or by its width."""
    n_rows = len(panel.y.names)
    lines = panel.title.count("\n") + bool(panel.title)
    if not n_rows:
        high = wide * drawing.aspect * (0.8 if wide > BESIDE else 1.0)
        return max(high, 1.6 * scale) + 0.12 * scale * max(lines - 1, 0)
    if cells_of(panel):
        names = max(len(shorten(name, MOST_LETTERS)) for name in panel.x.names)
        below = 0.3 if names <= 3 else 0.06 * names
        grid = max(0.17 * min(n_rows, MOST_TICKS), 0.35 * wide)
        return (0.5 + below + 0.13 * lines) * scale + grid
    name_lines = 1 + max(_row_name(name).count("\n") for name in panel.y.names)
    row = max(0.17 * drawing.row / 26, 0.04 + 0.115 * name_lines)
    return (0.6 + 0.13 * lines + row * n_rows) * scale


def _finish(
    axes: Axes, panel: Panel, across: float, letters: int, high: float, scale: float
) -> None:
    """Set the axes' limits, ticks and labels; `across` inches are the axes' width."""
    upward = int((high - 0.6) / (LETTER * scale))
    for along, axis, most in (("x", panel.x, letters), ("y", panel.y, upward)):
        ruler = getattr(axes, f"{along}axis")
        getattr(axes, f"set_{along}label")(on_paper(wrap(axis.title, most)))
        low, high_end = axis.limits
        if axis.log:
            getattr(axes, f"set_{along}scale")("log")
        if axis.names:
            _name(axes, along, axis, cells_of(panel) is not None, across, scale)
            continue
        if axis.limits != (None, None):
            getattr(axes, f"set_{along}lim")(low, high_end)
        if axis.ticks is not None:
            _ticks(ruler, axis.ticks, across / scale)
        elif axis.whole and axis.log:
            ruler.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
            ruler.set_minor_formatter(NullFormatter())
        elif axis.log and np.ptp(np.log10(ruler.get_view_interval())) < 1:  # no two powers of ten
            ruler.set_major_locator(MaxNLocator(4))
            ruler.set_major_formatter(ScalarFormatter())
            ruler.set_minor_locator(NullLocator())
        elif axis.log:  # all the numbers between two powers of ten have no room
            ruler.set_minor_locator(LogLocator(subs=(2, 5)))
        elif axis.whole:
            ruler.set_major_locator(MaxNLocator("auto", integer=True, steps=[1, 2, 5, 10]))
            ruler.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        elif panel.y.names and not axis.log:
            ruler.set_major_locator(MaxNLocator(3 if across < 2 else 5, steps=[1, 2, 2.5, 5, 10]))


def _ticks(ruler: Any, ticks: Any, room: float) -> None:
    """Write as many of the ticks as have room."""
    longest = max(map(len, ticks.values()), default=1)
    step = step_of(len(ticks), max(2, int(room / (longest * LETTER + 0.1))))
    kept = list(ticks.items())[::step]
    ruler.set_ticks([at for at, _ in kept], [on_paper(text) for _, text in kept])


def _name(axes: Axes, along: str, axis: Axis, is_cells: bool, across: float, scale: float) -> None:
    """Write the names of an axis: of cells as many as have room, of rows all."""
    most = min(MOST_TICKS, int(across / (0.1 * scale))) if along == "x" else MOST_TICKS
    step = step_of(len(axis.names), most) if is_cells else 1
    at = list(range(0, len(axis.names), step))
    texts = [_row_name(axis.names[i]) for i in at]
    if is_cells:
        limit = 24 if across > 2.5 else MOST_LETTERS
        texts = [on_paper(shorten(axis.names[i], limit)) for i in at]
    if along == "y":
        axes.set_yticks(at, texts)
        axes.set_ylim(len(axis.names) - 0.5, -0.5)
        return
    is_long = LETTER * scale * max(map(len, texts)) > across / len(at)
    axes.set_xticks(at, texts, rotation=90 if is_long else 0)
    axes.set_xlim(-0.5, len(axis.names) - 0.5)


def _row_name(name: str) -> str:
    return wrap(on_paper(shorten(name, 44)), 22)


def _line(axes: Axes, mark: Line, colour: Colour) -> None:
    dot = "." if mark.dots else ""
    axes.plot(
        np.asarray(mark.x),
        np.asarray(mark.y, dtype=float),
        marker=dot if len(mark.x) > 1 else "o",
        markersize=None if len(mark.x) > 1 else 4,
        linestyle=DASHES[mark.dash or dash(mark.colour)],
        linewidth=LINE * mark.width,
        color=colour(mark.colour),
        label=_label(mark.name),
    )


def _band(axes: Axes, mark: Band, colour: Colour) -> None:
    low, high = np.asarray(mark.low, dtype=float), np.asarray(mark.high, dtype=float)
    axes.fill_between(np.asarray(mark.x), low, high, **_fill(mark, colour))


def _span(axes: Axes, mark: Span, colour: Colour) -> None:
    axes.axvspan(mark.low, mark.high, **_fill(mark, colour))


def _fill(mark: Band | Span, colour: Colour) -> dict[str, Any]:
    shade, name = colour(mark.colour), _label(mark.name)
    return {"color": shade, "alpha": mark.alpha, "linewidth": 0, "label": name}


def _steps(axes: Axes, mark: Steps, colour: Colour) -> None:
    shade, edges = colour(mark.colour), np.asarray(mark.edges)
    heights = np.asarray(mark.heights, dtype=float)
    axes.stairs(heights, edges, fill=True, color=shade, alpha=mark.alpha)
    axes.stairs(
        heights,
        edges,
        color=shade,
        linestyle=DASHES[dash(mark.colour)],
        linewidth=LINE * mark.width,
        label=_label(mark.name),
    )


def _points(axes: Axes, mark: Points, colour: Colour) -> None:
    x, y = np.asarray(mark.x), np.asarray(mark.y)
    many = not isinstance(mark.colour, str)
    roles = [str(role) for role in mark.colour] if many else [str(mark.colour)] * len(x)
    kinds = [mark.symbol] * len(x) if isinstance(mark.symbol, str) else mark.symbol
    kinds = kinds or [symbol(role) for role in roles]
    if mark.low is not None:
        low, high = np.asarray(mark.low, dtype=float), np.asarray(mark.high, dtype=float)
        shades = GREY if many else colour(str(mark.colour))
        draw, at = (axes.hlines, y) if mark.along == "x" else (axes.vlines, x)
        draw(at, low, high, color=shades, linewidth=1)
    looks = dict.fromkeys(zip(roles, kinds, strict=True))
    for first, (role, kind) in enumerate(looks):
        chosen = [n for n in range(len(x)) if (roles[n], kinds[n]) == (role, kind)]
        axes.plot(
            x[chosen],
            y[chosen],
            SYMBOLS[kind],
            color=colour(role),
            markersize=0.4 * mark.size,
            fillstyle="none" if mark.hollow else "full",
            markeredgewidth=0 if mark.alpha < 1 and kind != "tick" else None,
            alpha=mark.alpha,
            label=_label(mark.name if not first else ""),
        )
    for height, text in zip(y, mark.written, strict=False):
        place = axes.get_yaxis_transform()
        axes.text(1.02, height, text, va="center", fontsize="small", transform=place)


def _bars(axes: Axes, mark: Bars, colour: Colour) -> None:
    one = isinstance(mark.colour, str)
    shade = colour(str(mark.colour)) if one else [colour(c) for c in mark.colour]
    draw = axes.barh if mark.across else axes.bar
    drawn = draw(np.asarray(mark.at), np.asarray(mark.lengths), color=shade)
    if mark.texts:
        axes.bar_label(drawn, mark.texts, padding=2, fontsize="small")


def _rule(axes: Axes, mark: Rule, colour: Colour) -> None:
    look: dict[str, Any] = {
        "color": colour(mark.colour),
        "linestyle": DASHES[mark.dash],
        "linewidth": 0.2 + LINE * mark.width,
        "label": _label(mark.name),
        "zorder": None if mark.name else 0,
    }
    if mark.x is not None:
        axes.axvline(mark.x, **look)
    if mark.y is not None:
        axes.axhline(mark.y, **look)


def _cells(axes: Axes, mark: Cells, colour: Colour) -> None:
    low, high = mark.limits
    shades = colour_map(mark.diverging).with_extremes(bad="#dddddd")
    axes.imshow(mark.values, vmin=low, vmax=high, cmap=shades, aspect="auto")


def _unseen(axes: Axes, mark: Unseen, colour: Colour) -> None:
    """Draw nothing: only a screen has a box to select with."""


_DRAW: dict[type, Any] = {
    Line: _line,
    Band: _band,
    Steps: _steps,
    Points: _points,
    Bars: _bars,
    Cells: _cells,
    Rule: _rule,
    Span: _span,
    Unseen: _unseen,
}


def _label(name: str) -> str | None:
    return on_paper(name) if name else None


def _write_cells(axes: Axes, mark: Cells, room: float) -> None:
    """Write the texts into their cells, where they fit."""
    texts = mark.texts if mark.short is None else mark.short
    if texts is None or len(texts) > MOST_TICKS:
        return
    texts = np.vectorize(lambda text: text.removeprefix("0") if text[1:2] == "." else text)(texts)
    longest = max(map(len, "\n".join(texts.flat).split("\n")))
    size = min(7.0, room / (0.62 * max(longest, 1)))
    if size < SMALLEST:
        return
    for r, c in np.ndindex(*mark.values.shape):
        share = mark.share(r, c)
        axes.text(
            c,
            r,
            on_paper(str(texts[r, c])),
            ha="center",
            va="center",
            fontsize=size,
            fontweight="bold" if mark.bold is not None and mark.bold[r, c] else "normal",
            color="black" if np.isnan(share) else ink(share, mark.diverging),
        )


def _colour_bars(
    figure: Figure, all_axes: Sequence[Axes], panels: Sequence[Panel], high: float
) -> None:
    """Give a panel of cells that has a bar its own, or all of them the only one."""
    barred = [
        (axes, cells)
        for axes, panel in zip(all_axes, panels, strict=True)
        if (cells := cells_of(panel)) and cells.bar
    ]
    for axes, cells in barred:
        of = list(all_axes) if len(barred) < len(panels) else axes
        label = on_paper(wrap(cells.bar, int(0.5 * high / LETTER)))
        figure.colorbar(axes.images[0], ax=of, label=label, shrink=0.9 if of is axes else 0.6)


def legend(figure: Figure, all_axes: Sequence[Axes], title: str = "") -> None:
    """Put one legend above all panels, under the title, in as many columns as fit.

    A name that several panels have stands once. The figure grows by the legend's height, so that
    the panels keep theirs.
    """
    entries: dict[str, Any] = {}
    for axes in all_axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    if not entries and not title:
        return
    size = FontProperties(size=mpl.rcParams["legend.fontsize"]).get_size_in_points()
    columns = _columns(list(entries), size, figure.get_figwidth())
    if columns == 1 and len(entries) > MANY_ENTRIES:
        columns = _columns(list(entries), SMALLEST, figure.get_figwidth())
        size = size if columns == 1 else SMALLEST
    lines = -(-len(entries) // columns) + 1.2 * (title.count("\n") + 1 if title else 0)
    figure.set_figheight(figure.get_figheight() + lines * 1.4 * size / 72)
    figure.legend(
        entries.values(),
        entries.keys(),
        loc="outside upper left",
        ncols=columns,
        fontsize=size,
        title=title or None,
        title_fontsize=mpl.rcParams["axes.titlesize"],
        alignment="left",
        handlelength=HANDLE - 0.8,
        handletextpad=0.8,
        columnspacing=COLUMN_GAP,
    )


def _columns(labels: Sequence[str], size: float, width: float) -> int:
    """Return how many columns of legend entries fit `width` inches at a letters' size in points."""
    if not labels:
        return 1
    longest = max(TextPath((0, 0), label, size=size).get_extents().width for label in labels)
    room = width * 72 - 2 * size + COLUMN_GAP * size
    return min(max(1, int(room // (longest + (HANDLE + COLUMN_GAP) * size))), len(labels))
