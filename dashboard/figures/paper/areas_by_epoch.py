"""Fig. 2's two areas as they grow: AUM and TKUM over the epochs so far."""

from collections.abc import Sequence

import pandas as pd

from dashboard.drawing.marks import EPOCH, Axis, Drawing, Line, Panel, Rule
from dashboard.drawing.style import role_looks
from dashboard.figures.base import FigureSpec
from dashboard.figures.paper.logit_means import logit_means
from dashboard.figures.selection import of_class, of_pass
from hmw_core.log.reader import RunReader
from hmw_core.samples.groups import HARD_BY

AREAS = {"aum": ("AUM", "AUM so far (logit)"), "tkum": ("TKUM", "TKUM so far (logit)")}


def prepare(
    run: RunReader,
    given_label: int | None = None,
    sample_ids: Sequence[int] | None = None,
    group: str | None = None,
    hard_by: str = HARD_BY,
) -> pd.DataFrame:
    """Return panel, title, n_samples, class_name, epoch, aum and tkum (logit), options as `logits`.

    Both are means of the slices over the epochs so far, epochs in which a sample was not seen left
    out; of a group, means of its mean slices. `tkum` is NaN with two classes.
    """
    table = logit_means(run, ["margin", "tkum"], given_label, sample_ids, group, hard_by)
    table = table.rename(columns={"margin": "aum"})
    for name in AREAS:
        by_line = table.sort_values("epoch").groupby("title")[name]
        table[name] = by_line.transform(lambda slices: slices.expanding().mean())
    return table


def drawing(table: pd.DataFrame) -> Drawing:
    """Draw `prepare`'s table: a panel an area that exists, a line a sample or group."""
    parts = [part for _, part in table.groupby("title", sort=False)]
    looks = role_looks([part["panel"].iloc[0] for part in parts])
    panels = []
    for area, (name, axis) in AREAS.items():
        if table[area].isna().all():  # with two classes there is no TKUM
            continue
        marks = [
            Line(part["epoch"], part[area], colour, part["title"].iloc[0], dash)
            for part, (colour, dash) in zip(parts, looks, strict=True)
        ]
        marks_and_zero = [*marks, Rule(y=0, dash="solid")]
        panels.append(Panel(marks_and_zero, EPOCH, Axis(f"{axis}, {of_pass(table)}"), name))
    return Drawing(panels, of_class(table))


FIGURE = FigureSpec(
    title="AUM and TKUM by epoch",
    paper="",
    look_for=(
        "Where the mislabeled line parts from the hard one, and whether it comes back: a mean over "
        "all epochs keeps what the early ones showed."
    ),
    look_for_unknown="Lines that stay low in AUM and high in TKUM: such samples are suspicious.",
    prepare=prepare,
    drawing=drawing,
)
