"""Which pattern of noise explains the flips best: how far each is behind the best one in BIC."""

import pandas as pd

from dashboard.drawing.marks import Axis, Bars, Drawing, Panel
from dashboard.drawing.style import BLUE, GREEN
from dashboard.figures.base import CannotShow, FigureSpec
from hmw_core.errors import UsageError
from hmw_core.laboratory.duel import suggested_budget
from hmw_core.laboratory.transition import believed_by_suggestions, measured_counts, pair_counts
from hmw_core.laboratory.transition_pattern import classify_pattern, known_groups
from hmw_core.log.reader import RunReader

QUESTIONS = {"where to": "Where flips go", "how often": "How often"}


def prepare(
    run: RunReader,
    measured: bool | None = None,
    criterion: str = "iam",
    budget: int | None = None,
    epoch: int | None = None,
) -> pd.DataFrame:
    """Return `classify_pattern`'s table with `of`: which counts it is about.

    `measured` counts are those of the known true labels, the others those of flagged samples'
    suggestions; by default the measured ones, where they are known.
    """
    groups = known_groups(run.class_names)
    of = "measured"
    try:
        counts = None if measured is False else measured_counts(run)
        if measured and counts is None:
            raise UsageError(
                f"run {run.name!r} knows no true label, so its noise cannot be measured"
            )
        if run.last_epoch == 0:
            raise UsageError(f"run {run.name!r} has no finished epoch yet, so it is too early")
        if counts is None:
            of = "believed"
            wrong = run.samples()["is_mislabeled"]
            flagged = suggested_budget(wrong)[0] if budget is None else budget
            believed = believed_by_suggestions(run, flagged, criterion, epoch)
            counts = pair_counts(believed["believed_label"], believed["given_label"], run.n_classes)
        table = classify_pattern(counts, None if groups is None else groups[0])
    except UsageError as reason:
        raise CannotShow(str(reason)) from None
    return table.assign(of=of)


def drawing(table: pd.DataFrame) -> Drawing:
    """Draw `prepare`'s table: a panel a question, a bar a pattern."""
    of = "measured" if table["of"].iloc[0] == "measured" else "as believed"
    panels = []
    for question, title in QUESTIONS.items():
        part = table[table["question"] == question]
        rows = list(zip(part["is_best"], part["behind"], strict=True))
        bars = Bars(
            range(len(part)),
            part["behind"],
            [GREEN if best else BLUE for best, _ in rows],
            ["best" if best else f"{behind:,.1f}" for best, behind in rows],
            across=True,
            hover="%{customdata[0]}<br>numbers to be told: %{customdata[1]}<br>"
            "%{x:.1f} behind in BIC",
            data=part[["statement", "n_parameters"]],
        )
        most = max(float(part["behind"].max()), 1.0)
        x = Axis("Behind the best in BIC", (0, 1.45 * most))
        y = Axis("Pattern", names=part["hypothesis"].to_list())
        panels.append(Panel([bars], x, y, f"{title}, {of}"))
    return Drawing(panels)


FIGURE = FigureSpec(
    title="The pattern of the noise",
    paper="",
    look_for=(
        "How far the second-best pattern is behind: below 2 the two cannot be told apart, above "
        "10 the evidence is very strong. Patterns believed by a training carry its mistakes too."
    ),
    prepare=prepare,
    drawing=drawing,
)
