"""The same samples under two runs: a criterion's score in one against that in the other."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dashboard.drawing.pair_scatter import RELABELED, axis_of, drawing
from dashboard.figures.base import CannotShow, FigureSpec
from hmw_core.criteria.of_run import pick_criterion
from hmw_core.errors import UsageError
from hmw_core.log.reader import RunReader
from hmw_core.samples.compare import paired_scores


def prepare(
    runs: Sequence[RunReader],
    criterion: str = "iam",
    epoch: int | None = None,
    budget: int | None = None,
    ranks: bool = False,
) -> pd.DataFrame:
    """Return sample_id, group, x, y, axis_x, axis_y, cut_x, cut_y, n_missing of two runs' samples.

    `x` is the criterion in the first run and `y` in the second, or with `ranks` the place in the
    order of suspicion, 1 for the most suspicious. `group` is clean, mislabeled or unknown, or says
    that the two runs were given different labels. `cut_x` and `cut_y` are where the `budget` most
    suspicious samples of each run end, NaN without a budget. `n_missing` samples lack a score in
    one of the runs, and have no row.
    """
    if len(runs) < 2:
        raise CannotShow("scores of the same samples are compared between two runs; choose another")
    a, b = runs[:2]
    try:
        pairs = paired_scores(a, b, criterion, epoch)
    except UsageError as reason:
        raise CannotShow(str(reason)) from None
    what = "rank" if ranks else "score"
    places = pairs[[f"{what}_a", f"{what}_b"]].astype("float64").set_axis(["x", "y"], axis=1)
    table = places.assign(group=_groups(pairs)).dropna(subset=["x", "y"])
    if table.empty:
        raise CannotShow(f"no sample has a score in both {a.name!r} and {b.name!r}")
    for side, run, place in (("a", a, "x"), ("b", b, "y")):
        rank = pairs[f"rank_{side}"]
        cut = np.nan
        if budget is not None and rank.notna().any():
            last = rank.where(rank.le(budget)).max()
            cut = float(pairs.loc[rank.eq(last).fillna(False), f"{what}_{side}"].iloc[0])
        table[f"cut_{place}"] = cut
        table[f"axis_{place}"] = axis_of(pick_criterion(run, criterion), ranks, run.pass_name)
        table[f"run_{place}"] = run.name
    table["n_missing"] = len(pairs) - len(table)
    columns = ["sample_id", "group", "x", "y", "run_x", "run_y", "axis_x", "axis_y"]
    return table.reset_index()[[*columns, "cut_x", "cut_y", "n_missing"]]


def _groups(pairs: pd.DataFrame) -> np.ndarray:
    wrong = pairs["is_mislabeled_a"]
    group = np.where(wrong.fillna(False), "mislabeled", "clean").astype(object)
    group[wrong.isna()] = "unknown"
    group[pairs["given_label_a"].ne(pairs["given_label_b"])] = RELABELED
    return group


FIGURE = FigureSpec(
    title="The same samples in two runs",
    paper="",
    look_for=(
        "Samples far from the others' band: one run finds them suspicious and the other does not. "
        "Each run flags the samples beyond its dotted line."
    ),
    prepare=prepare,
    drawing=drawing,
    many=True,
    n_runs=2,
)
