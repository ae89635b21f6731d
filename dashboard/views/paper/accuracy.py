"""Accuracy: train and test accuracy by epoch of the runs side by side."""

import streamlit as st

from dashboard import runs
from dashboard.views.paper.shown import Shown
from dashboard.views.parts.choices import plain
from hmw_core.experiments.paper import PAPER_NOTE


def show(shown: Shown) -> None:
    """Show the tab."""
    shown.show("accuracy")
    has_epochs = any(run.last_epoch for run in shown.runs)
    if has_epochs and runs.table("accuracy", shown.runs)["paper"].notna().any():
        st.caption(plain(PAPER_NOTE))
