"""Fig. 5: clean against mislabeled samples of one class in the plane, with its class vector."""

from collections.abc import Sequence

import pandas as pd

from dashboard.drawing.cloud import group_look, panel_names
from dashboard.drawing.clouds import cloud
from dashboard.drawing.marks import Special
from dashboard.figures.base import FigureSpec
from dashboard.figures.maps import class_of, made_of_map
from dashboard.figures.paper.class_places import panel_title, places_of_class
from hmw_core.log.reader import RunReader


def prepare(
    runs: Sequence[RunReader],
    given_label: int | None = None,
    method: str = "auto",
    epoch: int | None = None,
) -> pd.DataFrame:
    """Return `cloud`'s table and `run`; `value` is `clean`, `mislabeled`, or `unknown`.

    Parameters
    ----------
    runs : sequence of RunReader
        One panel each.
    given_label : int, optional
        The class. Default: that of `selection.telling_class`.
    method : str
        Of the map: `auto`, `tsne`, `umap` or `pca`.
    epoch : int, optional
        Of the features. Default: the last logged.

    Raises
    ------
    CannotShow
        If a run has no such class, or no features.
    """
    parts = []
    for run, name in zip(runs, panel_names(runs), strict=True):
        label = class_of(run, given_label)
        part = places_of_class(run, label, method, epoch)
        part = part.assign(panel=panel_title(name, run, label), value=part["group"])
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def drawing(table: pd.DataFrame) -> Special:
    """Draw `prepare`'s table: a panel a run."""
    return cloud(table, group_look(table))


FIGURE = FigureSpec(
    title="Clean and mislabeled samples of a class",
    paper="Fig. 5",
    look_for=(
        "Clean samples tight around the star, the class vector, and mislabeled ones away from it: "
        "the features tell them apart. Overlap: they do not."
    ),
    title_unknown="Samples of a class",
    look_for_unknown=(
        "Samples tight around the star, the class vector, and others away from it. No true label "
        "is known, so nothing here says which are mislabeled."
    ),
    made=made_of_map,
    prepare=prepare,
    drawing=drawing,
    many=True,
)
