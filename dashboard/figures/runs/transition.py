"""Which label became which: as a training believes, as measured, and as the noise was designed."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure

from dashboard.drawing.matrix import MOST_ANNOTATED, cell_text, ink, ticks_of
from dashboard.drawing.panels import SMALLEST, paper_panels, screen_panels
from dashboard.drawing.style import CONTINUOUS
from dashboard.drawing.text import on_paper, on_screen, shorten
from dashboard.figures.base import CannotShow, FigureSpec
from hmw_core.errors import UsageError
from hmw_core.laboratory.duel import suggested_budget
from hmw_core.laboratory.transition import (
    believed_by_suggestions,
    believed_confidently,
    confident_counts,
    designed_shares,
    measured_counts,
    noted_shares,
    pair_counts,
    row_shares,
)
from hmw_core.log.reader import RunReader

Source = Literal["suggestions", "confident"]
PANELS = {
    "suggestions": "believed: suggestions of the flagged",
    "confident": "believed: confident joint",
    "measured": "measured from true labels",
    "noted": "noted when the noise was drawn",
    "designed": "as the noise was designed",
}
BAR = "Share of the row (%)"
AT_MOST_POINTS = 20_000  # that a browser lets be selected at once


def prepare(
    run: RunReader,
    source: Source = "suggestions",
    criterion: str = "iam",
    budget: int | None = None,
    epoch: int | None = None,
    given_rows: bool = False,
) -> pd.DataFrame:
    """Return a row per panel and pair of labels: the estimate, and the truth where it is known.

    `panel` (of `PANELS`), `row` and `column` (classes), `row_name`, `column_name`, `row_axis`,
    `column_axis`, `count` (NaN where the panel has shares only), `share`, `low`, `high` (per cent
    of the row, 95 % interval). Rows are believed or true labels and columns given ones, with
    `given_rows` the other way round.
    """
    is_mislabeled = run.samples()["is_mislabeled"]
    budget = suggested_budget(is_mislabeled)[0] if budget is None else budget
    try:
        if source == "confident":
            counts = confident_counts(believed_confidently(run, epoch), run.n_classes)
        else:
            believed = believed_by_suggestions(run, budget, criterion, epoch)
            counts = pair_counts(
                believed["believed_label"], believed["given_label"], run.n_classes
            ).astype(float)
    except UsageError as reason:
        raise CannotShow(str(reason)) from None
    panels: dict[str, np.ndarray] = {source: counts}
    measured = measured_counts(run)
    if measured is not None:
        panels["measured"] = measured.astype(float)
    parts = []
    for panel, found in panels.items():
        shares = row_shares(found.T if given_rows else found)
        parts.append(_cells(run, panel, shares, found.T if given_rows else found, given_rows))
    without_counts = {"noted": None if measured is not None else noted_shares(run)}
    without_counts["designed"] = designed_shares(run)
    for panel, share in without_counts.items():
        if share is not None and not given_rows:  # their rows are true labels, of unknown number
            nothing = np.full_like(share, np.nan)
            parts.append(_cells(run, panel, (share, nothing, nothing), nothing, given_rows))
    return pd.concat(parts, ignore_index=True)


def _cells(
    run: RunReader, panel: str, shares: Sequence[np.ndarray], counts: np.ndarray, given_rows: bool
) -> pd.DataFrame:
    row, column = np.indices(counts.shape).reshape(2, -1)
    names = np.array(run.class_names, dtype=object)
    other = "Believed label" if panel in ("suggestions", "confident") else "True label"
    axes = ("Given label", other) if given_rows else (other, "Given label")
    share, low, high = (100 * matrix.ravel() for matrix in shares)
    return pd.DataFrame(
        {
            "panel": panel,
            "row": row,
            "column": column,
            "row_name": names[row],
            "column_name": names[column],
            "row_axis": axes[0],
            "column_axis": axes[1],
            "count": counts.ravel(),
            "share": share,
            "low": low,
            "high": high,
        }
    )


def draw(table: pd.DataFrame) -> go.Figure:
    """Draw `prepare`'s table for the screen.

    Over each cell that holds samples lies an unseen marker whose `customdata` is its panel, row
    and column: a box around cells selects them.
    """
    panels = list(dict.fromkeys(table["panel"]))
    n_classes = int(table["row"].max()) + 1
    figure = screen_panels([PANELS[panel] for panel in panels], height=520)
    numbers: list[dict[str, Any]] = []
    for column, panel in enumerate(panels, start=1):
        part = table[table["panel"] == panel]
        share = _matrix(part, "share")
        figure.add_heatmap(
            z=share,
            customdata=_hover(part, share.shape),
            zmin=0,
            zmax=100,
            colorscale=CONTINUOUS,
            showscale=column == len(panels),
            colorbar={"title": {"text": BAR, "side": "right"}},
            hovertemplate="%{customdata}<extra></extra>",
            row=1,
            col=column,
        )
        if n_classes <= MOST_ANNOTATED:
            # All at once below: plotly takes 10 ms for each that is added on its own.
            number = "" if column == 1 else column
            place = {"xref": f"x{number}", "yref": f"y{number}", "showarrow": False}
            size = 12 if n_classes * len(panels) <= 24 else 10
            numbers += [
                {
                    **place,
                    "x": x,
                    "y": y,
                    "text": cell_text(value, ".0f"),
                    "font": {"color": ink(value), "size": size},
                }
                for (y, x), value in np.ndenumerate(share)
            ]
        if part["count"].notna().any() and n_classes**2 * len(panels) <= AT_MOST_POINTS:
            figure.add_scatter(
                x=part["column"].to_numpy(np.int32),
                y=part["row"].to_numpy(np.int32),
                customdata=part[["panel", "row", "column"]].to_numpy(),
                mode="markers",
                marker={"opacity": 0, "size": 12},
                hoverinfo="skip",
                showlegend=False,
                row=1,
                col=column,
            )
        at = ticks_of(n_classes)
        names = part.loc[part["column"] == 0, "row_name"].to_list()
        ticks: dict[str, Any] = {
            "tickvals": at,
            "ticktext": [on_screen(shorten(names[i], 12)) for i in at],
            "showgrid": False,
            "zeroline": False,
        }
        first = part.iloc[0]
        limits = [-0.5, n_classes - 0.5]
        figure.update_xaxes(title=first["column_axis"], range=limits, **ticks, row=1, col=column)
        figure.update_yaxes(
            title=first["row_axis"],
            range=limits[::-1],
            showticklabels=column == 1,  # the same in every panel, and long
            **ticks,
            row=1,
            col=column,
        )
    titles = [found.to_plotly_json() for found in figure.layout.annotations]
    figure.update_layout(dragmode="select", annotations=[*titles, *numbers])
    return figure


def typeset(table: pd.DataFrame, width: float) -> Figure:
    """Typeset `prepare`'s table for a file of `width` inches."""
    panels = list(dict.fromkeys(table["panel"]))
    n_classes = int(table["row"].max()) + 1
    with paper_panels(width, len(panels), 1.0) as (figure, all_axes):
        for axes, panel in zip(all_axes, panels, strict=True):
            part = table[table["panel"] == panel]
            share = _matrix(part, "share")
            image = axes.imshow(share, vmin=0, vmax=100, cmap=CONTINUOUS, aspect="auto")
            room = 72 * min(width / max(1, int(width // 2.2)), 3) * 0.55 / n_classes
            if n_classes <= MOST_ANNOTATED and room >= SMALLEST * 1.4:
                for (y, x), value in np.ndenumerate(share):
                    axes.text(
                        x,
                        y,
                        cell_text(value, ".0f"),
                        color=ink(value),
                        ha="center",
                        va="center",
                        fontsize=max(SMALLEST, min(7.0, 0.5 * room)),
                    )
            names = part.loc[part["column"] == 0, "row_name"].to_list()
            at = ticks_of(n_classes)
            labels = [on_paper(shorten(names[i], 12)) for i in at]
            axes.set_xticks(at, labels, rotation=90 if max(map(len, labels)) > 2 else 0)
            axes.set_yticks(at, labels)
            axes.set_xlabel(part["column_axis"].iloc[0])
            axes.set_ylabel(part["row_axis"].iloc[0])
            axes.set_title(PANELS[panel].replace(": ", ":\n"))
        figure.colorbar(image, ax=all_axes, label=BAR, shrink=0.6)
    return figure


def _matrix(part: pd.DataFrame, column: str) -> np.ndarray:
    n_classes = int(part["row"].max()) + 1
    return part[column].to_numpy().reshape(n_classes, n_classes)


def _hover(part: pd.DataFrame, shape: tuple[int, ...]) -> np.ndarray:
    """Return what the pointer is told over each cell, (C, C)."""
    first = part.iloc[0]
    rows, columns = first["row_axis"].lower(), first["column_axis"].lower()
    said = []
    for cell in part.rename(columns={"count": "n_cell"}).itertuples():
        names = [on_screen(shorten(name, 60)) for name in (cell.row_name, cell.column_name)]
        text = f"{rows} {names[0]}, {columns} {names[1]}"
        if not np.isnan(cell.n_cell):
            text += f": {cell.n_cell:,.0f} samples"
        if not np.isnan(cell.share):
            text += f", {cell.share:.1f} %"
        if not np.isnan(cell.low):
            text += f" (95 %: {cell.low:.1f} to {cell.high:.1f})"
        said.append(text)
    return np.array(said, dtype=object).reshape(shape)


FIGURE = FigureSpec(
    title="Which label became which",
    paper="",
    look_for=(
        "Whether what the training believes has its strong cells where the truth has them. An even "
        "spread beside the diagonal is symmetric noise, one strong cell a row is pairs of classes. "
        "Draw a box around cells to see their pictures below."
    ),
    prepare=prepare,
    draw=draw,
    typeset=typeset,
)
