"""Two reviewers: how well they agree, and the samples on which they do not."""

import math

import pandas as pd
import streamlit as st

from dashboard.cached import review as cached_review
from dashboard.views.parts.blocks import offer_table
from dashboard.views.parts.choices import plain
from dashboard.views.parts.part_pictures import go_to_review, review_button, show_part
from hmw_core.log.class_changes import current_names
from hmw_core.log.reader import RunReader
from hmw_core.review.reviewers import Agreement, agreement, disagreements, labels_by, reviewers


def show(run: RunReader) -> None:
    """Show the agreement of two reviewers."""
    log = cached_review.review_log(run)
    judged = reviewers(log)
    if len(judged) < 2:
        st.info(
            "Agreement needs two names. Under *Judge*, a second person chooses the pictures "
            "“judged by others, not yet by you” and judges them without seeing the first verdicts.",
            icon=":material/info:",
        )
        return
    names = judged.index.tolist()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        first = st.selectbox("First reviewer", names, key="reviewer one")
        second = st.selectbox(
            "Second reviewer", [n for n in names if n != first], key="reviewer two"
        )
    one, two = (labels_by(log, name, run.n_classes) for name in (first, second))
    found = agreement(one, two)
    whole = found[0]
    if not whole.n:
        st.info(
            f"{plain(first)} and {plain(second)} have no sample in common to which both gave a "
            "label; *unsure* and *skip* give none.",
            icon=":material/info:",
        )
        return
    apart = disagreements(one, two)
    kappa = (
        "Cohen's kappa is not defined: both gave every sample the same class"
        if math.isnan(whole.kappa)
        else f"Cohen's kappa {whole.kappa:.2f} [{whole.low:.2f}, {whole.high:.2f}]"
    )
    st.markdown(
        f"**{plain(first)} and {plain(second)} agree on {whole.n_agreed:,} of {whole.n:,} samples; "
        f"{kappa}.**"
    )
    if apart:
        if review_button(f"Judge the {len(apart):,} they disagree on"):
            go_to_review(run, apart, f"{first} and {second} gave different labels")
        called = current_names(log.class_changes, run.class_names)
        show_part(
            run,
            apart,
            lambda i: f"{first}: {called[one[i]]}; {second}: {called[two[i]]}",
            order="In data set order.",
            key="disagreements",
        )
    called = current_names(log.class_changes, run.class_names)
    offer_table(
        as_table(found, called),
        "agreement",
        "Agreement of two reviewers by class (of it, or not), with Cohen's kappa and its 95 % "
        "interval: the delta method (Fleiss, Cohen and Everitt 1969), and where they agree "
        "throughout the exact bound of the share of agreement. Only samples to which both gave a "
        "label count.",
    )


def as_table(found: list[Agreement], names: list[str]) -> pd.DataFrame:
    """Return the agreements as they are read."""
    return pd.DataFrame(
        {
            "Class": ["all classes" if a.label is None else names[a.label] for a in found],
            "Samples": [a.n for a in found],
            "Agree": [a.n_agreed for a in found],
            "Kappa": [round(a.kappa, 3) for a in found],
            "low": [round(a.low, 3) for a in found],
            "high": [round(a.high, 3) for a in found],
        }
    )
