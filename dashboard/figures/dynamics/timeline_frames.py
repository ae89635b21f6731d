"""The same samples between the classes' corners at four epochs: the timeline in print."""

from dataclasses import replace

import numpy as np
import pandas as pd

from dashboard.drawing.cloud import class_look, group_look, highlighted
from dashboard.drawing.clouds import cloud
from dashboard.drawing.marks import Special
from dashboard.figures.base import CannotShow, FigureSpec
from dashboard.figures.maps import group_of
from dashboard.figures.selection import check_epoch, class_title
from hmw_core.errors import UsageError
from hmw_core.feature_space.class_circle import corners
from hmw_core.laboratory import timeline
from hmw_core.log.reader import RunReader

N_PANELS = 4
MOST = 3_000  # samples of a panel


def prepare(run: RunReader, given_label: int | None = None) -> pd.DataFrame:
    """Return `cloud`'s table, a panel for each of four epochs of the circle of classes.

    Parameters
    ----------
    run : RunReader
    given_label : int, optional
        Only the samples of this class.

    Returns
    -------
    DataFrame
        See `cloud`; `colour` is `is_mislabeled`, or `given_label` where no true label is known.
        Epochs lie evenly on a logarithmic scale. With more than 3,000 samples a panel draws 3,000
        at random, the same in each, half of them mislabeled where so many are known.

    Raises
    ------
    CannotShow
        If the log has no cosines to the class vectors.
    """
    check_epoch(run)
    class_title(run, given_label)
    if not timeline.circle_epochs(run):
        raise CannotShow(
            f"run {run.name!r} has neither cosines to the class vectors in its outputs nor "
            "features with class vectors"
        )
    try:
        positions = timeline.positions(run, given_label, most=MOST, most_epochs=N_PANELS)
    except UsageError as error:
        raise CannotShow(str(error)) from None
    samples = run.samples()
    unknown = samples["true_label"].isna().all()
    colour = "given_label" if unknown else "is_mislabeled"
    label = samples["given_label"].to_numpy()[positions.sample_id]
    names = np.array(run.class_names, dtype=object)
    value = names[label] if unknown else group_of(run, positions.sample_id)
    of_class = len(run.sample_ids(given_label))
    anchors = corners(run.n_classes)
    parts = []
    for at in _evenly(len(positions.epochs)):
        epoch = positions.epochs[at]
        points = {"panel": f"epoch {epoch}", "epoch": epoch, "n_samples": of_class}
        there = ~np.isnan(positions.x[at])
        parts += [
            pd.DataFrame(
                {
                    "kind": "sample",
                    "sample_id": positions.sample_id[there],
                    "x": positions.x[at][there],
                    "y": positions.y[at][there],
                    "value": value[there],
                    "value_label": label[there],
                }
            ).assign(**points),
            pd.DataFrame(
                {
                    "kind": "class",
                    "class_name": run.class_names,
                    "x": anchors[:, 0],
                    "y": anchors[:, 1],
                }
            ).assign(**points),
        ]
    table = pd.concat(parts, ignore_index=True)
    table["sample_id"] = table["sample_id"].astype("Int64")
    table["value_label"] = table["value_label"].astype("Int64")
    table["map_epoch"] = table["epoch"]
    return table.assign(group="sample", axes="Circle of classes", colour=colour)


def _evenly(count: int) -> list[int]:
    """Return up to `N_PANELS` places of `count`, the first and the last among them."""
    return sorted({round(place) for place in np.linspace(0, count - 1, min(count, N_PANELS))})


def drawing(table: pd.DataFrame) -> Special:
    """Draw `prepare`'s table: a panel an epoch."""
    known = table["colour"].iloc[0] == "is_mislabeled"
    table = table if known else highlighted(table)
    return cloud(table, replace((group_look if known else class_look)(table), is_round=True))


FIGURE = FigureSpec(
    title="From epoch to epoch",
    paper="",
    look_for=(
        "Clean samples reach their class's corner (star; classes clockwise from the top, in the "
        "order of their labels) early, mislabeled ones on the side of their true class first; "
        "where they come to the corner of their given label, it is memorised. No layout is fitted, "
        "so a sample that did not change did not move."
    ),
    look_for_unknown=(
        "Which samples reach their class's corner (star; classes clockwise from the top) early, "
        "late or not at all. No layout is fitted, so a sample that did not change did not move."
    ),
    prepare=prepare,
    drawing=drawing,
)
