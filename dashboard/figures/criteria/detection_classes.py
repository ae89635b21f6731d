"""One measure of every criterion inside each class, as a grid."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure

from dashboard.drawing.panels import paper_panels
from dashboard.drawing.text import on_screen
from dashboard.figures.base import FigureSpec
from dashboard.figures.criteria.detection_common import (
    check_contest,
    contest_title,
    measure_title,
    paper_grid,
    paper_title,
    ranked_names,
    screen_grid,
    screen_title,
    with_contest,
)
from hmw_core.criteria.of_run import title_of
from hmw_core.laboratory.contest import contest
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
    held = contest(run, asked.names, asked.epoch, hard=asked.hard, budget=budget, n_resamples=0)
    table = by_class(
        run, asked.names, asked.epoch, hard=asked.hard, budget=budget, n_resamples=N_RESAMPLES
    )
    table = table[table["measure"] == measure].drop(columns="measure")
    table = table.rename(columns={f"n_{n}": f"of_{n}" for n in ("clean", "mislabeled", "flagged")})
    order = ranked_names(run, held, measure)
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
    return with_contest(table.reset_index(drop=True), asked, held, budget).assign(
        measure=name, n_resamples=N_RESAMPLES
    )


def draw(table: pd.DataFrame) -> go.Figure:
    """Draw `prepare`'s table for the screen."""
    value, rows, columns, part = _grid(table)
    cells = np.full(value.shape, "", dtype=object)
    hover = np.full(value.shape, "", dtype=object)
    for place, row in zip(np.ndindex(*value.shape), part.itertuples(), strict=True):
        counts = f"{row.of_clean:,} clean, {row.of_mislabeled:,} mislabeled"
        about = f"{on_screen(row.class_title)}, {on_screen(row.title)}<br>{counts}"
        if row.too_few:
            cells[place] = "too few"
            hover[place] = f"{about}<br>too few to tell"
            continue
        cells[place] = f"{row.value:.3f}"
        hover[place] = f"{about}<br>{row.value:.3f}, 95 % interval {row.low:.3f} to {row.high:.3f}"
    figure = screen_grid(
        value,
        rows,
        columns,
        cells,
        hover,
        limits=_limits(value),
        bar=table["measure"].iloc[0],
    )
    figure.update_layout(title=screen_title(contest_title(table)))
    figure.update_xaxes(title="Criterion")
    figure.update_yaxes(title="Given label (mislabeled samples)")
    return figure


def typeset(table: pd.DataFrame, width: float) -> Figure:
    """Typeset `prepare`'s table for a file of `width` inches."""
    value, rows, columns, _ = _grid(table)
    texts = [["" if np.isnan(v) else f"{v:.2f}".lstrip("0") for v in line] for line in value]
    aspect = min(2.2, (1.5 + 0.16 * len(rows)) / width)
    with paper_panels(width, 1, max(aspect, 0.55)) as (figure, [axes]):
        paper_grid(
            axes,
            value,
            rows,
            columns,
            np.array(texts, dtype=object),
            limits=_limits(value),
            bar=table["measure"].iloc[0],
            room=72 * width * 0.42 / len(columns),
        )
        axes.set_xlabel("Criterion")
        axes.set_ylabel("Given label (mislabeled)")
        axes.set_title(paper_title(contest_title(table), width))
    return figure


def _grid(table: pd.DataFrame) -> tuple[np.ndarray, list[str], list[str], pd.DataFrame]:
    """Return the values (class, criterion), NaN where too few, both titles, and rows in order."""
    columns = list(dict.fromkeys(table["title"]))
    labels = table["given_label"].astype("object").where(table["given_label"].notna(), "all")
    heads = table.loc[~labels.duplicated(), ["class_title", "of_mislabeled"]]
    rows = [f"{row.class_title} ({row.of_mislabeled:,})" for row in heads.itertuples()]
    value = table["value"].where(~table["too_few"]).to_numpy(dtype=float)
    return value.reshape(len(rows), len(columns)), rows, columns, table


def _limits(value: np.ndarray) -> tuple[float, float]:
    known = value[~np.isnan(value)]
    if not len(known):
        return 0.0, 1.0
    low, high = float(known.min()), float(known.max())
    return (low, high) if high - low > 0.01 else (low - 0.01, high)


FIGURE = FigureSpec(
    title="Measures inside each class",
    paper="",
    look_for=(
        "Rows in which the order of the criteria turns round: a criterion that leads among all "
        "classes may do so by comparing classes, not samples. Few mislabeled samples make wide "
        "intervals (shown on hover); nothing is drawn where a group has fewer than five."
    ),
    prepare=prepare,
    draw=draw,
    typeset=typeset,
)
