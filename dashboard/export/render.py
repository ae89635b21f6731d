"""One figure as the bytes of a file, without a browser."""

import html
import io
import threading
from typing import Any

import matplotlib as mpl
import pandas as pd
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from dashboard.drawing.style import PLAIN, Typography, paper_style
from dashboard.figures import FIGURES
from dashboard.figures.base import FigureSpec
from dashboard.figures.runs.sweep_figures import SWEEP_FIGURES
from hmw_core.errors import pick
from hmw_core.spreadsheet import csv_bytes

FORMATS = ("pdf", "svg", "png", "html", "csv")
PLOTLY = "plotly.min.js"  # as plotly calls what a page loads from its own folder
CREATOR = "hmw-dashboard"
# Without dates and with one salt, the same table gives the same bytes.
DATES = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}

# Matplotlib's settings are one for the whole process, and pages export in threads.
_ONE_AT_A_TIME = threading.Lock()


def export_figure(
    name: str,
    table: pd.DataFrame,
    format: str,
    typography: Typography = PLAIN,
    *,
    alone: bool = True,
) -> bytes:
    """Return a figure's file.

    Parameters
    ----------
    name : str
        Of `FIGURES` or `SWEEP_FIGURES`.
    table : DataFrame
        What the figure's `prepare` returned.
    format : str
        Of `FORMATS`: `pdf`, `svg` or `png` (typeset, 300 dpi), `html` (as on the page), `csv` (the
        table).
    typography : Typography
        Of all but the table.
    alone : bool
        Whether a page of HTML holds plotly, 4.8 MB; else it loads `PLOTLY`, which lies beside it.

    Raises
    ------
    UsageError
        If the figure or format is unknown.
    """
    figure = pick(FIGURES | SWEEP_FIGURES, name, "figure")
    pick(dict.fromkeys(FORMATS, ""), format, "format")
    if format == "csv":
        return csv_bytes(table.reset_index(drop=True))
    if format == "html":
        return _page(name, figure, figure.draw(table, typography), alone).encode()
    return typeset_bytes(figure, table, format, typography)


def plotly_code() -> bytes:
    """Return what pages of HTML that are not alone load as `PLOTLY`."""
    return get_plotlyjs().encode()


def typeset_bytes(
    figure: FigureSpec,
    table: pd.DataFrame,
    format: str,
    typography: Typography = PLAIN,
    *,
    outlined: bool = False,
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
    with _ONE_AT_A_TIME, paper_style(typography):
        drawn = figure.typeset(table, typography)
        with mpl.rc_context(settings):
            drawn.savefig(file, format=format, metadata=metadata)
    return file.getvalue()


def _page(name: str, figure: FigureSpec, drawn: go.Figure, alone: bool) -> str:
    """Return a figure as a page that opens without a network."""
    title = html.escape(f"{figure.title} ({figure.paper})" if figure.paper else figure.title)
    drawn.update_layout(template="plotly_white")
    body = drawn.to_html(
        full_html=False,
        include_plotlyjs=True if alone else "directory",
        div_id=name,
        config={"displaylogo": False, "responsive": True},
    )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        "<style>body{font-family:sans-serif;margin:1.5rem auto;max-width:70rem}</style></head>"
        f"<body><h1>{title}</h1><p>{html.escape(figure.look_for)}</p>\n{body}\n</body></html>\n"
    )
