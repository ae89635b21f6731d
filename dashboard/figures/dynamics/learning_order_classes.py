"""The learning order of each class of given label, in small multiples."""

import numpy as np
import pandas as pd

from dashboard.drawing.marks import EPOCH, Drawing, Mark, Panel, Rule
from dashboard.drawing.text import shorten
from dashboard.figures.base import FigureSpec
from dashboard.figures.dynamics.learning_order import lines_of, shares_axis, table_of
from hmw_core.laboratory.learning_order import LEVEL, group_sizes, onsets, shares
from hmw_core.log.reader import RunReader

MOST = 12  # panels
COLUMNS = 4
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
        **{"pass": run.pass_name},
    ).reset_index(drop=True)


def drawing(table: pd.DataFrame) -> Drawing:
    """Draw `prepare`'s table: a panel a class, with its onset."""
    panels = []
    for _, part in table.groupby("given_label", sort=False):
        marks: list[Mark] = lines_of(part)
        onset = part["onset"].iloc[0]
        if onset < float("inf"):
            marks.append(Rule(x=onset, colour="mislabeled", dash="dash"))
        panels.append(
            Panel(marks, EPOCH, shares_axis(table), shorten(part["class_name"].iloc[0], 28))
        )
    rows = -(-len(panels) // COLUMNS)
    return Drawing(panels, columns=min(COLUMNS, len(panels)), height=120 + 190 * rows, aspect=0.75)


FIGURE = FigureSpec(
    title="Learning order by class",
    paper="",
    look_for=(
        "Classes whose clean samples are learned late, and those whose wrong labels are fitted "
        "early: there a low rank among suspects means least. The dashed line is the class's onset."
    ),
    prepare=prepare,
    drawing=drawing,
)
