"""Accuracy (Fig. 7): train and test accuracy by epoch of any runs."""

import streamlit as st

from dashboard import runs
from dashboard.views.parts.blocks import show_figure
from dashboard.views.parts.choices import plain
from hmw_core.experiments.paper import PAPER_NOTE
from hmw_core.log.reader import RunReader

MOST = 8


def show(run: RunReader, given_label: int | None) -> None:
    """Show the tab."""
    st.caption("Any runs, epoch by epoch; the paper's number where the recipe is in its tables.")
    readable, _ = runs.all_runs()
    by_name = {other.name: other for other in readable}
    same_data = [
        other.name
        for other in readable
        if other.info["dataset"]["name"] == run.info["dataset"]["name"]
    ]
    chosen = st.multiselect("Runs", list(by_name), default=same_data[:MOST], max_selections=MOST)
    if chosen:
        shown = [by_name[name] for name in chosen]
        show_figure("accuracy", shown)
        if (
            any(each.last_epoch for each in shown)
            and runs.table("accuracy", shown)["paper"].notna().any()
        ):
            st.caption(plain(PAPER_NOTE))
    else:
        st.info("Choose a run.")
