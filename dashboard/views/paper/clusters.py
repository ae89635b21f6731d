"""Clusters (Fig. 4): the features of two runs in the plane, side by side."""

import streamlit as st

from dashboard import runs
from dashboard.figures.paper.clusters import COLOURS
from dashboard.views.parts.blocks import offer_map, show_figure
from dashboard.views.parts.choices import choose, with_asked
from hmw_core.criteria.of_run import criteria_of, title_of
from hmw_core.feature_space.embeddings import TITLES
from hmw_core.log.reader import RunReader

LABELS = {
    "given_label": "Given label",
    "true_label": "True label",
    "is_mislabeled": "Clean or mislabeled",
}
NONE = "none"
METHODS = {"auto": "t-SNE, or UMAP over 5,000 samples", **TITLES}


def show(run: RunReader, given_label: int | None) -> None:
    """Show the tab."""
    st.caption(
        "Whether training gathered the samples by their true class or by the label they got."
    )
    others = [other for other in runs.all_runs()[0] if other.name != run.name]
    same_data = [o for o in others if o.info["dataset"]["name"] == run.info["dataset"]["name"]]
    by_name = {other.name: other for other in others}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        beside = choose(
            "beside",
            "Run beside it",
            [NONE, *by_name],
            default=1 + list(by_name).index(same_data[0].name) if same_data else 0,
        )
        colour = choose(
            "colour",
            "Colour",
            [*COLOURS, *with_asked(list(criteria_of(run)), "colour")],
            shown=lambda name: LABELS.get(name) or title_of(name),
            default=COLOURS.index("true_label" if run.has_true_label else "given_label"),
        )
        method = choose("map", "Map", list(METHODS), shown=METHODS.__getitem__)
    shown = [run, *([by_name[beside]] if beside != NONE else [])]
    if all([offer_map(each, method) for each in shown]):
        show_figure("clusters", shown, colour=colour, method=method)
