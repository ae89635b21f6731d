"""The run on screen: chosen in the sidebar, kept in the address, followed while it trains."""

import streamlit as st

from dashboard.presenters.summary import description
from dashboard.runs import all_runs, of_network, runs_folder
from dashboard.views.parts.blocks import show_pictures
from dashboard.views.parts.choices import choose, choose_network, plain
from dashboard.views.parts.refusals import refusals
from hmw_core.log.reader import RunReader

TRAIN = "python -m training train --dataset digits --noise symmetric --noise-rate 0.5 --recipe CCE"


def pick_run() -> RunReader:
    """Return the run chosen in the sidebar; where there is none, say so and end the page."""
    runs, broken = all_runs()
    if not runs:
        no_runs(broken)
        st.stop()
    unreadable = broken.get(st.query_params.get("run", ""))
    if unreadable:
        st.warning(f"This run cannot be read: {plain(unreadable)}")
    by_name = {run.name: run for run in runs}
    name = choose("run", "Run", list(by_name), container=st.sidebar)
    run = of_network(by_name[name], choose_network(by_name[name]))
    with st.sidebar:
        st.caption(plain(description(run)))
    if run.status == "running":
        _follow(name, run.last_epoch)
    if run.damage:
        st.warning(f"Read up to epoch {run.last_epoch}: {plain('; '.join(run.damage))}")
    if run.warnings:
        _warn(run)
    return run


def _warn(run: RunReader) -> None:
    st.warning("\n".join(f"- {plain(warning.text)}" for warning in run.warnings))
    shown = dict.fromkeys(i for warning in run.warnings for i in warning.sample_id)
    if shown and run.has_images:
        with st.expander("Pictures of these warnings"):  # open, it would hide the page
            show_pictures(run, list(shown))


def no_runs(broken: dict[str, str]) -> None:
    """Say how to get a first run."""
    st.info(f"There is no run to show in `{runs_folder()}` yet. Train one:")
    st.code(f"{TRAIN} --runs {runs_folder()}", language="bash")
    for reason in broken.values():
        st.warning(f"Cannot be read: {plain(reason)}")


@st.fragment(run_every=3)
@refusals()
def _follow(name: str, drawn_epoch: int) -> None:
    """Show how far a running training is, and offer to draw its new epochs."""
    run = next((run for run in all_runs()[0] if run.name == name), None)
    if run is None or run.status != "running":
        st.rerun()
    with st.sidebar:
        done = f"epoch {run.last_epoch} of {run.n_epochs}"
        st.progress(min(run.last_epoch / run.n_epochs, 1.0), text=f"running, {done}")
        if run.last_epoch > drawn_epoch and st.button(f"Draw up to epoch {run.last_epoch}"):
            st.rerun()
