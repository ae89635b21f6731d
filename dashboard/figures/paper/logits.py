"""Fig. 2: the given logit, the largest other one and the next, with the areas between them."""

from collections.abc import Sequence

import pandas as pd

from dashboard.drawing.marks import EPOCH, Axis, Band, Drawing, Line, Mark, Panel
from dashboard.drawing.text import shorten
from dashboard.figures.base import FigureSpec
from dashboard.figures.paper.logit_means import logit_means
from dashboard.figures.selection import of_class, of_pass
from hmw_core.log.reader import RunReader
from hmw_core.samples.groups import HARD_BY

# Bottom first: on screen, an area reaches down to the line drawn before it.
# Above which line, down to which one, and in which colour.
AREAS = {
    "other_logit": ("TKUM area", "topk_logit", "tkum_area"),
    "given_logit": ("AUM area", "other_logit", "aum_area"),
}


def prepare(
    run: RunReader,
    given_label: int | None = None,
    sample_ids: Sequence[int] | None = None,
    group: str | None = None,
    hard_by: str = HARD_BY,
    aum_area: bool = False,
) -> pd.DataFrame:
    """Return panel, title, n_samples, class_name, epoch, the three logits, and k of the last.

    A panel is a sample, or with ``group="mean"`` the mean over the clean, hard or mislabeled
    samples of the class, by `hard_by`. `topk_logit` is NaN with two classes, where it does not
    exist. `aum_area` asks for AUM's area, too: the paper shades TKUM's alone, and where the given
    logit is lowest the two lie over each other.
    """
    names = ["given_logit", "other_logit", "topk_logit"]
    table = logit_means(run, names, given_label, sample_ids, group, hard_by)
    return table.assign(k=run.info["weighting"]["k"], aum_area=aum_area)


def drawing(table: pd.DataFrame) -> Drawing:
    """Draw `prepare`'s table: a panel a sample or group, with the areas between its lines."""
    names = [name for name in DASHES if table[name].notna().any()]
    panels = []
    for _, part in table.groupby("title", sort=False):
        marks: list[Mark] = []
        for name in names:
            title = _line_title(table, name)
            marks.append(Line(part["epoch"], part[name], name, title, DASHES[name]))
            area, below, colour = AREAS.get(name, ("", "", ""))
            if below in names and (name == "other_logit" or table["aum_area"].iloc[0]):
                marks.append(Band(part["epoch"], part[below], part[name], colour, area))
        title = shorten(part["title"].iloc[0], 44)
        panels.append(Panel(marks, EPOCH, Axis(f"Logit, {of_pass(table)}"), title))
    return Drawing(panels, of_class(table), share_y=True, aspect=0.7)


# Top first, as they lie.
DASHES = {"given_logit": "solid", "other_logit": "dash", "topk_logit": "dot"}


def _line_title(table: pd.DataFrame, name: str) -> str:
    k = table["k"].iloc[0]
    third = "top-k averaged logit" if k == 1 else f"top-{k} averaged logit"
    return {"given_logit": "given logit", "other_logit": "largest other"}.get(name, third)


FIGURE = FigureSpec(
    title="Given, largest other and next logit",
    paper="Fig. 2",
    look_for=(
        "The shaded area is TKUM, between the largest other logit and the next. The paper expects "
        "these two close together for a clean sample, easy or hard, and a gap between them for a "
        "mislabeled one. AUM is the distance from the given logit down to the largest other; where "
        "the given one lies lower, it counts as negative."
    ),
    look_for_unknown=(
        "The shaded area is TKUM, between the largest other logit and the next: the paper expects "
        "it narrow for a clean sample and wide for a mislabeled one. No true label is known here."
    ),
    prepare=prepare,
    drawing=drawing,
)
