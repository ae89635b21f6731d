"""The sentence that a page begins with."""

import streamlit as st

from dashboard.export.tables import markdown
from dashboard.presenters.lesson import NOTE


def show_lesson(sentence: str) -> None:
    """Show one of the sentences of `cached.lessons`; what its brackets mean is a help beside it."""
    st.markdown(f":material/lightbulb: {markdown(sentence).replace(':', chr(92) + ':')}", help=NOTE)
