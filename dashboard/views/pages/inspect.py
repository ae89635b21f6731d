"""Inspect: a class's clean and mislabeled samples, on a map beside their pictures."""

import streamlit as st

from dashboard.views.inspect import class_maps, sample, samples
from dashboard.views.parts.bar import open_run

run, given_label = open_run(
    "Inspect", "Which samples of a class are mislabeled, and how they look.", classes="all"
)
if "sample" in st.query_params:
    sample.show(run)
elif given_label is None:
    samples.show(run)
else:
    class_maps.show(run, given_label)
