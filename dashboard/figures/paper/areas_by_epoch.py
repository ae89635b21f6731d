"""Fig. 2's two areas as they grow: AUM and TKUM over the epochs so far."""

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure

from dashboard.drawing.panels import (
    PAPER_DASHES,
    paper_legend,
    paper_panels,
    role_looks,
    screen_panels,
)
from dashboard.drawing.style import GREY
from dashboard.drawing.text import on_paper, on_screen, shorten
from dashboard.figures.base import FigureSpec
from dashboard.figures.paper.logit_means import logit_means
from hmw_core.log.reader import RunReader

AREAS = {"aum": ("AUM", "AUM so far (logit)"), "tkum": ("TKUM", "TKUM so far (logit)")}


def prepare(
    run: RunReader,
    given_label: int | None = None,
    sample_ids: Sequence[int] | None = None,
    group: str | None = None,
) -> pd.DataFrame:
    """Return panel, title, n_samples, class_name, epoch, aum and tkum (logit), options as `logits`.

    Both are means of the slices over the epochs so far, epochs in which a sample was not seen left
    out; of a group, means of its mean slices. `tkum` is NaN with two classes.
    """
    table = logit_means(run, ["margin", "tkum"], given_label, sample_ids, group)
    table = table.rename(columns={"margin": "aum"})
    for name in AREAS:
        by_line = table.sort_values("epoch").groupby("title")[name]
        table[name] = by_line.transform(lambda slices: slices.expanding().mean())
    return table


def draw(table: pd.DataFrame) -> go.Figure:
    """Draw `prepare`'s table for the screen."""
    where = on_screen(shorten(table["class_name"].iloc[0], 30))
    drawn = _drawn(table)
    figure = screen_panels([f"{AREAS[name][0]} · {where}" for name in drawn])
    for column, name in enumerate(drawn, start=1):
        for number, (part, (colour, dash)) in enumerate(_lines(table)):
            figure.add_scatter(
                x=part["epoch"],
                y=part[name],
                mode="lines" if len(part) > 1 else "markers",
                name=on_screen(shorten(part["title"].iloc[0], 60)),
                legendgroup=str(number),
                showlegend=column == 1,
                line={"color": colour, "dash": dash},
                hovertemplate="epoch %{x}: %{y:.2f}",
                row=1,
                col=column,
            )
        figure.add_hline(y=0, line={"color": GREY, "width": 1}, row=1, col=column)
        figure.update_xaxes(title="Epoch", row=1, col=column)
        figure.update_yaxes(title=AREAS[name][1], row=1, col=column)
    return figure


def typeset(table: pd.DataFrame, width: float) -> Figure:
    """Typeset `prepare`'s table for a file of `width` inches."""
    where = on_paper(shorten(table["class_name"].iloc[0], 30))
    drawn = _drawn(table)
    with paper_panels(width, len(drawn)) as (figure, panels):
        for axes, name in zip(panels, drawn, strict=True):
            for part, (colour, dash) in _lines(table):
                axes.plot(
                    part["epoch"],
                    part[name],
                    PAPER_DASHES[dash],
                    marker="" if len(part) > 1 else "o",
                    color=colour,
                    label=on_paper(shorten(part["title"].iloc[0], 45)),
                )
            axes.axhline(0, color=GREY, linewidth=0.6, zorder=0)
            axes.set_title(f"{AREAS[name][0]} · {where}")
            axes.set_xlabel("Epoch")
            axes.set_ylabel(AREAS[name][1])
        paper_legend(figure, panels[0])
    return figure


def _drawn(table: pd.DataFrame) -> list[str]:
    """Return the areas that exist: with two classes there is no TKUM."""
    return [name for name in AREAS if table[name].notna().any()]


def _lines(table: pd.DataFrame) -> list[tuple[pd.DataFrame, tuple[str, str]]]:
    """Return each sample's or group's rows with its colour and dash."""
    parts = [part for _, part in table.groupby("title", sort=False)]
    return list(zip(parts, role_looks([part["panel"].iloc[0] for part in parts]), strict=True))


FIGURE = FigureSpec(
    title="AUM and TKUM by epoch",
    paper="Fig. 2",
    look_for=(
        "Where the mislabeled line parts from the hard one, and whether it comes back: a mean over "
        "all epochs keeps what the early ones showed. As groups, hard are the tenth of the clean "
        "samples of largest last loss."
    ),
    prepare=prepare,
    draw=draw,
    typeset=typeset,
)
