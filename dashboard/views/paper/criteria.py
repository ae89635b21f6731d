"""Criteria (Fig. 1): an easy, a hard and a mislabeled sample, and what tells such apart."""

from functools import partial

import streamlit as st

from dashboard.views.parts.blocks import chosen_pictures, show_figure
from dashboard.views.parts.choices import (
    choose_epoch,
    choose_k,
    choose_samples,
    criterion_title,
)
from hmw_core.criteria.compute import without_absent
from hmw_core.criteria.of_run import criteria_of, with_k
from hmw_core.log.reader import RunReader


def show(run: RunReader, given_label: int | None) -> None:
    """Show the tab."""
    st.caption(
        "What tells a mislabeled sample from one that is merely hard to learn: its loss, or its "
        "margins over the epochs?"
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        sample_ids = choose_samples(run)
        epoch = choose_epoch(run)

    chosen_pictures(run, given_label, sample_ids, epoch)
    show_figure("curves", run, given_label=given_label, sample_ids=sample_ids, epoch=epoch)

    names = list(without_absent(criteria_of(run), run))
    left, right = st.columns(2)
    first = left.selectbox(
        "Criterion", names, format_func=partial(criterion_title, run), key="first"
    )
    rest = [name for name in names if name != first]
    second = right.selectbox(
        "Beside it",
        rest,
        index=rest.index("iam") if "iam" in rest else 0 if rest else None,
        placeholder="this log has no other",
        disabled=not rest,
        format_func=partial(criterion_title, run),
        key="second",
    )
    picked = [first, second] if second else [first]
    k = choose_k(run, picked)
    chosen = tuple(with_k(name, k) for name in picked)
    show_figure("distributions", run, criteria=chosen, given_label=given_label, epoch=epoch)
    show_figure("auroc_by_epoch", run)
    show_figure("detection", run, given_label=given_label, epoch=epoch)
