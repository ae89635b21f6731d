"""Fig. 2: the given logit, the largest other one and the next, with the areas between them."""

from collections.abc import Sequence

import pandas as pd

from dashboard.drawing.marks import EPOCH, Axis, Band, Drawing, Line, Mark, Panel
from dashboard.drawing.style import BLUE, GREEN
from dashboard.drawing.text import shorten
from dashboard.figures.base import FigureSpec
from dashboard.figures.paper.logit_means import logit_means
from dashboard.figures.selection import of_pass
from hmw_core.log.reader import RunReader

# Bottom first: on screen, an area reaches down to the line drawn before it.
# Above which line, down to which one, and in which colour; blue is TKUM, as in the paper.
AREAS = {
    "other_logit": ("TKUM area", "topk_logit", BLUE),
    "given_logit": ("AUM area", "other_logit", GREEN),
}


def prepare(
    run: RunReader,
    given_label: int | None = None,
    sample_ids: Sequence[int] | None = None,
    group: str | None = None,
) -> pd.DataFrame:
    """Return panel, title, n_samples, class_name, epoch, the three logits, and k of the last.

    A panel is a sample, or with ``group="mean"`` the mean over the clean, hard or mislabeled
    samples of the class. `topk_logit` is NaN with two classes, where it does not exist.
    """
    names = ["given_logit", "other_logit", "topk_logit"]
    table = logit_means(run, names, given_label, sample_ids, group)
    return table.assign(k=run.info["weighting"]["k"])


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
            if below in names:
                marks.append(Band(part["epoch"], part[below], part[name], colour, area))
        title = f"{shorten(part['title'].iloc[0], 36)}\n{shorten(part['class_name'].iloc[0], 30)}"
        panels.append(Panel(marks, EPOCH, Axis(f"Logit, {of_pass(table)}"), title))
    return Drawing(panels, share_y=True, aspect=0.7)


# Top first, as they lie.
DASHES = {"given_logit": "solid", "other_logit": "dash", "topk_logit": "dot"}


def _line_title(table: pd.DataFrame, name: str) -> str:
    k = table["k"].iloc[0]
    third = "third logit" if k == 1 else f"mean of the next {k}"
    return {"given_logit": "given logit", "other_logit": "largest other"}.get(name, third)


FIGURE = FigureSpec(
    title="Given, largest other and next logit",
    paper="Fig. 2",
    look_for=(
        "The areas: AUM between the given and the largest other logit (where the given one lies "
        "lower it counts as negative), TKUM between the largest other and the next. The paper "
        "expects the two lower lines close together for a clean sample, and a gap between them "
        "for a mislabeled one. As groups, hard are the tenth of the clean samples of largest last "
        "loss."
    ),
    prepare=prepare,
    drawing=drawing,
)
