"""Which true label became which given one: the measured transition matrix."""

import numpy as np
import pandas as pd

from dashboard.drawing.marks import Axis, Cells, Drawing, Panel, cell_texts
from dashboard.drawing.text import shorten
from dashboard.figures.base import CannotShow, FigureSpec
from hmw_core.errors import UsageError
from hmw_core.laboratory.transition import pair_counts
from hmw_core.log.reader import RunReader


def prepare(run: RunReader) -> pd.DataFrame:
    """Return true, given, their names, count, share (per cent of the true class), every pair.

    Only samples of known true label count; `n_samples` and `n_mislabeled` say how many. The share
    of a class without any is NaN.
    """
    samples = run.samples().dropna(subset=["true_label"])
    if samples.empty:
        raise CannotShow(f"run {run.name!r} knows no true label, so its noise cannot be measured")
    try:
        counts = pair_counts(samples["true_label"], samples["given_label"], run.n_classes)
    except UsageError as reason:
        raise CannotShow(str(reason)) from None
    true, given = np.indices(counts.shape).reshape(2, -1)
    of_class = counts.sum(axis=1)[true]
    names = np.array(run.class_names, dtype=object)
    return pd.DataFrame(
        {
            "true": true,
            "given": given,
            "true_name": names[true],
            "given_name": names[given],
            "count": counts.ravel(),
            "share": 100 * counts.ravel() / np.where(of_class == 0, np.nan, of_class),
            "n_samples": len(samples),
            "n_mislabeled": int(samples["is_mislabeled"].sum()),
        }
    )


def drawing(table: pd.DataFrame) -> Drawing:
    """Draw `prepare`'s table."""
    n_classes, first = int(table["true"].max()) + 1, table.iloc[0]
    share = table["share"].to_numpy().reshape(n_classes, n_classes)
    hover = [
        f"true {shorten(row.true_name, 60)}, given {shorten(row.given_name, 60)}: {row.n} samples,"
        f" {row.share:.1f} %"
        for row in table.rename(columns={"count": "n"}).itertuples()
    ]
    cells = Cells(
        share,
        cell_texts(share, ".1f"),
        np.array(hover, dtype=object).reshape(share.shape),
        cell_texts(share, ".0f"),
        bar="Share of the true class (%)",
    )
    names = table.loc[table["given"] == 0, "true_name"].to_list()
    wrong, of = first["n_mislabeled"], first["n_samples"]
    title = f"{wrong:,} of {of:,} mislabeled ({100 * wrong / of:.1f} %)"
    panel = Panel([cells], Axis("Given label", names=names), Axis("True label", names=names))
    return Drawing([panel], title)


FIGURE = FigureSpec(
    title="True and given labels",
    paper="",
    look_for=(
        "The diagonal is what stayed right. An even spread beside it is symmetric noise; single "
        "strong cells are pairs of classes that were confused."
    ),
    prepare=prepare,
    drawing=drawing,
)
