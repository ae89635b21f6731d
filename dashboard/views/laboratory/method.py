"""Method: what the run's training method did by epoch, what it kept, and whether it was right."""

import streamlit as st

from dashboard import runs
from dashboard.presenters.method_page import kept_table, look_for, outcome
from dashboard.views.parts.blocks import say_refused, show_figure
from dashboard.views.parts.choices import choose_segment, plain
from hmw_core.errors import UsageError
from hmw_core.laboratory.method_course import keeps_nothing
from hmw_core.log.reader import RunReader

EPOCHS = "epochs"


def nothing(run: RunReader) -> str:
    """Return why there is nothing to tell of the method, in a sentence; empty where there is."""
    reason = keeps_nothing(run)
    return f"{run.name} has no tab Method: {reason}." if reason else ""


def show(run: RunReader) -> None:
    """Show the tab."""
    st.markdown(f":material/lightbulb: {plain(look_for(run))}")
    parts = {EPOCHS: "Epoch by epoch"}
    part = choose_segment("method_part", "Show", parts) if len(parts) > 1 else EPOCHS
    if part == EPOCHS:
        by_epoch(run)


def by_epoch(run: RunReader) -> None:
    """Show what the last epoch says, the curves, and what each thing kept means."""
    try:
        said = outcome(runs.table("method_epochs", run))
    except UsageError as reason:
        say_refused(reason)
        return
    st.markdown("\n".join(f"- {plain(text)}" for text in said))
    show_figure("method_epochs", run)
    with st.expander("What each of these is", icon=":material/help:"):
        st.dataframe(kept_table(run), hide_index=True, height="content")
