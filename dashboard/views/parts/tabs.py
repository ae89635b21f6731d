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
    key, name = f"tabs {page}", open_tab(page, tabs)
    asked = _newly_asked()
    if asked in tabs:
        st.session_state[f"tab of {page}"] = asked
    elif asked is not None:
        why = (absent or {}).get(asked)
        st.warning(plain(why) if why else f"This page has no tab “{plain(asked)}”.")
    names = {title: name for name, (title, _) in tabs.items()}

    def note() -> None:
        chosen = names[st.session_state[key]]
        st.session_state[f"tab of {page}"] = chosen
        remember("tab", chosen)

    remember("tab", name)
    st.session_state[key] = tabs[name][0]
    for tab, (_, show) in zip(
        st.tabs(list(names), key=key, on_change=note), tabs.values(), strict=True
    ):
        if tab.open:
            with tab:
                show()


def open_tab(page: str, tabs: Mapping[str, object]) -> str:
    """Return the name of the tab that `show_tabs` opens."""
    for name in (_newly_asked(), st.session_state.get(f"tab of {page}")):
        if name in tabs:
            return str(name)
    return next(iter(tabs))


def _newly_asked() -> str | None:
    """Return the tab of an address that was changed since a page wrote it."""
    asked = st.query_params.get("tab")
    return None if asked == st.session_state.get("address", {}).get("tab") else asked
