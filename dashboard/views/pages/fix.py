"""Fix: from suspects to corrected labels, and to the proof that they help, in four steps."""

from functools import partial

import streamlit as st

from dashboard.runs import read_only
from dashboard.views.fix import labels, proof, review, suspects
from dashboard.views.parts.bar import open_run
from dashboard.views.parts.tabs import show_tabs

run, _ = open_run("Fix", "Find wrong labels, judge them, take the corrected ones, and prove them.")
if read_only():
    st.caption("This server is read-only: all can be seen, nothing is written.")
show_tabs(
    "fix",
    {
        "suspects": ("1 Suspects and duplicates", partial(suspects.show, run)),
        "review": ("2 Review", partial(review.show, run)),
        "labels": ("3 Labels", partial(labels.show, run)),
        "proof": ("4 Proof", partial(proof.show, run)),
    },
)
