"""How alike each two criteria rank the samples, and how many flagged ones they have in common."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pandas as pd

from dashboard.drawing.marks import Axis, Cells, Drawing, Panel, cell_texts
from dashboard.figures.base import CannotShow, FigureSpec
from dashboard.figures.selection import absent_criteria, check_epoch
from hmw_core.criteria.compute import without_absent
from hmw_core.criteria.kept import score_table
from hmw_core.criteria.of_run import main_criteria_of, pick_criterion, title_of
from hmw_core.laboratory.agreement import agreement, usual_budget
from hmw_core.log.reader import RunReader


def prepare(
    run: RunReader,
    criteria: Sequence[str] | None = None,
    budget: int | None = None,
    epoch: int | None = None,
) -> pd.DataFrame:
    """Return `agreement.agreement`'s table with titles, budget and epoch, like ones side by side.

    `budget` is by default as many as are mislabeled, or 5 % where that is not known. `duel` is the
    address of the page that shows the two, `absent` says which criteria the source cannot give.
    """
    last = check_epoch(run, epoch)
    names = list(main_criteria_of(run) if criteria is None else dict.fromkeys(criteria))
    asked = {name: pick_criterion(run, name) for name in names}
    lacks = absent_criteria(run, names)
    there = list(without_absent(asked, run))
    scores = score_table(run, there, epoch).dropna(axis="columns", how="all")
    if scores.shape[1] < 2:
        why = f"; it has {lacks}" if lacks else ""
        raise CannotShow(
            f"agreement needs two criteria with scores, and run {run.name!r} has "
            f"{scores.shape[1]} of those chosen{why}"
        )
    flagged = usual_budget(run.samples()["is_mislabeled"]) if budget is None else budget
    table = agreement(scores, asked, min(flagged, run.n_samples))
    table = table.assign(
        title=[title_of(name) for name in table["criterion"]],
        against_title=[title_of(name) for name in table["against"]],
        budget=min(flagged, run.n_samples),
        epoch=last,
    )
    table["duel"] = [
        "duel?"
        + urlencode({"run": run.name, "criterion": r.criterion, "against": r.against})
        + f"&budget={r.budget}"
        for r in table.itertuples()
    ]
    return table.assign(absent=lacks) if lacks else table


def drawing(table: pd.DataFrame) -> Drawing:
    """Draw `prepare`'s table; on the screen a number leads to the duel of its two criteria."""
    names, first = list(dict.fromkeys(table["criterion"])), table.iloc[0]
    titles = list(dict.fromkeys(table["title"]))
    chance = table["shared_by_chance"].median()
    links = _matrix(table, "duel", names)
    panels = []
    for column, low, bar, title in (
        (
            "rho",
            -1.0,
            "Rank correlation",
            f"Spearman’s rank correlation\nall samples, epoch {first['epoch']}",
        ),
        (
            "shared",
            0.0,
            "Share in common",
            f"Share in common of the {first['budget']:,} flagged\nby chance {chance:.2f}",
        ),
    ):
        values = _matrix(table, column, names).astype(float)
        np.fill_diagonal(values, 1.0)  # each agrees with itself
        hover = np.array([[f"{a} and {b}: " for b in titles] for a in titles], dtype=object)
        hover += cell_texts(values, ".3f")
        look: dict[str, Any] = {
            "links": links,
            "limits": (low, 1.0),
            "diverging": low < 0,
            "bar": bar,
        }
        cells = Cells(values, cell_texts(values, ".2f"), hover, **look)
        x, y = Axis("Against", names=titles), Axis("Criterion", names=titles)
        panels.append(Panel([cells], x, y, title))
    return Drawing(panels, share_y=True)


def _matrix(table: pd.DataFrame, column: str, names: list[str]) -> np.ndarray:
    """Return a column as (criterion, against)."""
    wide = table.pivot(index="criterion", columns="against", values=column)
    return wide.loc[names, names].to_numpy(copy=True)


FIGURE = FigureSpec(
    title="Which criteria agree",
    paper="",
    look_for=(
        "Blocks of criteria that say the same: adding a second one of a block to a review brings "
        "little that is new. Criteria that share many flagged samples while their ranks differ "
        "agree about the worst ones only. A number opens the duel of its two criteria."
    ),
    prepare=prepare,
    drawing=drawing,
)
