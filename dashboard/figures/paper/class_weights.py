"""Fig. 6: a class's samples in the plane, coloured by their HM weight, with its class vector."""

import pandas as pd

from dashboard.drawing.cloud import Look
from dashboard.drawing.clouds import cloud
from dashboard.drawing.marks import Special
from dashboard.drawing.style import GROUP_MARKERS
from dashboard.figures.base import CannotShow, FigureSpec
from dashboard.figures.maps import class_of, group_of, map_of
from hmw_core.criteria.kept import score_table
from hmw_core.log.reader import RunReader


def prepare(
    run: RunReader,
    given_label: int | None = None,
    method: str = "auto",
    epoch: int | None = None,
) -> pd.DataFrame:
    """Return `cloud`'s table; `value` is the HM weight in (0, 1], `weight_epoch` its epoch.

    Parameters
    ----------
    run : RunReader
    given_label : int, optional
        The class. Default: the first that has samples.
    method : str
        Of the map: `auto`, `tsne`, `umap` or `pca`.
    epoch : int, optional
        Of the weights. Default: the last logged. Places are those of the last logged features.

    Raises
    ------
    CannotShow
        If the run has no such class, no features, or no HM weights.
    """
    label = class_of(run, given_label)
    weight = score_table(run, ["hm_weight"], epoch, label)["hm_weight"]
    if weight.isna().all():
        why = run.absent.get("hm_weight", "its log holds no cosines to the class vectors")
        raise CannotShow(f"run {run.name!r} has no HM weights: {why}")
    places = map_of(run, method, None, label)
    places = places[places["class_label"].isna() | places["class_label"].eq(label)]
    is_sample = places["kind"] == "sample"
    ids = places.loc[is_sample, "sample_id"].to_numpy(int)
    places.loc[is_sample, "value"] = weight.loc[ids].to_numpy()
    places.loc[is_sample, "group"] = group_of(run, ids)
    name = run.class_names[label]
    last = run.last_epoch if epoch is None else epoch
    return places[places["value"].notna() | ~is_sample].assign(
        class_name=name,
        run=run.name,
        panel=f"Class {name}, HM weights of epoch {last}",
        weight_epoch=last,
        n_samples=len(weight),
    )


def drawing(table: pd.DataFrame) -> Special:
    """Draw `prepare`'s table; weights compare between figures, so their scale is always 0 to 1."""
    return cloud(table, Look("HM weight", markers=GROUP_MARKERS))


FIGURE = FigureSpec(
    title="HM weights of a class",
    paper="Fig. 6",
    look_for=(
        "Large weights near the star, the class vector, and small ones on the mislabeled samples "
        "(crosses). A bright cross is a wrong label that the weight missed."
    ),
    prepare=prepare,
    drawing=drawing,
)
