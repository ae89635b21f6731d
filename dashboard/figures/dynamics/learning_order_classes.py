"""The learning order of each class of given label, in small multiples."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure
from plotly.subplots import make_subplots

from dashboard.drawing.panels import paper_legend, paper_panels
from dashboard.drawing.style import GROUP_COLOURS, screen_figure
from dashboard.drawing.text import on_paper, on_screen, shorten
from dashboard.figures.base import FigureSpec
from dashboard.figures.dynamics.learning_order import LINES, X, Y, paper_line, screen_line, table_of
from hmw_core.laboratory.learning_order import LEVEL, group_sizes, onsets, shares
from hmw_core.log.reader import RunReader

MOST = 12  # panels
COLUMNS = 4
COLOUR = GROUP_COLOURS["mislabeled"]
KINDS = ("now", "ever")


def prepare(run: RunReader, level: float = LEVEL, kind: str = "now") -> pd.DataFrame:
    """Return given_label, class_name, epoch, line, share, n_samples and the class's onset.

    Of at most `MOST` classes: those with the most mislabeled samples, and then with the most
    samples; in the order of the labels. `kind` as in `learning_order.shares`.

    Raises
    ------
    CannotShow
        If the log holds no predictions, or has no epoch yet.
    """
    table = table_of(run)
    found = onsets(table, run, level)
    curves = shares(table, run, by_class=True)
    curves = curves[curves["kind"] == kind].drop(columns="kind")
    of = group_sizes(run)  # (G, C); of as many mislabeled samples, the larger class comes first
    most = np.lexsort((-of.sum(axis=0), -of[1]))[:MOST]
    curves = curves[curves["given_label"].isin(most)].sort_values("given_label", kind="stable")
    names = pd.Series(run.class_names)
    onset = {label: one.epoch for label, one in found.items()}
    return curves.assign(
        class_name=curves["given_label"].map(names),
        onset=curves["given_label"].map(onset).astype(float),
        kind=kind,
        n_classes=run.n_classes,
    ).reset_index(drop=True)


def draw(table: pd.DataFrame) -> go.Figure:
    """Draw `prepare`'s table for the screen."""
    panels = _panels(table)
    columns = min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    figure = make_subplots(
        rows=rows,
        cols=columns,
        subplot_titles=[on_screen(shorten(name, 28)) for name, _ in panels],
        shared_xaxes="all",
        shared_yaxes="all",
        horizontal_spacing=0.03,
        vertical_spacing=0.2 / rows,
    )
    shown: set[str] = set()
    for number, (_, panel) in enumerate(panels):
        place = {"row": number // columns + 1, "col": number % columns + 1}
        for line in LINES:
            part = panel[panel["line"] == line]
            if len(part):
                figure.add_scatter(**screen_line(line, part), showlegend=line not in shown, **place)
                shown.add(line)
        onset = panel["onset"].iloc[0]
        if onset < float("inf"):
            look = {"color": COLOUR, "width": 1, "dash": "dash"}
            figure.add_vline(x=onset, line=look, **place)
    height = 120 + 190 * rows
    figure = screen_figure(figure, height)
    figure.update_annotations(font={"size": 13})
    figure.update_xaxes(showticklabels=False)
    for number in range(max(len(panels) - columns, 0), len(panels)):  # the lowest of each column
        place = {"row": number // columns + 1, "col": number % columns + 1}
        figure.update_xaxes(title=X, title_standoff=4, showticklabels=True, **place)
    figure.update_yaxes(range=[0, 102])
    for row in range(1, rows + 1):
        figure.update_yaxes(title=Y, row=row, col=1)
    figure.update_layout(legend={"y": -75 / height, "yanchor": "top"}, margin={"t": 30})
    return figure


def typeset(table: pd.DataFrame, width: float) -> Figure:
    """Typeset `prepare`'s table for a file of `width` inches."""
    panels = _panels(table)
    with paper_panels(width, len(panels), 0.75) as (figure, all_axes):
        for axes, (name, panel) in zip(all_axes, panels, strict=True):
            for line in LINES:
                part = panel[panel["line"] == line]
                if len(part):
                    paper_line(axes, line, part)
            onset = panel["onset"].iloc[0]
            if onset < float("inf"):
                axes.axvline(onset, color=COLOUR, linewidth=0.8, linestyle="--")
            axes.set_title(on_paper(shorten(name, 28)))
            axes.set_xlabel(X)
            axes.set_ylabel(Y)
            axes.set_ylim(0, 102)
        paper_legend(figure, all_axes[0])
    return figure


def _panels(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    return [
        (part["class_name"].iloc[0], part) for _, part in table.groupby("given_label", sort=False)
    ]


FIGURE = FigureSpec(
    title="Learning order by class",
    paper="",
    look_for=(
        "Classes whose clean samples are learned late, and those whose wrong labels are fitted "
        "early: there a low rank among suspects means least. The dashed line is the class's onset."
    ),
    prepare=prepare,
    draw=draw,
    typeset=typeset,
)
