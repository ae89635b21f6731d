"""Thresholds and weights: where to cut a ranking, and what other settings would have done."""

from functools import partial

import streamlit as st

from dashboard.runs import all_runs, all_sweeps
from dashboard.views.laboratory import sweeps, threshold, weights
from dashboard.views.parts.bar import open_run
from dashboard.views.parts.tabs import show_tabs

NAME, PURPOSE = "Thresholds and weights", "Where to cut a ranking, and how to weigh samples."

if all_runs()[0] or not (all_sweeps()[0] or st.query_params.get("tab") == "sweeps"):
    run, _ = open_run(NAME, PURPOSE)
    of_run = {
        "threshold": ("Threshold", partial(threshold.show, run)),
        "weights": ("Weights", partial(weights.show, run)),
    }
else:  # a sweep keeps its runs in its own folder
    st.title(NAME, anchor=False, help=PURPOSE)
    of_run = {}
show_tabs("threshold", {**of_run, "sweeps": ("Sweeps and tables", sweeps.show)})
