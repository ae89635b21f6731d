"""Mean HM weight of clean and of mislabeled samples by epoch: chosen settings, and the log's."""

import pandas as pd

from dashboard.drawing.marks import EPOCH, Axis, Drawing, Line, Panel
from dashboard.figures.base import FigureSpec
from dashboard.figures.dynamics.playground import CHOSEN, LOGGED, both
from hmw_core.laboratory.hm_replay import Settings
from hmw_core.log.reader import RunReader

DASHES = {CHOSEN: "solid", LOGGED: "dot"}
TITLES = {"clean": "clean", "mislabeled": "mislabeled", "unknown": "all, true label unknown"}
X, Y = "Epoch", "Mean HM weight"


def prepare(
    run: RunReader, settings: Settings | None = None, epoch: int | None = None
) -> pd.DataFrame:
    """Return of (chosen, the run's log), settings in words, epoch, group, n_samples, mean_weight.

    Raises
    ------
    CannotShow
        If the run has no such epoch, or its log lacks what the settings need.
    """
    _, found = both(run, settings, epoch)
    parts = [
        replayed.by_epoch.assign(of=of, settings=words) for of, (words, replayed) in found.items()
    ]
    order = ["of", "settings", "group", "epoch", "n_samples", "mean_weight"]
    return pd.concat(parts, ignore_index=True)[order]


def drawing(table: pd.DataFrame) -> Drawing:
    """Draw `prepare`'s table: a line a group, dotted for the log's own settings."""
    marks = [
        Line(
            part["epoch"],
            part["mean_weight"],
            group,
            f"{TITLES[group]}, {of}: {part['settings'].iloc[0]}",
            DASHES[of],
            hover="epoch %{x}: %{y:.3f} (%{customdata[0]:,} samples)",
            data=part["n_samples"],
        )
        for (of, group), part in table.groupby(["of", "group"], sort=False)
    ]
    return Drawing([Panel(marks, EPOCH, Axis("Mean HM weight", (0, None)))])


FIGURE = FigureSpec(
    title="Mean weight by epoch",
    paper="",
    look_for=(
        "How early the two groups part, and how low the clean samples fall before they do. The "
        "network is that of the log at every epoch; trained with other weights, it would differ."
    ),
    prepare=prepare,
    drawing=drawing,
)
