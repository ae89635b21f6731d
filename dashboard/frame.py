"""The frame of the dashboard: its menu, and where the addresses of earlier versions lead."""

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from dashboard.views.addresses import PLACES, page_file
from dashboard.views.parts.refusals import refusals

HERE = Path(__file__)
# A file: Streamlit fetches its named icons from a server far away.
ICON = str(HERE.with_name("icon.svg"))

st.set_page_config(page_title="HMW dashboard", page_icon=ICON, layout="wide")
st.html(HERE.with_name("frame.css"))

# Built anew in each run of the script: Streamlit asks for it.
PAGES = {
    "": [
        st.Page("views/pages/runs.py", title="Runs", icon=":material/list:", default=True),
        st.Page("views/pages/inspect.py", title="Inspect", icon=":material/lasso_select:"),
        st.Page("views/pages/paper.py", title="Paper", icon=":material/show_chart:"),
        st.Page("views/pages/fix.py", title="Fix", icon=":material/rate_review:"),
        st.Page("views/pages/train.py", title="Train", visibility="hidden"),
        st.Page("views/pages/compare.py", title="Compare", visibility="hidden"),
    ],
    "Laboratory": [
        st.Page("views/pages/detection.py", title="Find wrong labels", icon=":material/target:"),
        st.Page("views/pages/threshold.py", title="Thresholds and weights", icon=":material/tune:"),
        st.Page("views/pages/timeline.py", title="Learning", icon=":material/slideshow:"),
    ],
}


def moved(name: str) -> Callable[[], None]:
    """Return the page at an old address, which leads to the tab that shows the same."""

    def lead() -> None:
        query = PLACES[name][1] | st.query_params.to_dict()
        st.switch_page(page_file(name), query_params=query)

    return lead


OLD = [
    st.Page(moved(name), title=name, url_path=name, visibility="hidden")
    for name, (page, _) in PLACES.items()
    if name != page
]

with refusals():
    st.navigation({**PAGES, "Moved": OLD}, position="top").run()
