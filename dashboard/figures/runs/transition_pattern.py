"""Which pattern of noise explains the flips best: how far each is behind the best one in BIC."""

import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure

from dashboard.drawing.panels import paper_panels, screen_panels
from dashboard.drawing.style import BLUE, GREEN
from dashboard.figures.base import CannotShow, FigureSpec
from hmw_core.errors import UsageError
from hmw_core.laboratory.duel import suggested_budget
from hmw_core.laboratory.transition import believed_by_suggestions, measured_counts, pair_counts
from hmw_core.laboratory.transition_pattern import classify_pattern, known_groups
from hmw_core.log.reader import RunReader

AXIS = "Behind the best in BIC"
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
    counts = None if measured is False else measured_counts(run)
    if measured and counts is None:
        raise CannotShow(f"run {run.name!r} knows no true label, so its noise cannot be measured")
    groups = known_groups(run.class_names)
    of = "measured"
    try:
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


def draw(table: pd.DataFrame) -> go.Figure:
    """Draw `prepare`'s table for the screen."""
    figure = screen_panels([_title(table, question) for question in QUESTIONS], height=260)
    for column, question in enumerate(QUESTIONS, start=1):
        part = table[table["question"] == question].iloc[::-1]
        figure.add_bar(
            x=part["behind"],
            y=part["hypothesis"],
            orientation="h",
            marker={"color": [GREEN if best else BLUE for best in part["is_best"]]},
            text=_texts(part),
            textposition="outside",
            cliponaxis=False,
            customdata=part[["statement", "n_parameters"]].to_numpy(),
            hovertemplate="%{customdata[0]}<br>numbers to be told: %{customdata[1]}<br>"
            "%{x:.1f} behind in BIC<extra></extra>",
            showlegend=False,
            row=1,
            col=column,
        )
        most = max(float(part["behind"].max()), 1.0)
        figure.update_xaxes(title=AXIS, range=[0, 1.45 * most], row=1, col=column)
        figure.update_yaxes(title="Pattern", row=1, col=column)
    return figure


def typeset(table: pd.DataFrame, width: float) -> Figure:
    """Typeset `prepare`'s table for a file of `width` inches."""
    with paper_panels(width, len(QUESTIONS), 0.5) as (figure, all_axes):
        for axes, question in zip(all_axes, QUESTIONS, strict=True):
            part = table[table["question"] == question].iloc[::-1]
            colours = [GREEN if best else BLUE for best in part["is_best"]]
            axes.barh(part["hypothesis"], part["behind"], color=colours)
            for y, (x, text) in enumerate(zip(part["behind"], _texts(part), strict=True)):
                axes.annotate(text, (x, y), (3, 0), textcoords="offset points", va="center")
            axes.set_xlim(0, 1.3 * max(float(part["behind"].max()), 1.0))
            axes.set_xlabel(AXIS)
            axes.set_ylabel("Pattern")
            axes.set_title(_title(table, question))
    return figure


def _title(table: pd.DataFrame, question: str) -> str:
    of = "measured" if table["of"].iloc[0] == "measured" else "as believed"
    return f"{QUESTIONS[question]}, {of}"


def _texts(part: pd.DataFrame) -> list[str]:
    return [
        "best" if best else f"{behind:,.1f}"
        for best, behind in zip(part["is_best"], part["behind"], strict=True)
    ]


FIGURE = FigureSpec(
    title="The pattern of the noise",
    paper="",
    look_for=(
        "How far the second-best pattern is behind: below 2 the two cannot be told apart, above "
        "10 the evidence is very strong. Patterns believed by a training carry its mistakes too."
    ),
    prepare=prepare,
    draw=draw,
    typeset=typeset,
)
