"""One figure as the bytes of a file, without a browser."""

import html
import io
import threading
from typing import Any

import matplotlib as mpl
import pandas as pd
import plotly.graph_objects as go

from dashboard.drawing.style import WIDTHS, Typography, paper_style
from dashboard.figures import FIGURES
from dashboard.figures.base import FigureSpec
from hmw_core.errors import UsageError, pick
from hmw_core.spreadsheet import csv_bytes

FORMATS = ("pdf", "svg", "png", "html", "csv")
CREATOR = "hmw-dashboard"
# Without dates and with one salt, the same table gives the same bytes.
DATES = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}

# Matplotlib's settings are one for the whole process, and pages export in threads.
_ONE_AT_A_TIME = threading.Lock()


def export_figure(
    name: str, table: pd.DataFrame, format: str, width: str | float = "column"
) -> bytes:
    """Return a figure's file.

    Parameters
    ----------
    name : str
        Of `FIGURES`.
    table : DataFrame
        What the figure's `prepare` returned.
    format : str
        Of `FORMATS`: `pdf`, `svg` or `png` (typeset, 300 dpi), `html` (as on the page, with all
        it needs inside), `csv` (the table).
    width : str or float
        Of `WIDTHS` (`column`, `text`, `slide`), or inches; of the first three formats.

    Raises
    ------
    UsageError
        If the figure, format or width is unknown.
    """
    figure = pick(FIGURES, name, "figure")
    pick(dict.fromkeys(FORMATS, ""), format, "format")
    if format == "csv":
        return csv_bytes(table.reset_index(drop=True))
    if format == "html":
        return _page(name, figure, figure.draw(table)).encode()
    return typeset_bytes(figure, table, format, inches(width))


def inches(width: str | float) -> float:
    """Return a width of `WIDTHS` or a number of inches as inches.

    Raises
    ------
    UsageError
        If it is neither, or no width that anything can be read at.
    """
    if isinstance(width, str):
        return pick(WIDTHS, width, "width")
    if not 2.0 <= width <= 40.0:
        raise UsageError(f"a figure is 2 to 40 inches wide, not {width}")
    return float(width)


def typeset_bytes(
    figure: FigureSpec, table: pd.DataFrame, format: str, width: float, *, outlined: bool = False
) -> bytes:
    """Return the typeset figure; `outlined` turns an SVG's text to shapes, for any reader's fonts.

    Otherwise its text stays text, which a publisher can set anew.
    """
    file = io.BytesIO()
    metadata = {"Title": figure.title, **DATES.get(format, {})}
    settings: dict[Any, Any] = {
        "svg.hashsalt": CREATOR,
        "svg.fonttype": "path" if outlined else "none",
    }
    typography = Typography(width)
    with _ONE_AT_A_TIME, paper_style(typography):
        drawn = figure.typeset(table, typography)
        with mpl.rc_context(settings):
            drawn.savefig(file, format=format, metadata=metadata)
    return file.getvalue()


def _page(name: str, figure: FigureSpec, drawn: go.Figure) -> str:
    """Return a figure as a page with plotly's code inside, which opens without a network."""
    title = html.escape(f"{figure.title} ({figure.paper})" if figure.paper else figure.title)
    drawn.update_layout(template="plotly_white")
    body = drawn.to_html(
        full_html=False,
        include_plotlyjs=True,
        div_id=name,
        config={"displaylogo": False, "responsive": True},
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        "<style>body{font-family:sans-serif;margin:1.5rem auto;max-width:70rem}</style></head>"
        f"<body><h1>{title}</h1><p>{html.escape(figure.look_for)}</p>\n{body}\n</body></html>\n"
    )
