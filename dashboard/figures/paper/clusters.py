"""Fig. 4: the features of whole runs in the plane, side by side, in the colour of one's choice."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dashboard.drawing.cloud import (
    LEGEND_UP_TO,
    Look,
    class_look,
    group_look,
    highlighted,
    panel_names,
)
from dashboard.drawing.clouds import cloud
from dashboard.drawing.marks import Special
from dashboard.figures.base import CannotShow, FigureSpec
from dashboard.figures.maps import group_of, made_of_map, map_of
from hmw_core.criteria import VARIANTS
from hmw_core.criteria.criterion import Criterion
from hmw_core.criteria.kept import score_table
from hmw_core.criteria.of_run import criteria_of, title_of
from hmw_core.errors import pick
from hmw_core.log.reader import RunReader

COLOURS = ("given_label", "true_label", "is_mislabeled")  # and each criterion of the run
UNIT_SCALE = ("hm_weight", "confidence")  # their range is 0 to 1, and so is their colour scale
OUTER = (0.01, 0.99)  # a few extreme scores would leave the others one colour


def prepare(
    runs: Sequence[RunReader],
    colour: str | None = None,
    method: str = "auto",
    epoch: int | None = None,
) -> pd.DataFrame:
    """Return `cloud`'s table, and `run`, `colour` and, of a number, its `low`, `high` and `title`.

    Parameters
    ----------
    runs : sequence of RunReader
        One panel each.
    colour : str, optional
        Of `COLOURS`: `given_label`, `true_label`, `is_mislabeled`, or a criterion. Default: the
        true label where every run knows it, the given one otherwise; with more than 20 classes,
        whose colours cannot be told apart, whether a label is wrong.
    method : str
        Of the map: `auto`, `tsne`, `umap` or `pca`.
    epoch : int, optional
        Of the features and of the criterion. Default: the last logged.

    Raises
    ------
    CannotShow
        If a run has no features, or no true label that the colour needs.
    """
    if colour is None:
        known = all(run.has_true_label for run in runs)
        many = max(run.n_classes for run in runs) > LEGEND_UP_TO
        colour = ("is_mislabeled" if many else "true_label") if known else "given_label"
    labels: dict[str, Criterion | None] = dict.fromkeys(COLOURS)
    criterion = pick(labels | criteria_of(runs[0]) | VARIANTS, colour, "colour")
    parts = [
        _of_run(run, colour, method, epoch).assign(panel=panel)
        for run, panel in zip(runs, panel_names(runs), strict=True)
    ]
    table = pd.concat(parts, ignore_index=True)
    table = table.assign(colour=colour)
    if criterion is not None:
        low, high = (0.0, 1.0) if colour in UNIT_SCALE else table["value"].quantile(OUTER)
        unit = f" ({criterion.unit})" if criterion.unit not in ("", "1") else ""
        ends = "" if colour in UNIT_SCALE else ", 1st to 99th percentile"
        table = table.assign(low=low, high=high, title=f"{criterion.title}{unit}{ends}")
    return table


def _of_run(run: RunReader, colour: str, method: str, epoch: int | None) -> pd.DataFrame:
    samples = run.samples()
    if colour in ("true_label", "is_mislabeled") and samples["true_label"].isna().all():
        raise CannotShow(f"run {run.name!r} knows no true label, so none can colour its samples")
    places = map_of(run, method, epoch)
    is_sample = places["kind"] == "sample"
    ids = places.loc[is_sample, "sample_id"].to_numpy(int)
    names = dict(enumerate(run.class_names))
    label = pd.Series(pd.NA, index=places.index[is_sample], dtype="Int64")
    if colour not in COLOURS:
        value = score_table(run, [colour], epoch)[colour].loc[ids].to_numpy()
        if np.isnan(value).all():
            raise CannotShow(f"run {run.name!r} did not log what {title_of(colour)} reads")
    elif colour == "is_mislabeled":
        value = group_of(run, ids)
    else:
        label[:] = samples[colour].iloc[ids].array
        value = label.map(names).fillna("unknown").to_numpy()
    places["value"] = pd.Series(value, index=label.index)
    places["value_label"] = label
    places["class_name"] = places["class_label"].map(names)
    places = places[places["value"].notna() | ~is_sample]
    return places.assign(group="sample", run=run.name, n_samples=run.n_samples)


def drawing(table: pd.DataFrame) -> Special:
    """Draw `prepare`'s table: a panel a run."""
    first = table.iloc[0]
    if first["colour"] not in COLOURS:
        look = Look(str(first["title"]), low=float(first["low"]), high=float(first["high"]))
        return cloud(table, look)
    if first["colour"] == "is_mislabeled":
        return cloud(table, group_look(table))
    table = highlighted(table)
    return cloud(table, class_look(table))


FIGURE = FigureSpec(
    title="Features in the plane",
    paper="Fig. 4",
    look_for=(
        "By true label, one colour a cluster means that the network kept the classes apart. By "
        "given label it means that it fitted the labels, the wrong ones, too. Distances between "
        "clusters mean nothing."
    ),
    made=made_of_map,
    prepare=prepare,
    drawing=drawing,
    many=True,
)
