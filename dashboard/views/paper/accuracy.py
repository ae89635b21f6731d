"""Accuracy (Fig. 7): train and test accuracy by epoch of any runs."""

import streamlit as st

from dashboard import runs
from dashboard.views.parts.blocks import show_figure, title
from dashboard.views.parts.choices import plain
from dashboard.views.parts.run_picker import pick_run
from hmw_core.experiments.paper import PAPER_NOTE

MOST = 8

title("Accuracy", "Any runs, epoch by epoch; the paper's number where the recipe is in its tables.")
current = pick_run()
readable, _ = runs.all_runs()
by_name = {run.name: run for run in readable}
same_data = [
    run.name for run in readable if run.info["dataset"]["name"] == current.info["dataset"]["name"]
]
chosen = st.multiselect("Runs", list(by_name), default=same_data[:MOST], max_selections=MOST)
if chosen:
    shown = [by_name[name] for name in chosen]
    show_figure("accuracy", shown)
    if (
        any(run.last_epoch for run in shown)
        and runs.table("accuracy", shown)["paper"].notna().any()
    ):
        st.caption(plain(PAPER_NOTE))
else:
    st.info("Choose a run.")
