"""The moving map of the Timeline page, drawn by the browser (`animation.js`).

Streamlit draws a plotly chart again whenever its data change: nothing moves, and the zoom is lost.
So the browser gets the places at one epoch and draws the way there itself.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

HTML, CSS, JS = (
    Path(__file__).with_name(f"animation.{kind}").read_text(encoding="utf-8")
    for kind in ("html", "css", "js")
)


def show_animation(data: dict[str, Any], key: str, on_click: Callable[[int], None]) -> None:
    """Show the map at one epoch; `on_click` is called with the sample that was clicked."""
    # Registered in each run of the script, as a test's app knows only what it registered itself.
    mount = st.components.v2.component("hmw_animation", html=HTML, css=CSS, js=JS)

    def clicked() -> None:
        sample_id = st.session_state[key].clicked
        if isinstance(sample_id, int):
            on_click(sample_id)

    mount(key=key, data=data, on_clicked_change=clicked)
