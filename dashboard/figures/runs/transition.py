"""Which label became which: as a training believes, as measured, and as the noise was designed."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from dashboard.drawing.marks import Axis, Cells, Drawing, Mark, Panel, Unseen, cell_texts
from dashboard.drawing.text import on_screen, shorten
from dashboard.figures.base import CannotShow, FigureSpec
from hmw_core.errors import UsageError
from hmw_core.laboratory.duel import suggested_budget
from hmw_core.laboratory.transition import (
    believed_by_suggestions,
    believed_confidently,
    confident_counts,
    designed_shares,
    measured_counts,
    method_shares,
    noted_shares,
    pair_counts,
    row_shares,
)
from hmw_core.log.reader import RunReader

Source = Literal["suggestions", "confident", "method"]
PANELS = {
    "suggestions": "believed: suggestions of the flagged",
    "confident": "believed: confident joint",
    "method": "believed: the training method",
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
    of the row, 95 % interval). With `source` "method" the belief is the training method's own
    matrix, and rows are not turned. Rows are believed or true labels and columns given ones, with
    `given_rows` the other way round.
    """
    is_mislabeled = run.samples()["is_mislabeled"]
    budget = suggested_budget(is_mislabeled)[0] if budget is None else budget
    try:
        measured = measured_counts(run)  # first: it says at once that there are too many classes
        if source == "method":
            counts = None
        elif source == "confident":
            counts = confident_counts(believed_confidently(run, epoch), run.n_classes)
        else:
            believed = believed_by_suggestions(run, budget, criterion, epoch)
            counts = pair_counts(
                believed["believed_label"], believed["given_label"], run.n_classes
            ).astype(float)
    except UsageError as reason:
        raise CannotShow(str(reason)) from None
    panels: dict[str, np.ndarray] = {} if counts is None else {source: counts}
    if measured is not None:
        panels["measured"] = measured.astype(float)
    parts = []
    if counts is None:
        believed_shares = method_shares(run)
        if believed_shares is None:
            raise CannotShow(f"the method of run {run.name!r} believes in no transition matrix")
        nothing = np.full_like(believed_shares, np.nan)
        parts.append(_cells(run, source, (believed_shares, nothing, nothing), nothing, False))
    for panel, found in panels.items():
        shares = row_shares(found.T if given_rows else found)
        parts.append(_cells(run, panel, shares, found.T if given_rows else found, given_rows))
    without_counts: dict[str, np.ndarray | None] = {
        "noted": None if measured is not None else noted_shares(run)
    }
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
    other = "Believed label" if panel in ("suggestions", "confident", "method") else "True label"
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


def drawing(table: pd.DataFrame) -> Drawing:
    """Draw `prepare`'s table: a panel a source.

    Over each cell that holds samples lies an unseen place whose `data` are its panel, row and
    column: a box around cells selects them.
    """
    n_classes = int(table["row"].max()) + 1
    n_panels = table["panel"].nunique()
    panels = []
    for number, (panel, part) in enumerate(table.groupby("panel", sort=False), start=1):
        share = part["share"].to_numpy().reshape(n_classes, n_classes)
        bar = BAR if number == n_panels else ""
        marks: list[Mark] = [
            Cells(share, cell_texts(share, ".0f"), _hover(part, share.shape), bar=bar)
        ]
        if part["count"].notna().any() and n_classes**2 * n_panels <= AT_MOST_POINTS:
            cells = part[["panel", "row", "column"]]
            marks.append(Unseen(part["column"], part["row"], cells))
        names, first = part.loc[part["column"] == 0, "row_name"].to_list(), part.iloc[0]
        x, y = (Axis(first[f"{a}_axis"], names=names) for a in ("column", "row"))
        panels.append(Panel(marks, x, y, PANELS[str(panel)].replace(": ", ":\n")))
    return Drawing(panels, share_y=True)


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
    drawing=drawing,
)
