"""One measure of every criterion inside each class, as a grid."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dashboard.drawing.marks import Axis, Cells, Drawing, Panel
from dashboard.figures.base import CannotShow, FigureSpec
from dashboard.figures.criteria.detection_common import (
    check_contest,
    contest_title,
    limits_of,
    measure_title,
    ranked_names,
    with_contest,
)
from hmw_core.criteria.of_run import title_of
from hmw_core.errors import UsageError
from hmw_core.laboratory.contest import contest_of
from hmw_core.laboratory.contest_tables import by_class
from hmw_core.log.reader import RunReader
from hmw_core.samples.groups import HARD_FRACTION

ENOUGH = 5  # samples of the smaller group; of fewer, a measure is mostly chance
N_RESAMPLES = 200  # of each class


def prepare(
    run: RunReader,
    criteria: Sequence[str] | None = None,
    epoch: int | None = None,
    hard_by: str | None = None,
    hard_fraction: float = HARD_FRACTION,
    hard_from: str | None = None,
    budget: float | int | None = None,
    measure: str = "auroc",
) -> pd.DataFrame:
    """Return given_label (null: all), class_title, criterion, title, value, low, high, counts.

    `of_clean`, `of_mislabeled` and `of_flagged` are the class's counts; `too_few` says that the
    smaller group has fewer than `ENOUGH` samples, where nothing is drawn. Classes stand by how
    many mislabeled samples they have. Options as `detection_pairs`'; a budget that is a number is
    of each class.
    """
    asked = check_contest(run, criteria, epoch, None, hard_by, hard_fraction, hard_from)
    name = measure_title(measure)
    contest = contest_of(
        run, asked.names, asked.epoch, hard=asked.hard, budget=budget, n_resamples=0
    )
    try:
        table = by_class(
            run, asked.names, asked.epoch, hard=asked.hard, budget=budget, n_resamples=N_RESAMPLES
        )
    except UsageError as reason:
        raise CannotShow(str(reason)) from None
    table = table[table["measure"] == measure].drop(columns="measure")
    table = table.rename(columns={f"n_{n}": f"of_{n}" for n in ("clean", "mislabeled", "flagged")})
    order = ranked_names(run, contest, measure)
    table = table[table["criterion"].isin(order)].copy()
    table["place"] = table["criterion"].map(order.index)
    table["is_class"] = table["given_label"].notna()
    by = ["is_class", "of_mislabeled", "given_label", "place"]
    table = table.sort_values(by, ascending=[True, False, True, True], kind="stable")
    names = [
        "all classes" if pd.isna(label) else run.class_names[label]
        for label in table["given_label"]
    ]
    table = table.drop(columns=["place", "is_class"]).assign(
        class_title=names,
        title=table["criterion"].map(title_of),
        too_few=table[["of_clean", "of_mislabeled"]].min(axis=1) < ENOUGH,
    )
    return with_contest(table.reset_index(drop=True), asked, contest, budget).assign(
        measure=name, n_resamples=N_RESAMPLES
    )


def drawing(table: pd.DataFrame) -> Drawing:
    """Draw `prepare`'s table: a row a class, open where it has too few samples."""
    columns = list(dict.fromkeys(table["title"]))
    heads = table.iloc[:: len(columns)]
    names = [f"{row.class_title} ({row.of_mislabeled:,})" for row in heads.itertuples()]
    texts, short, hover = [], [], []
    for row in table.itertuples():
        counts = f"{row.of_clean:,} clean, {row.of_mislabeled:,} mislabeled"
        said = f"{row.value:.3f}, 95 % interval {row.low:.3f} to {row.high:.3f}"
        texts.append("too few" if row.too_few else f"{row.value:.3f}")
        short.append("" if row.too_few else f"{row.value:.2f}".lstrip("0"))
        said = "too few to tell" if row.too_few else said
        hover.append(f"{row.class_title}, {row.title}\n{counts}\n{said}")
    shape = (len(names), len(columns))
    value = table["value"].where(~table["too_few"]).to_numpy(dtype=float).reshape(shape)
    written, told, brief = (
        np.array(some, dtype=object).reshape(shape) for some in (texts, hover, short)
    )
    bar = table["measure"].iloc[0]
    cells = Cells(value, written, told, brief, limits=limits_of(value), bar=bar)
    y = Axis("Given label (mislabeled samples)", names=names)
    panel = Panel([cells], Axis("Criterion", names=columns), y)
    return Drawing([panel], "\n".join(contest_title(table)))


FIGURE = FigureSpec(
    title="Measures inside each class",
    paper="",
    look_for=(
        "Rows in which the order of the criteria turns round: a criterion that leads among all "
        "classes may do so by comparing classes, not samples. Few mislabeled samples make wide "
        "intervals (shown on hover); nothing is drawn where a group has fewer than five."
    ),
    prepare=prepare,
    drawing=drawing,
)
