"""A page's tabs: only the open one is made, and the address keeps which it is."""

from collections.abc import Callable, Mapping

import streamlit as st

from dashboard.views.parts.choices import plain, remember


def show_tabs(
    page: str,
    tabs: Mapping[str, tuple[str, Callable[[], None]]],
    absent: Mapping[str, str] | None = None,
) -> None:
    """Show the tab that was chosen, `tab=` in the address; at first the first one.

    Parameters
    ----------
    page : str
        The name of the page: each page remembers its own tab.
    tabs : mapping
        The name in the address of each tab to its title and the function that shows it.
    absent : mapping, optional
        Why a tab is not there for this run, in a sentence for an address that asks for it.
    """
    kept = f"tab of {page}"
    asked = st.query_params.get("tab")
    name = open_tab(page, tabs)
    if asked is not None and asked != st.session_state.get("address", {}).get("tab"):
        if asked in tabs:
            st.session_state[kept] = asked
        else:
            why = (absent or {}).get(asked)
            st.warning(plain(why) if why else f"This page has no tab “{plain(asked)}”.")
    key = f"tabs {page}"
    names = {title: name for name, (title, _) in tabs.items()}
    st.session_state[key] = tabs[name][0]

    def note() -> None:
        st.session_state[kept] = names[st.session_state[key]]
        remember("tab", st.session_state[kept])

    remember("tab", name)
    for tab, (_, show) in zip(
        st.tabs(list(names), key=key, on_change=note), tabs.values(), strict=True
    ):
        if tab.open:
            with tab:
                show()


def open_tab(page: str, tabs: Mapping[str, object]) -> str:
    """Return the name of the tab that `show_tabs` opens."""
    asked = st.query_params.get("tab")
    is_new = asked is not None and asked != st.session_state.get("address", {}).get("tab")
    name = asked if is_new and asked in tabs else st.session_state.get(f"tab of {page}")
    return str(name) if name in tabs else next(iter(tabs))
