"""Fig. 5: clean against mislabeled samples of one class in the plane, with its class vector."""

from collections.abc import Sequence

import pandas as pd

from dashboard.drawing.cloud import group_look, panel_names
from dashboard.drawing.clouds import cloud
from dashboard.drawing.marks import Special
from dashboard.figures.base import FigureSpec
from dashboard.figures.maps import class_of, group_of, map_of
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
        The class. Default: the first that has samples.
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
        part = _of_run(run, label, method, epoch)
        parts.append(part.assign(panel=f"{name}: class {run.class_names[label]}"))
    return pd.concat(parts, ignore_index=True)


def _of_run(run: RunReader, given_label: int, method: str, epoch: int | None) -> pd.DataFrame:
    places = map_of(run, method, epoch, given_label)
    places = places[places["class_label"].isna() | places["class_label"].eq(given_label)]
    is_sample = places["kind"] == "sample"
    places.loc[is_sample, "value"] = group_of(run, places.loc[is_sample, "sample_id"].to_numpy(int))
    return places.assign(
        group=places["value"],
        class_name=run.class_names[given_label],
        run=run.name,
        n_samples=len(run.sample_ids(given_label)),
    )


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
    prepare=prepare,
    drawing=drawing,
    many=True,
)
