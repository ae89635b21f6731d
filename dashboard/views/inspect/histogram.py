"""A histogram of any criterion at any epoch, which is dragged to filter."""

from functools import partial

import numpy as np
import streamlit as st

from dashboard.cached import inspected
from dashboard.presenters import score_histogram
from dashboard.views.inspect.state import Inspected
from dashboard.views.parts.blocks import CONFIG
from dashboard.views.parts.choices import DIRECTION, choose, criterion_title, with_asked
from dashboard.views.parts.sample_filters import set_limit
from hmw_core.criteria.compute import without_absent
from hmw_core.criteria.of_run import criteria_of, pick_criterion

CHART = "chart histogram"


def show(it: Inspected) -> None:
    """Show the histogram."""
    run, samples, passed, given_label = it.run, it.samples, it.passed, it.given_label
    there = list(without_absent(criteria_of(run), run))
    if not there or not run.last_epoch:
        st.info("There is no score to draw before the first whole epoch.", icon=":material/info:")
        return
    names = with_asked(there, "histogram")
    first = names.index(it.chosen.criterion) if it.chosen.criterion in names else 0
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = choose(
            "histogram", "Criterion", names, shown=partial(criterion_title, run), default=first,
            quiet=True, help=DIRECTION,
        )  # fmt: skip
        of_page = it.chosen.epoch or run.last_epoch
        epochs = [str(at) for at in range(run.last_epoch, 0, -1)]
        first = epochs.index(str(of_page))
        at = int(choose("histogram_epoch", "Up to epoch", epochs, default=first, quiet=True))
    score = inspected.score_at(run, name, at)
    if not np.isfinite(score).any():
        st.info("No sample has a score there.", icon=":material/info:")
        return
    left_out = ~passed if given_label is None else (samples.given_label == given_label) & ~passed
    st.plotly_chart(
        score_histogram.draw(
            score, passed, left_out, samples.is_mislabeled, pick_criterion(run, name)
        ),
        key=CHART,
        config=CONFIG,
        on_select=partial(_filter, name, None if at == of_page else at, score),
        selection_mode=("box",),
        alt="Histogram of the scores: drag over a range to show only its samples",
    )
    st.caption(
        "In colour what passes the filters, pale what does not. Drag over a range to show only its "
        "samples; “Show all” takes it back. Scores far from all others are in the outermost bars."
    )


def _filter(name: str, epoch: int | None, score: np.ndarray) -> None:
    boxes = st.session_state[CHART]["selection"]["box"]
    if boxes:
        low, high = score_histogram.limits_of(boxes[0], score)
        set_limit(name, epoch, low, high)
