"""Fig. 1: an easy, a hard and a mislabeled sample, and what tells such apart."""

from functools import partial

import streamlit as st

from dashboard.views.paper.shown import Shown
from dashboard.views.parts.choices import (
    choose,
    choose_k,
    criterion_title,
)
from hmw_core.criteria.compute import without_absent
from hmw_core.criteria.of_run import criteria_of

ALSO = {
    "distributions": "Distributions",
    "auroc_by_epoch": "AUROC by epoch",
    "detection": "AUROC with intervals",
}


def show(shown: Shown) -> None:
    """Show the tab."""
    run = shown.run
    shown.show("curves")
    shown.offer_samples(epoch=True)
    also = choose("also", "Whether this holds for all samples", list(ALSO), shown=ALSO.__getitem__)
    if also == "distributions":
        names = list(without_absent(criteria_of(run), run))
        title = partial(criterion_title, run)
        left, right = st.columns(2)
        first = choose("first", "Criterion", names, shown=title, container=left)
        rest = [name for name in names if name != first]
        if rest:
            default = rest.index("iam") if "iam" in rest else 0
            second = choose(
                "second", "Beside it", rest, shown=title, default=default, container=right
            )
            choose_k(run, [first, second])
    shown.show(also)
