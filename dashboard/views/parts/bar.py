"""The bar on top of a page: its name, the run on screen, and the class where the page has one."""

from collections.abc import Callable
from typing import Literal

import streamlit as st

from dashboard.presenters.summary import description
from dashboard.runs import OF_SWEEP, all_runs, of_network, runs_folder, shown_sweep
from dashboard.views.parts.blocks import show_pictures
from dashboard.views.parts.choices import asked_for, choose_class, choose_network, plain, remember
from dashboard.views.parts.refusals import refusals
from hmw_core.log.reader import RunReader

TRAIN = "python -m training train --dataset digits --noise symmetric --noise-rate 0.5 --recipe CCE"
RUN = "choice run"


def open_run(
    page: str,
    purpose: str,
    *,
    classes: Literal["one", "all"] | None = None,
    class_text: Callable[[RunReader, int], str] | None = None,
    first_class: Callable[[RunReader], int] | None = None,
) -> tuple[RunReader, int | None]:
    """Draw the bar and return the run and the class on screen; without a run, end the page.

    Parameters
    ----------
    page : str
        The page's name; the browser's tab says it after the run's.
    purpose : str
        What the page is for, in a sentence.
    classes : str, optional
        Whether a class is chosen: `one` of them, or `all` as a choice, too.
    class_text : callable, optional
        What the list of classes says of a class beside its name.
    first_class : callable, optional
        The class where nobody chose. Default: all, or the first one.

    Returns
    -------
    run : RunReader
    given_label : int or None
        None for all classes, and on a page where no class is chosen.
    """
    runs, broken = all_runs()
    given_label = None
    with st.container(key="bar", horizontal=True, vertical_alignment="center", gap="small"):
        st.title(page, anchor=False, help=purpose, width="content")
        say_sweep()
        run = _choose(runs) if runs else None
        if run is not None:
            run = of_network(run, choose_network(run))
            if classes is not None:
                given_label = choose_class(
                    run,
                    all_classes=classes == "all",
                    text=class_text,
                    first=first_class(run) if first_class else None,
                    width=250,
                    labelled=False,
                )
            st.caption(_unasked(run) + plain(description(run)), width="stretch")
            _warn(run)
            if run.status == "running":
                _follow(run.name, run.last_epoch)
    if run is None:
        _say_why_none(runs, broken)
        st.stop()
    st.set_page_config(page_title=f"{run.name} · {page}")
    if run.damage:
        st.warning(f"Read up to epoch {run.last_epoch}: {plain('; '.join(run.damage))}")
    return run, given_label


def say_sweep() -> None:
    """Say that the runs on screen are a sweep's, and lead back to the others."""
    sweep = shown_sweep()
    remember(OF_SWEEP, None if sweep is None else sweep.name)
    if sweep is None:
        return
    label = f"Runs of {plain(sweep.name)}"
    help = "Show the runs of the folder again"
    if st.button(label, icon=":material/close:", key="leave sweep", help=help, type="tertiary"):
        remember(OF_SWEEP, None)
        st.session_state.pop(RUN, None)
        remember("run", None)
        st.rerun()


def first_run(runs: list[RunReader]) -> RunReader:
    """Return what is shown where nobody chose: the newest finished run, else the newest."""
    return next((run for run in runs if run.status == "finished"), runs[0])


def _choose(runs: list[RunReader]) -> RunReader | None:
    """Return the run chosen, `run=` in the address; None where the address names no such run."""
    by_name = {run.name: run for run in runs}
    asked = asked_for("run", RUN)
    by_itself = asked is None
    if by_itself:
        asked = first_run(runs).name
        st.session_state["run by itself"] = asked
    st.session_state[RUN] = asked if asked in by_name else None
    name = st.selectbox(
        "Run",
        list(by_name),
        index=0 if asked in by_name else None,  # None would offer to choose nothing
        key=RUN,
        placeholder="Choose a run",
        label_visibility="collapsed",
        width=220,
        on_change=_note,
    )
    if name is None:
        return None
    remember("run", name)
    return by_name[name]


def _note() -> None:
    """Keep what was chosen by hand, also where the address named no run that there is."""
    st.session_state.pop("run by itself", None)
    remember("run", st.session_state[RUN])


def _unasked(run: RunReader) -> str:
    """Return a mark where nobody chose the run on screen; empty where somebody did."""
    if st.session_state.get("run by itself") != run.name:
        return ""
    return f":gray-badge[newest {'finished ' * (run.status == 'finished')}run] "


def _say_why_none(runs: list[RunReader], broken: dict[str, str]) -> None:
    if not runs:
        no_runs(broken)
        return
    name = asked_for("run", RUN) or ""
    if name in broken:
        st.warning(f"This run cannot be read: {plain(broken[name])}")
    else:
        st.warning(f"There is no run “{plain(name)}” here. Choose one of those that are.")


def _warn(run: RunReader) -> None:
    if not run.warnings:
        return
    count = len(run.warnings)
    with st.popover(f"{count} warning{'s' * (count > 1)}", icon=":material/warning:"):
        st.warning("\n".join(f"- {plain(warning.text)}" for warning in run.warnings))
        shown = dict.fromkeys(i for warning in run.warnings for i in warning.sample_id)
        if shown and run.has_images:
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
    done = f"epoch {run.last_epoch} of {run.n_epochs}"
    st.progress(min(run.last_epoch / run.n_epochs, 1.0), text=f"running, {done}")
    if run.last_epoch > drawn_epoch and st.button(f"Draw up to epoch {run.last_epoch}"):
        st.rerun()
