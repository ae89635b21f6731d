"""Fig. 7: test accuracy by epoch for several alpha and beta, from a sweep."""

import streamlit as st

from dashboard import runs
from dashboard.views.addresses import link_to
from dashboard.views.laboratory.sweeps import show_sweep_figure
from dashboard.views.paper.shown import Shown
from dashboard.views.parts.choices import choose
from hmw_core.experiments.sweeps import Sweep, numbers

KNOBS = ("alpha", "beta")


def of_figure_7(found: list[Sweep]) -> list[Sweep]:
    """Return the sweeps that vary alpha or beta and have finished a training."""
    return [
        sweep for sweep in found if sweep.count("finished") and set(KNOBS) & set(numbers(sweep))
    ]


def show(shown: Shown) -> None:
    """Show the tab."""
    found = {sweep.name: sweep for sweep in of_figure_7(runs.all_sweeps()[0])}
    if not found:
        st.info(
            "Fig. 7 needs a sweep over alpha and beta: many trainings, on digits about an hour. "
            "Start it, and this tab draws what has finished.",
            icon=":material/info:",
        )
        st.code("python -m training sweep figure-7", "bash")
        return
    sweep = found[choose("sweep", "Sweep", list(found))]
    for field in KNOBS:
        if field in numbers(sweep):
            show_sweep_figure("sweep_curves", sweep, field=field)
    st.markdown(f"[Tables and differences of this sweep]({link_to('sweeps', shown.run)})")
