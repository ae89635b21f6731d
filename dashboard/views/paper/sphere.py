"""Sphere (Fig. 3): the angles between chosen samples and their class vectors."""

import streamlit as st

from dashboard.views.parts.blocks import chosen_pictures, show_figure
from dashboard.views.parts.choices import choose_samples
from hmw_core.log.reader import RunReader


def show(run: RunReader, given_label: int | None) -> None:
    """Show the tab."""
    st.caption(
        "Where the features of a sample point: to the class vector of its given label, or to "
        "another."
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        sample_ids = choose_samples(run)

    chosen_pictures(run, given_label, sample_ids, None)
    show_figure("sphere", run, given_label=given_label, sample_ids=sample_ids)
