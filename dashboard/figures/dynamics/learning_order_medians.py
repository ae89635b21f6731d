"""By which epoch half of each class's clean and mislabeled samples were fitted, with intervals."""

import numpy as np
import pandas as pd

from dashboard.drawing.marks import Axis, Drawing, Panel, Points
from dashboard.drawing.text import shorten
from dashboard.figures.base import FigureSpec
from dashboard.figures.dynamics.learning_order import LINES, between, table_of, when
from hmw_core.laboratory.learning_order import medians
from hmw_core.log.reader import RunReader

EVENTS = {"first": "first", "for good": "for good"}
MOST = 40  # classes


def prepare(run: RunReader, event: str = "first") -> pd.DataFrame:
    """Return given_label, class_name, line, event, median, low, high, n_samples, n_never.

    `event` is `first` or `for good`; all classes (-1) first, then those whose clean samples (all,
    where no true label is known) are fitted latest, at most `MOST`.

    Raises
    ------
    CannotShow
        If the log holds no predictions, or has no epoch yet.
    """
    table = table_of(run)
    found = medians(table, run)
    found = found[found["event"] == event]
    learned = found[found["line"].isin(["clean", "unknown"]) & (found["given_label"] >= 0)]
    late = learned.sort_values("median", ascending=False, kind="stable")
    order = [-1, *dict.fromkeys(late["given_label"])][: MOST + 1]
    rest = [label for label in found["given_label"].unique() if label not in set(order)]
    order += rest[: MOST + 1 - len(order)]
    found = found[found["given_label"].isin(order)]
    found = found.sort_values("given_label", key=lambda c: c.map(order.index), kind="stable")
    names = {-1: "all classes", **dict(enumerate(run.class_names))}
    return found.assign(
        class_name=found["given_label"].map(names), last_epoch=run.last_epoch
    ).reset_index(drop=True)


def drawing(table: pd.DataFrame) -> Drawing:
    """Draw `prepare`'s table: a row a class, triangles where the last epoch came first."""
    labels, last = list(dict.fromkeys(table["given_label"])), int(table["last_epoch"].iloc[0])
    marks = []
    for line, part in table.groupby("line", sort=False):
        title, colour, _ = LINES[line]
        ends = np.array([between(row.low, row.high, last) for row in part.itertuples()])
        shape = SHAPES.get(str(line), "circle")
        words = [when(r.median, r.low, r.high, last) for r in part.itertuples()]
        marks.append(
            Points(
                part["median"].clip(upper=last),
                part["given_label"].map(labels.index) + SHIFTS.get(str(line), 0.0),
                colour,
                title,
                [shape if np.isfinite(m) else "triangle-right" for m in part["median"]],
                size=9,
                low=ends[:, 0],
                high=ends[:, 1],
                hover="%{customdata[0]}<br>never: %{customdata[1]} of %{customdata[2]}",
                data=np.stack([words, part["n_never"], part["n_samples"]], axis=1),
            )
        )
    names = table.drop_duplicates("given_label")["class_name"].map(lambda name: shorten(name, 24))
    title = f"Median epoch of being predicted so {table['event'].iloc[0]}"
    # Most is fitted early, and what is not fitted stands far off: on a logarithm both have room.
    x = Axis(title, (0.9, last * 1.15), log=True, whole=True)
    return Drawing([Panel(marks, x, Axis("Given label", names=names.to_list()))], row=32)


SHAPES = {"mislabeled": "x", "true": "diamond"}
SHIFTS = {"clean": -0.22, "mislabeled": 0.22}


FIGURE = FigureSpec(
    title="When half of a class is fitted",
    paper="",
    look_for=(
        "How far clean and mislabeled samples lie apart: as long as the training stops between, "
        "wrong labels do little harm. Triangles at the right edge: not reached by the last epoch."
    ),
    prepare=prepare,
    drawing=drawing,
)
