"""Sphere (Fig. 3): the angles between chosen samples and their class vectors."""

import streamlit as st

from dashboard.views.parts.blocks import chosen_pictures, show_figure, title
from dashboard.views.parts.choices import choose_class, choose_samples
from dashboard.views.parts.run_picker import pick_run

title(
    "Sphere",
    "Where the features of a sample point: to the class vector of its given label, or to another.",
)
run = pick_run()
with st.container(horizontal=True, vertical_alignment="bottom"):
    given_label = choose_class(run, all_classes=True)
    sample_ids = choose_samples(run)

chosen_pictures(run, given_label, sample_ids, None)
show_figure("sphere", run, given_label=given_label, sample_ids=sample_ids)
