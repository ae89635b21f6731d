"""The frame of the dashboard: its pages, in the order of their use."""

from pathlib import Path

import streamlit as st

from dashboard.views.parts.refusals import refusals

# A file: Streamlit fetches its named icons from a server far away.
ICON = str(Path(__file__).with_name("icon.svg"))

st.set_page_config(page_title="HMW dashboard", page_icon=ICON, layout="wide")

# Built anew in each run of the script: Streamlit asks for it.
PAGES = {
    "": [
        st.Page("views/runs/home.py", default=True, visibility="hidden"),
        st.Page("views/runs/overview.py", title="Overview", icon=":material/list:"),
        st.Page("views/runs/train.py", title="Train", icon=":material/play_circle:"),
        st.Page("views/runs/compare.py", title="Compare", icon=":material/compare_arrows:"),
    ],
    "The paper's figures": [
        st.Page("views/paper/criteria.py", title="Criteria", icon=":material/show_chart:"),
        st.Page("views/paper/logits.py", title="Logits", icon=":material/area_chart:"),
        st.Page("views/paper/sphere.py", title="Sphere", icon=":material/language:"),
        st.Page("views/paper/clusters.py", title="Clusters", icon=":material/bubble_chart:"),
        st.Page("views/paper/class.py", title="Class", icon=":material/grid_view:"),
        st.Page("views/paper/accuracy.py", title="Accuracy", icon=":material/trending_up:"),
        st.Page("views/paper/export.py", title="Export", icon=":material/download:"),
    ],
    "Criterion laboratory": [
        st.Page("views/laboratory/detection.py", title="Detection", icon=":material/target:"),
        st.Page("views/laboratory/agreement.py", title="Agreement", icon=":material/handshake:"),
        st.Page("views/laboratory/duel.py", title="Duel", icon=":material/swords:"),
        st.Page("views/laboratory/threshold.py", title="Threshold", icon=":material/content_cut:"),
        st.Page("views/laboratory/timeline.py", title="Timeline", icon=":material/slideshow:"),
        st.Page("views/laboratory/learning.py", title="Learning order", icon=":material/school:"),
        st.Page("views/laboratory/weights.py", title="Weights", icon=":material/tune:"),
        st.Page("views/laboratory/transition.py", title="Transition", icon=":material/grid_on:"),
        st.Page("views/laboratory/sweeps.py", title="Sweeps", icon=":material/table_chart:"),
    ],
    "Find and mend": [
        st.Page("views/mend/samples.py", title="Samples", icon=":material/lasso_select:"),
        st.Page("views/mend/sample.py", title="Sample", icon=":material/image_search:"),
        st.Page("views/mend/duplicates.py", title="Duplicates", icon=":material/content_copy:"),
        st.Page("views/mend/review.py", title="Review", icon=":material/rate_review:"),
        st.Page("views/mend/labels.py", title="Labels", icon=":material/label:"),
        st.Page("views/mend/proof.py", title="Proof", icon=":material/verified:"),
    ],
}

with refusals():
    st.navigation(PAGES, expanded=True).run()
