"""Thresholds and weights: where to cut a ranking, and what other settings would have done."""

import streamlit as st

from dashboard.runs import all_runs, all_sweeps
from dashboard.views.laboratory import sweeps, threshold, weights
from dashboard.views.laboratory.tabs import show_laboratory
from dashboard.views.parts.bar import open_run
from dashboard.views.parts.tabs import show_tabs

NAME, PURPOSE = "Thresholds and weights", "Where to cut a ranking, and how to weigh samples."

found, broken = all_sweeps()
some = {"sweeps": ("Sweeps and tables", sweeps.show)} if found or broken else {}
if all_runs()[0] or not some:
    run, _ = open_run(NAME, PURPOSE)
    show_laboratory(
        "threshold",
        run,
        {
            "threshold": ("Where to cut a ranking", threshold),
            "weights": ("Other HM weights", weights),
        },
        some,
        {} if some else {"sweeps": sweeps.NONE},
    )
else:  # a sweep keeps its runs in its own folder
    st.title(NAME, anchor=False, help=PURPOSE)
    show_tabs("threshold", some)
