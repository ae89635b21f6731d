"""The review panel: picture, labels and keys of the review page, run by the browser.

Streamlit reruns the script for each key, and a key pressed while it runs is lost or meets another
picture. So the keys are answered in the browser (`review_panel.js`), which reports what was judged.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

HTML, CSS, JS = (
    Path(__file__).with_name(f"review_panel.{kind}").read_text(encoding="utf-8")
    for kind in ("html", "css", "js")
)


def show_review_panel(data: dict[str, Any], key: str, on_events: Callable[[], None]) -> None:
    """Show the panel; `on_events` runs when the browser reports, as `st.session_state[key].events`.

    The report has `run`, `events` (see `reviewing.apply_events`), `have` (samples whose pictures
    it has), `looked` (samples passed by without a verdict) and `reviewer`.
    """
    # Registered in each run: a test's server knows nothing of an import that was before it.
    mount = st.components.v2.component("hmw_review_panel", html=HTML, css=CSS, js=JS)
    mount(key=key, data=data, on_events_change=on_events)
