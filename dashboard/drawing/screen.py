"""Marks for the screen, by plotly."""

from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go

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
    extent,
    step_of,
    with_short_names,
)
from dashboard.drawing.style import (
    GREY,
    PLAIN,
    Typography,
    colour_scale,
    dash,
    ink,
    symbol,
    translucent,
)
from dashboard.drawing.text import on_screen, shorten, wrap

WIDE = 1_000  # pixels that panels share on a usual screen
HIGHEST = 900  # pixels of a figure, which a screen shows whole
LETTER = 6.5  # pixels of a letter of 11 points
SYMBOLS = {"tick": "line-ns-open"}  # where plotly calls one otherwise
MOST_NAMES, MOST_ROWS = 25, 60  # names of a horizontal axis, and of an upright one
DENSE = 34  # rows; of more, the names are small


def screen(drawing: Drawing, typography: Typography = PLAIN) -> go.Figure:
    """Return the drawing as a plotly figure; colours of text and paper stay the theme's own."""
    drawing = with_short_names(drawing, 60)
    n = len(drawing.panels)
    panels = [
        replace(panel, title=typography.title_on_screen(at, n, panel.title, panel.facts))
        for at, panel in enumerate(drawing.panels)
    ]
    pen = _Pen(replace(drawing, panels=panels), typography)
    for number in range(len(drawing.panels)):
        pen.add_panel(number)
    return pen.figure()


def _text(text: str, letters: int = 0) -> str:
    """Return a text made safe, its lines broken; `letters` a line, 0 for as they are."""
    return on_screen(wrap(text, letters) if letters else text).replace("\n", "<br>")


class _Pen:
    """The traces, shapes and texts of a figure while it is drawn."""

    def __init__(self, drawing: Drawing, typography: Typography) -> None:
        self.drawing, self.colour = drawing, typography.colour
        n = len(drawing.panels)
        self.columns = drawing.columns or n
        self.rows = -(-n // self.columns)
        self.traces: list[dict[str, Any]] = []
        self.shapes: list[dict[str, Any]] = []
        self.texts: list[dict[str, Any]] = []
        self.axes: dict[str, Any] = {}
        self.names: dict[str, str] = {}  # of the legend, and what it calls them
        self.ends = ("x", "y")  # the axes of the panel being drawn

    def add_panel(self, number: int) -> None:
        drawing, panel = self.drawing, self.drawing.panels[number]
        column, row = number % self.columns, number // self.columns
        end = "" if number == 0 else str(number + 1)
        self.ends = (f"x{end}", f"y{end}")
        bars = [bool(cells and cells.bar) for cells in map(cells_of, drawing.panels)]
        shared = drawing.share_y or bool(drawing.columns and not drawing.own_y)
        gap = 0.12 if sum(bars) > 1 else 0.04 if shared else 0.26 / max(self.columns, 2)
        down = 0.2 / self.rows
        width = (1 - gap * (self.columns - 1)) / self.columns
        height = (1 - down * (self.rows - 1)) / self.rows
        left, top = column * (width + gap), 1 - row * (height + down)
        self.right = left + width
        across = _axis(panel.x, panel, "x", len(drawing.panels)) | {
            "domain": [left, min(left + width, 1.0)],
            "anchor": self.ends[1],
        }
        upward = _axis(panel.y, panel, "y", len(drawing.panels)) | {
            "domain": [max(top - height, 0.0), top],
            "anchor": self.ends[0],
        }
        if shared and column:
            upward |= {"matches": "y", "showticklabels": False}
            upward |= {"title": None} if panel.y.title == drawing.panels[0].y.title else {}
        last = len(drawing.panels)
        if drawing.columns:
            across |= {"matches": f"x{last}"} if number + 1 < last else {}
            upward |= {"matches": "y"} if number and shared else {}
        if drawing.columns and number + self.columns < len(drawing.panels):
            across |= {"showticklabels": False, "title": None}  # not the lowest of its column
        self.axes |= {f"xaxis{end}": across, f"yaxis{end}": upward}
        if panel.title:
            letters = int(WIDE * width / 8)
            self._write(panel.title, 0.5, 1.0, letters, yanchor="bottom", yshift=3, size=14)
        for mark in panel.marks:
            getattr(self, f"_{type(mark).__name__.lower()}")(mark, panel)

    def figure(self) -> go.Figure:
        drawing = self.drawing
        above = max(panel.title.count("\n") + 1 if panel.title else 0 for panel in drawing.panels)
        layout: dict[str, Any] = {
            "shapes": self.shapes,
            "annotations": self.texts,
            "hovermode": "closest",
            "font": {"size": 13},
            "legend": {
                "orientation": "h",
                "x": 0,
                "y": 0,
                "yref": "container",
                "yanchor": "bottom",
            },
            **self.axes,
        }
        title = drawing.title.count("\n") + 1 if drawing.title else 0
        top = 14 + (20 * title + 6 if title else 0) + 18 * above
        longest = max(map(len, self.names.values()), default=0)
        is_beside = len(drawing.panels) == 1 and len(self.names) > 6 and longest <= 30
        if is_beside:
            layout["legend"] = {"orientation": "v", "x": 1.02, "y": 1, "yanchor": "top"}
        in_line = max(1, int(WIDE / (LETTER * longest + 50)))
        lines = 0 if is_beside else -(-len(self.names) // in_line)
        height = _height(drawing) + top - 14 + 19 * max(lines - 1, 0)
        layout["height"] = min(height, HIGHEST)
        if title:
            place = {"x": 0.01, "y": 1 - (6 + 10 * title) / layout["height"], "yanchor": "middle"}
            layout["title"] = {"text": _text(drawing.title), "font": {"size": 14}} | place
        layout["margin"] = {"l": 8, "r": 18, "t": top, "b": 8}  # half of the last tick at the right
        if any(isinstance(mark, Unseen) for panel in drawing.panels for mark in panel.marks):
            layout["dragmode"] = "select"
        return go.Figure({"data": self.traces, "layout": layout})

    def _trace(self, mark: Any, kind: str = "scatter", **look: Any) -> None:
        """Add a trace with the mark's name, hover and data."""
        trace: dict[str, Any] = {"type": kind, "xaxis": self.ends[0], "yaxis": self.ends[1], **look}
        name = getattr(mark, "name", "")
        if kind != "heatmap":
            trace["showlegend"] = bool(name) and name not in self.names
        if name:
            self.names.setdefault(name, on_screen(name))
            trace |= {"name": self.names[name], "legendgroup": self.names[name]}
        if "hovertemplate" in trace:
            trace["hovertemplate"] += "<extra></extra>"
        elif isinstance(getattr(mark, "hover", None), str) and mark.hover:
            trace["hovertemplate"] = mark.hover + ("" if name else "<extra></extra>")
        else:
            trace["hoverinfo"] = "skip"
        if getattr(mark, "data", None) is not None:
            trace["customdata"] = _data(mark.data)
        self.traces.append(trace)

    def _write(self, text: str, x: float, y: float, letters: int = 0, **look: Any) -> None:
        """Write at a share of the panel's width and height, or with `cell` at a place of it."""
        of = "" if look.pop("cell", False) else " domain"
        note = {"x": x, "y": y, "xref": self.ends[0] + of, "yref": self.ends[1] + of}
        ink = {"color": look.pop("ink")} if "ink" in look else {}
        font = {"size": look.pop("size", 11)} | ink
        text = look.pop("html", None) or _text(text, letters)
        self.texts.append(note | {"text": text, "showarrow": False, "font": font} | look)

    def _line(self, mark: Line, panel: Panel) -> None:
        x, y = np.asarray(mark.x), np.asarray(mark.y, dtype=float)
        mode = "lines+markers" if mark.dots else "lines"
        self._trace(
            mark,
            x=x,
            y=y,
            mode=mode if len(x) > 1 else "markers",
            line={
                "color": self.colour(mark.colour),
                "dash": mark.dash or dash(mark.colour),
                "width": mark.width,
            },
            marker={"size": 5} if mark.dots else {},
        )

    def _area(self, mark: Band | Span, x: Any, y: Any) -> None:
        shade = self.colour(mark.colour)
        fill = {"fill": "toself", "fillcolor": translucent(shade, mark.alpha)}
        self._trace(mark, x=x, y=y, mode="lines", line={"width": 0, "color": shade}, **fill)

    def _band(self, mark: Band, panel: Panel) -> None:
        x, low, high = (np.asarray(v, dtype=float) for v in (mark.x, mark.low, mark.high))
        known = ~(np.isnan(low) | np.isnan(high))
        x, low, high = x[known], low[known], high[known]
        self._area(mark, [*x, *x[::-1]], [*high, *low[::-1]])

    def _span(self, mark: Span, panel: Panel) -> None:
        if mark.name:
            low, high = extent(panel, "y")
            self._area(mark, [mark.low, mark.low, mark.high, mark.high], [low, high, high, low])
            return
        fill = translucent(self.colour(mark.colour), mark.alpha)
        self._shape("rect", mark.low, mark.high, None, None, {"width": 0}, fillcolor=fill)

    def _steps(self, mark: Steps, panel: Panel) -> None:
        shade = self.colour(mark.colour)
        self._trace(
            mark,
            x=np.repeat(np.asarray(mark.edges, dtype=float), 2),
            y=[0, *np.repeat(np.asarray(mark.heights, dtype=float), 2), 0],
            mode="lines",
            fill="tozeroy",
            fillcolor=translucent(shade, mark.alpha),
            line={"color": shade, "dash": dash(mark.colour), "width": mark.width},
        )

    def _points(self, mark: Points, panel: Panel) -> None:
        x, y = np.asarray(mark.x), np.asarray(mark.y)
        many = not isinstance(mark.colour, str)
        roles = [mark.colour] if isinstance(mark.colour, str) else list(mark.colour)
        shade: Any = [self.colour(role) for role in roles] if many else self.colour(roles[0])
        kinds = [mark.symbol] if isinstance(mark.symbol, str) else mark.symbol
        kinds = kinds or [symbol(role) for role in roles]
        drawn = [SYMBOLS.get(kind, kind + "-open" * mark.hollow) for kind in kinds]
        marker = {
            "color": shade,
            "size": mark.size,
            "opacity": mark.alpha,
            "symbol": drawn if len(drawn) > 1 else drawn[0],
            "line": {"width": 2} if mark.hollow or "tick" in kinds else {},
        }
        bars: dict[str, Any] = {}
        if mark.low is not None:
            middle, low, high = (
                np.asarray(v, dtype=float)
                for v in (x if mark.along == "x" else y, mark.low, mark.high)
            )
            bars[f"error_{mark.along}"] = {
                "type": "data",
                "symmetric": False,
                "array": np.maximum(high - middle, 0),
                "arrayminus": np.maximum(middle - low, 0),
                "color": GREY if many else shade,
                "thickness": 1.5,
            }
        self._trace(mark, x=x, y=y, mode="markers", marker=marker, **bars)

    def _bars(self, mark: Bars, panel: Panel) -> None:
        shade = mark.colour if isinstance(mark.colour, str) else list(map(self.colour, mark.colour))
        x, y = (mark.lengths, mark.at) if mark.across else (mark.at, mark.lengths)
        self._trace(
            mark,
            "bar",
            x=np.asarray(x),
            y=np.asarray(y),
            orientation="h" if mark.across else "v",
            marker={"color": self.colour(shade) if isinstance(shade, str) else shade},
            text=list(mark.texts),
            textposition="outside",
            cliponaxis=False,
        )

    def _cells(self, mark: Cells, panel: Panel) -> None:
        low, high = mark.limits
        rows, columns = mark.values.shape
        told: dict[str, Any] = {}
        if mark.hover is not None:
            said = np.vectorize(_text, otypes=[object])(mark.hover)
            told = {"customdata": said, "hovertemplate": "%{customdata}"}
        self._trace(
            mark,
            "heatmap",
            z=mark.values,
            zmin=low,
            zmax=high,
            colorscale=colour_scale(mark.diverging),
            showscale=bool(mark.bar),
            colorbar={
                "title": {"text": _text(mark.bar), "side": "right"},
                "thickness": 14,
                "x": self.right,
            },
            xgap=1,
            ygap=1,
            hoverongaps=True,
            **told,
        )
        room = 0.9 * WIDE / len(self.drawing.panels) / columns
        if not writes_cells(mark, len(self.drawing.panels)):
            return
        longest = max(map(len, "\n".join(mark.texts.flat).split("\n")))
        size = 12 if longest * LETTER * 1.3 < room else 10
        for r, c in np.ndindex(rows, columns):
            if not mark.texts[r, c]:
                continue
            share = mark.share(r, c)
            shade = GREY if np.isnan(share) else ink(share, mark.diverging)
            html = _text(mark.texts[r, c])
            if mark.links is not None and isinstance(mark.links[r, c], str):
                style = f"target='_self' style='color:{shade}'"
                html = f"<a href='{mark.links[r, c]}' {style}>{html}</a>"
            if mark.bold is not None and mark.bold[r, c]:
                html = f"<b>{html}</b>"
            # Else the plot below takes the click on a link.
            catch = {"captureevents": True} if mark.links is not None else {}
            self._write("", c, r, html=html, cell=True, ink=shade, size=size, **catch)

    def _unseen(self, mark: Unseen, panel: Panel) -> None:
        unseen = {"opacity": 0, "size": 12}
        x, y = np.asarray(mark.x), np.asarray(mark.y)
        self._trace(mark, x=x, y=y, mode="markers", marker=unseen)

    def _rule(self, mark: Rule, panel: Panel) -> None:
        line = {"color": self.colour(mark.colour), "width": mark.width, "dash": mark.dash}
        upright = mark.x is not None
        if mark.name:
            ends = extent(panel, "y" if upright else "x")
            x, y = ([mark.x] * 2, ends) if upright else (ends, [mark.y] * 2)
            self._trace(mark, x=x, y=y, mode="lines", line=line)
            return
        self._shape("line", mark.x, mark.x, mark.y, mark.y, line)
        if mark.text:
            self.texts.append(
                {
                    "x": mark.x,
                    "y": 0.02,
                    "xref": self.ends[0],
                    "yref": f"{self.ends[1]} domain",
                    "xanchor": "left",
                    "yanchor": "bottom",
                    "text": _text(mark.text),
                    "showarrow": False,
                    "font": {"size": 11},
                }
            )

    def _shape(
        self, kind: str, x0: Any, x1: Any, y0: Any, y1: Any, line: dict[str, Any], **look: Any
    ) -> None:
        """Add a shape; without x or y it reaches over the whole panel."""
        shape: dict[str, Any] = {"type": kind, "line": line, **look}
        for place, low, high in (("x", x0, x1), ("y", y0, y1)):
            axis = self.ends[place == "y"]
            whole = low is None
            shape |= {
                f"{place}ref": f"{axis} domain" if whole else axis,
                f"{place}0": 0 if whole else low,
                f"{place}1": 1 if whole else high,
            }
        self.shapes.append(shape)


def _data(data: Any) -> np.ndarray:
    """Return what hover texts read, (n, columns), with users' names made safe."""
    values = np.asarray(data, dtype=object)
    values = values if values.ndim > 1 else values[:, None]
    return np.vectorize(lambda v: on_screen(v) if isinstance(v, str) else v, otypes=[object])(
        values
    )


def writes_cells(mark: Cells, n_panels: int) -> bool:
    """Tell whether the texts of cells fit them on the screen."""
    if mark.texts is None:
        return False
    lines = [text.split("\n") for text in mark.texts.flat]
    longest = max(len(line) for text in lines for line in text)
    high = len(mark.values) * (18 * max(map(len, lines)) + 2)
    return longest * LETTER < 0.9 * WIDE / n_panels / mark.values.shape[1] and high < 740


def _height(drawing: Drawing) -> int:
    """Return the pixels of the figure without its titles."""
    first = drawing.panels[0]
    n_rows, cells = len(first.y.names), cells_of(first)
    if not n_rows:
        return drawing.height
    if not cells:
        return round(140 + drawing.row * n_rows)
    if writes_cells(cells, len(drawing.panels)):
        lines = max(text.count("\n") + 1 for text in cells.texts.flat)
        return 120 + max(max(42, 18 * lines + 10) * n_rows, 280)
    is_square = len(first.x.names) == n_rows
    return 140 + (min(20 * n_rows, 420) if is_square else 20 * n_rows)


def _axis(axis: Axis, panel: Panel, along: str, n_panels: int) -> dict[str, Any]:
    """Return how plotly draws an axis of a panel."""
    cells = cells_of(panel)
    letters = 40 if along == "y" else int(WIDE / n_panels / 8)
    made: dict[str, Any] = {
        "title": {"text": _text(axis.title, letters), "standoff": 6},
        "automargin": True,
        "zeroline": False,
        "showgrid": not cells and (along == "y" or bool(panel.y.names)),
    }
    if axis.names:
        step = step_of(len(axis.names), MOST_NAMES if along == "x" else MOST_ROWS)
        at = list(range(0, len(axis.names), step))
        limit = max(12, 44 // (n_panels if cells else 1))
        ends = [-0.5, len(axis.names) - 0.5]
        texts = [on_screen(shorten(axis.names[i], limit)) for i in at]
        made |= {"tickvals": at, "ticktext": texts, "range": ends if along == "x" else ends[::-1]}
        if along == "y" and len(at) > DENSE:
            made["tickfont"] = {"size": 10}
        if along == "x" and max(map(len, texts)) * LETTER > 0.8 * WIDE / n_panels / len(at):
            made["tickangle"] = -35
        return made
    if axis.ticks is not None:
        made |= {
            "tickvals": list(axis.ticks),
            "ticktext": list(map(on_screen, axis.ticks.values())),
        }
    if axis.whole:
        made["tickformat"] = ",d"
    if axis.log:
        made |= {"type": "log", "dtick": 1}
        made |= {} if axis.whole else {"exponentformat": "power"}
    elif axis.whole and np.ptp(extent(panel, along)) < 10:
        made["dtick"] = 1
    if axis.limits == (0, None):
        made["rangemode"] = "tozero"
    elif axis.limits != (None, None):
        ends = [end for end in axis.limits if end is not None]
        made["range"] = np.log10(ends).tolist() if axis.log else ends
    return made
