"""Parts of a tab, of which one is shown: a tab stays short, and only what is shown is made."""

from collections.abc import Callable, Mapping

import streamlit as st

from dashboard.views.parts.choices import asked_for, remember


def show_sections(name: str, sections: Mapping[str, tuple[str, Callable[[], None]]]) -> None:
    """Show the section that was chosen, `name=` in the address; at first the first one.

    `sections` maps each value in the address to the title and the function that shows it.
    """
    key = f"choice {name}"
    first = next(iter(sections))
    asked = asked_for(name, key)
    st.session_state[key] = asked if asked in sections else first
    chosen = st.segmented_control(
        name,
        list(sections),
        format_func=lambda section: sections[section][0],
        required=True,
        key=key,
        label_visibility="collapsed",
    )
    assert chosen is not None  # required
    remember(name, None if chosen == first else chosen)
    sections[chosen][1]()
