"""Fig. 4: the features of whole runs in the plane, side by side."""

import streamlit as st

from dashboard.figures.paper.clusters import COLOURS
from dashboard.views.paper.shown import Shown, choose_map
from dashboard.views.parts.blocks import offer_map
from dashboard.views.parts.choices import choose, with_asked
from hmw_core.criteria.of_run import criteria_of, title_of

LABELS = {
    "given_label": "given label",
    "true_label": "true label",
    "is_mislabeled": "clean or mislabeled",
}


def show(shown: Shown) -> None:
    """Show the tab."""
    run = shown.run
    with st.container(horizontal=True):
        choose(
            "colour",
            "Colour",
            [*COLOURS, *with_asked(list(criteria_of(run)), "colour")],
            shown=lambda name: f"Coloured by {LABELS.get(name) or title_of(name)}",
            labelled=False,
            default=COLOURS.index("true_label" if run.has_true_label else "given_label"),
        )
        method = choose_map()
    if all([offer_map(each, method) for each in shown.runs]):
        shown.show("clusters")
