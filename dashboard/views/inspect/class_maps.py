"""Class (Figs. 5, 6): one class in the plane, its weights, and the pictures of its samples."""

import streamlit as st

from dashboard import runs
from dashboard.cached import samples as cached_samples
from dashboard.figures.selection import absent_criteria
from dashboard.presenters.gallery import ranked, selected_ids
from dashboard.views.parts.blocks import (
    gallery,
    offer_map,
    say_absent,
    selection_of,
    show_figure,
)
from dashboard.views.parts.choices import choose_criterion, choose_epoch
from hmw_core.criteria import MAIN_CRITERIA
from hmw_core.criteria.of_run import pick_criterion
from hmw_core.log.reader import RunReader


def show(run: RunReader, given_label: int) -> None:
    """Show the tab."""
    st.caption("Draw a lasso or a box around samples on either map to see their pictures.")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        criterion = choose_criterion(run, "Rank by", only_present=True)
        first = st.segmented_control(
            "Suspicious ones", ["first", "last"], default="first", required=True
        )
        epoch = choose_epoch(run)

    say_absent(absent_criteria(run, MAIN_CRITERIA))
    score = cached_samples.scores(run, criterion, epoch, given_label)
    outlines = {}
    if offer_map(run, "auto", given_label):
        left, right = st.columns(2)
        with left:
            show_figure("class_clusters", [run], select=True, given_label=given_label)
        with right:
            show_figure("class_weights", run, select=True, given_label=given_label, epoch=epoch)
        outlines = selection_of(["class_clusters", "class_weights"])
    if outlines:
        places = runs.table("class_clusters", [run], given_label=given_label)
        score = score.loc[selected_ids(outlines, places)]
    higher_means = pick_criterion(run, criterion).higher_means
    order = ranked(score, higher_means, suspicious_first=first == "first")
    gallery(run, order, score, criterion, epoch, outlined=bool(outlines))
    show_figure("weight_histogram", run, given_label=given_label, epoch=epoch)
