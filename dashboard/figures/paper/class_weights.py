"""Fig. 6: a class's samples in the plane, coloured by their HM weight, with its class vector."""

from collections.abc import Sequence

import pandas as pd

from dashboard.drawing.cloud import Look, panel_names
from dashboard.drawing.clouds import cloud
from dashboard.drawing.marks import Special
from dashboard.drawing.style import GROUP_MARKERS
from dashboard.figures.base import CannotShow, FigureSpec
from dashboard.figures.maps import class_of, made_of_map
from dashboard.figures.paper.class_places import panel_title, places_of_class
from hmw_core.criteria.kept import score_table
from hmw_core.log.reader import RunReader


def prepare(
    runs: Sequence[RunReader],
    given_label: int | None = None,
    method: str = "auto",
    epoch: int | None = None,
) -> pd.DataFrame:
    """Return `cloud`'s table; `value` is the HM weight in (0, 1], `weight_epoch` its epoch.

    Parameters
    ----------
    runs : sequence of RunReader
        One panel each.
    given_label : int, optional
        The class. Default: that of `selection.telling_class`.
    method : str
        Of the map: `auto`, `tsne`, `umap` or `pca`.
    epoch : int, optional
        Of the weights. Default: the last logged. Places are those of the last logged features.

    Raises
    ------
    CannotShow
        If a run has no such class, no features, or no HM weights.
    """
    parts = []
    for run, name in zip(runs, panel_names(runs), strict=True):
        label = class_of(run, given_label)
        weight = score_table(run, ["hm_weight"], epoch, label)["hm_weight"]
        if weight.isna().all():
            why = run.absent.get("hm_weight", "its log holds no cosines to the class vectors")
            raise CannotShow(f"run {run.name!r} has no HM weights: {why}")
        part = places_of_class(run, label, method, None)
        part["value"] = part["sample_id"].map(weight)
        last = run.last_epoch if epoch is None else epoch
        title = f"{panel_title(name, run, label)}, weights of epoch {last}"
        part = part.assign(panel=title, weight_epoch=last)
        parts.append(part[part["value"].notna() | part["kind"].eq("class")])
    return pd.concat(parts, ignore_index=True)


def drawing(table: pd.DataFrame) -> Special:
    """Draw `prepare`'s table: a panel a run. The scale is 0 to 1, so that figures compare."""
    return cloud(table, Look("HM weight", markers=GROUP_MARKERS))


def _epochs(table: pd.DataFrame) -> str:
    return ", ".join(map(str, table["weight_epoch"].unique()))


FIGURE = FigureSpec(
    title="HM weights of a class",
    paper="Fig. 6",
    look_for=(
        "Large weights near the star, the class vector, and small ones on the mislabeled samples "
        "(crosses). A bright cross is a wrong label that the weight missed."
    ),
    look_for_unknown=(
        "Large weights near the star, the class vector. Samples of small weight count little in "
        "the training; no true label is known that would say whether rightly."
    ),
    made=lambda table: f"{made_of_map(table)} Colour: HM weight of epoch {_epochs(table)}.",
    prepare=prepare,
    drawing=drawing,
    many=True,
)
