"""The frame of the dashboard: its pages, in the order of the paper's figures."""

from pathlib import Path

import streamlit as st

# A file: Streamlit fetches its named icons from a server far away.
ICON = str(Path(__file__).with_name("icon.svg"))

st.set_page_config(page_title="HMW dashboard", page_icon=ICON, layout="wide")

# Built anew in each run of the script: Streamlit asks for it.
PAGES = [
    st.Page("views/home.py", default=True, visibility="hidden"),
    st.Page("views/overview.py", title="Overview", icon=":material/list:"),
    st.Page("views/criteria.py", title="Criteria", icon=":material/show_chart:"),
    st.Page("views/logits.py", title="Logits", icon=":material/area_chart:"),
    st.Page("views/sphere.py", title="Sphere", icon=":material/language:"),
    st.Page("views/clusters.py", title="Clusters", icon=":material/bubble_chart:"),
    st.Page("views/class_.py", title="Class", icon=":material/grid_view:", url_path="class"),
    st.Page("views/accuracy.py", title="Accuracy", icon=":material/trending_up:"),
    st.Page("views/export.py", title="Export", icon=":material/download:"),
]

st.navigation(PAGES).run()
