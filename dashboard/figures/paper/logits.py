"""Fig. 2: the given logit, the largest other one and the next, with the areas between them."""

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure

from dashboard.drawing.panels import (
    PAPER_DASHES,
    paper_legend,
    paper_panels,
    screen_panels,
    translucent,
)
from dashboard.drawing.style import BLUE, GREEN, LOGIT_COLOURS
from dashboard.drawing.text import on_paper, on_screen, shorten
from dashboard.figures.base import FigureSpec
from dashboard.figures.paper.logit_means import logit_means
from hmw_core.log.reader import RunReader

# Bottom first: on screen, an area reaches down to the line drawn before it.
DASHES = {"topk_logit": "dot", "other_logit": "dash", "given_logit": "solid"}
# Above which line, down to which one, and in which colour; blue is TKUM, as in the paper.
AREAS = {
    "other_logit": ("TKUM area", "topk_logit", BLUE),
    "given_logit": ("AUM area", "other_logit", GREEN),
}
AXIS = "Logit"


def prepare(
    run: RunReader,
    given_label: int | None = None,
    sample_ids: Sequence[int] | None = None,
    group: str | None = None,
) -> pd.DataFrame:
    """Return panel, title, n_samples, class_name, epoch, the three logits, and k of the last.

    A panel is a sample, or with ``group="mean"`` the mean over the clean, hard or mislabeled
    samples of the class. `topk_logit` is NaN with two classes, where it does not exist.
    """
    names = ["given_logit", "other_logit", "topk_logit"]
    table = logit_means(run, names, given_label, sample_ids, group)
    return table.assign(k=run.info["weighting"]["k"])


def draw(table: pd.DataFrame) -> go.Figure:
    """Draw `prepare`'s table for the screen."""
    panels = _panels(table)
    titles = ["<br>".join(map(on_screen, _panel_title(panel))) for panel in panels]
    figure = screen_panels(titles, shared_y=True)
    figure.update_layout(margin={"t": 56}, legend={"traceorder": "reversed"})
    for column, panel in enumerate(panels, start=1):
        for name in _drawn(table):
            area, below, colour = AREAS.get(name, ("", "", BLUE))
            is_shaded = below in _drawn(table)
            figure.add_scatter(
                x=panel["epoch"],
                y=panel[name],
                mode="lines" if len(panel) > 1 else "markers",
                fill="tonexty" if is_shaded else None,
                fillcolor=translucent(colour, 0.2),
                name=_line_title(table, name) + (f", shaded: {area}" if is_shaded else ""),
                legendgroup=name,
                showlegend=column == 1,
                line={"color": LOGIT_COLOURS[name], "dash": DASHES[name]},
                hovertemplate="epoch %{x}: %{y:.2f}",
                row=1,
                col=column,
            )
    figure.update_xaxes(title="Epoch")
    figure.update_yaxes(title=AXIS, row=1, col=1)
    return figure


def typeset(table: pd.DataFrame, width: float) -> Figure:
    """Typeset `prepare`'s table for a file of `width` inches."""
    panels = _panels(table)
    aspect = 0.7 if width < 5 else 0.95
    with paper_panels(width, len(panels), aspect, sharey=True) as (figure, all_axes):
        for axes, panel in zip(all_axes, panels, strict=True):
            for name in reversed(_drawn(table)):
                axes.plot(
                    panel["epoch"],
                    panel[name],
                    PAPER_DASHES[DASHES[name]],
                    marker="" if len(panel) > 1 else "o",
                    color=LOGIT_COLOURS[name],
                    label=_line_title(table, name),
                )
                area, below, colour = AREAS.get(name, ("", "", BLUE))
                if below in _drawn(table):
                    axes.fill_between(
                        panel["epoch"],
                        panel[name],
                        panel[below],
                        color=colour,
                        alpha=0.2,
                        linewidth=0,
                        label=area,
                    )
            axes.set_title(on_paper("\n".join(_panel_title(panel))))
            axes.set_xlabel("Epoch")
            axes.set_ylabel(AXIS)
        paper_legend(figure, all_axes[0])
    return figure


def _panels(table: pd.DataFrame) -> list[pd.DataFrame]:
    return [part for _, part in table.groupby("title", sort=False)]


def _drawn(table: pd.DataFrame) -> list[str]:
    """Return the logits that exist, bottom first."""
    return [name for name in DASHES if table[name].notna().any()]


def _line_title(table: pd.DataFrame, name: str) -> str:
    k = table["k"].iloc[0]
    third = "third logit" if k == 1 else f"mean of the next {k}"
    return {"given_logit": "given logit", "other_logit": "largest other"}.get(name, third)


def _panel_title(panel: pd.DataFrame) -> list[str]:
    first = panel.iloc[0]
    title = shorten(first["title"], 36)
    return [title, shorten(first["class_name"], 30)]


FIGURE = FigureSpec(
    title="Given, largest other and next logit",
    paper="Fig. 2",
    look_for=(
        "The areas: AUM between the given and the largest other logit (where the given one lies "
        "lower it counts as negative), TKUM between the largest other and the next. The paper "
        "expects the two lower lines close together for a clean sample, and a gap between them "
        "for a mislabeled one. As groups, hard are the tenth of the clean samples of largest last "
        "loss."
    ),
    prepare=prepare,
    draw=draw,
    typeset=typeset,
)
