"""A page of the laboratory: the run's first sentence, and the tabs that have something to show."""

from collections.abc import Callable, Mapping
from functools import partial
from types import ModuleType

import streamlit as st

from dashboard.presenters.lesson import NO_EPOCH
from dashboard.views.parts.tabs import show_tabs
from hmw_core.log.reader import RunReader


def show_laboratory(
    page: str,
    run: RunReader,
    tabs: Mapping[str, tuple[str, ModuleType]],
    more: Mapping[str, tuple[str, Callable[[], None]]] | None = None,
    absent: Mapping[str, str] | None = None,
) -> None:
    """Show the tabs of a page that have something to show for this run.

    Parameters
    ----------
    page : str
    run : RunReader
    tabs : mapping
        The name in the address of each tab to its title and its module: `nothing(run)` says in a
        sentence why there is nothing to show, if so, and `show(run)` shows the tab.
    more, absent : mapping, optional
        Tabs that are not about the run, and why some are not there, as `show_tabs` takes them.
    """
    if not run.last_epoch and not more:
        st.info(NO_EPOCH, icon=":material/info:")
        return
    why = {
        name: module.nothing(run) if run.last_epoch else NO_EPOCH
        for name, (_, module) in tabs.items()
    }
    there = {
        name: (title, partial(module.show, run))
        for name, (title, module) in tabs.items()
        if not why[name]
    }
    if not there and not more:
        st.info(next(iter(why.values())), icon=":material/info:")
        return
    show_tabs(
        page, there | dict(more or {}), {n: w for n, w in why.items() if w} | dict(absent or {})
    )
