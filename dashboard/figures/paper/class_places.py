"""Where the samples of a class lie in the plane: what Figs. 5 and 6 have in common."""

import pandas as pd

from dashboard.drawing.text import shorten
from dashboard.figures.maps import group_of, map_of
from hmw_core.log.reader import RunReader


def panel_title(name: str, run: RunReader, given_label: int) -> str:
    """Return what the panel of a run's class is called; both names keep their ends."""
    return f"{shorten(name, 36)}: class {shorten(run.class_names[given_label], 36)}"


def places_of_class(
    run: RunReader, given_label: int, method: str, epoch: int | None
) -> pd.DataFrame:
    """Return the rows of a class and its vector in `map_of`'s table, with `cloud`'s columns."""
    places = map_of(run, method, epoch, given_label)
    places = places[places["class_label"].isna() | places["class_label"].eq(given_label)]
    is_sample = places["kind"] == "sample"
    places.loc[is_sample, "group"] = group_of(run, places.loc[is_sample, "sample_id"].to_numpy(int))
    return places.assign(
        class_name=run.class_names[given_label],
        run=run.name,
        n_samples=len(run.sample_ids(given_label)),
    )
