"""The folders of runs and sweeps, what lies in them, and the figures of a run."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from dashboard.cached.kept import kept_for, version
from dashboard.drawing.style import PLAIN, Typography
from dashboard.figures import FIGURES
from dashboard.jobs.background import MapJobs
from dashboard.presenters.run_card import run_card
from dashboard.presenters.summary import notes_of, summary
from hmw_core.errors import UnreadableRun
from hmw_core.experiments.sweeps import Sweep, list_sweeps, read_sweep
from hmw_core.log import layout
from hmw_core.log.cache import read_only as read_only  # what the pages ask before they write
from hmw_core.log.reader import RunReader
from hmw_core.log.run_list import list_runs

OF_SWEEP = "of"
"""What the address calls the sweep whose runs are shown."""


def runs_folder() -> Path:
    """Return the folder of runs: `HMW_RUNS`, or `data/runs`."""
    return Path(os.environ.get("HMW_RUNS") or "data/runs")


def all_runs() -> tuple[list[RunReader], dict[str, str]]:
    """Return the runs that can be read, newest first, and why each of the others cannot.

    Where the address names a sweep, these are its runs.
    """
    sweep = shown_sweep()
    # By listing, never by joining a name from the address: nothing outside can be reached.
    found = list_runs(runs_folder() if sweep is None else sweep.folder, _at)
    readable = [entry for entry in found if isinstance(entry, RunReader)]
    return readable, dict(entry for entry in found if isinstance(entry, tuple))


def run_called(name: str, fingerprint: str | None = None) -> RunReader | None:
    """Return the run of this name, None where none has it; no other one is opened.

    One of `runs_folder` comes first, then one of a sweep's; before them one with the fingerprint
    of the data, where it is given: sweeps on other data call their runs alike.

    Raises
    ------
    UnreadableRun
        If it cannot be read, with the reason.
    """
    broken, first = None, None
    sweeps = sorted(sweeps_folder().glob("[!.]*/sweep.json"))
    for folder in (runs_folder(), *(file.parent for file in sweeps)):
        for found in list_runs(folder, _at, called=name):
            if isinstance(found, tuple):
                broken = broken or found[1]
            elif fingerprint in (None, found.info["dataset"]["fingerprint"]):
                return found
            else:
                first = first or found
    if broken and first is None:
        raise UnreadableRun(broken)
    return first


def of_network(run: RunReader, network: int) -> RunReader:
    """Return the reader of one of a run's networks."""
    return _reader(str(run.folder), version(run.folder, network=network), network)


def table(figure: str, run: RunReader | Sequence[RunReader], **options: Any) -> pd.DataFrame:
    """Return a figure's table, to be read only; computed again when the runs' files change.

    Raises
    ------
    CannotShow
        If the runs lack what the figure needs.
    """
    return _prepared(figure, run, _given(options))


def chart(
    figure: str,
    run: RunReader | Sequence[RunReader],
    typography: Typography = PLAIN,
    **options: Any,
) -> go.Figure:
    """Return the plotly figure of `table`, to be read only."""
    return _drawn(figure, run, _given(options), typography)


def summaries(runs: Sequence[RunReader]) -> pd.DataFrame:
    """Return the overview's table."""
    return pd.DataFrame([_summary(run) for run in runs])


@st.cache_resource
def map_jobs() -> MapJobs:
    """Return the maps being computed, for all who look here."""
    return MapJobs()


def sweeps_folder() -> Path:
    """Return the folder of sweeps: `HMW_SWEEPS`, or `sweeps` beside the folder of runs.

    Where the runs shown are a sweep's own, the folder that this sweep lies in.
    """
    asked = os.environ.get("HMW_SWEEPS")
    if asked:
        return Path(asked)
    folder = runs_folder()
    is_a_sweep = (folder / "sweep.json").exists()
    return folder.resolve().parent if is_a_sweep else folder.parent / "sweeps"


def shown_sweep() -> Sweep | None:
    """Return the sweep whose runs are shown in place of the folder's, which `of=` names."""
    if get_script_run_ctx(suppress_warning=True) is None:  # no page asks
        return None
    asked = st.query_params.get(OF_SWEEP) or st.session_state.get("address", {}).get(OF_SWEEP)
    if not asked:
        return None
    return next((sweep for sweep in all_sweeps()[0] if sweep.name == asked), None)


def all_sweeps() -> tuple[list[Sweep], dict[str, str]]:
    """Return the sweeps that can be read, newest first, and why each of the others cannot."""
    return list_sweeps(sweeps_folder(), _sweep_at)


def _sweep_at(folder: Path) -> Sweep:
    now = (*layout.version(folder / "sweep.json"), layout.has_writer(folder))
    return _sweep(str(folder), now)


@st.cache_resource(max_entries=64, show_spinner="Reading the sweep ...")
def _sweep(folder: str, version: tuple[Any, ...]) -> Sweep:
    return read_sweep(Path(folder))


def _at(folder: Path) -> RunReader:
    """Return the run's reader; why it cannot be read is remembered until the folder changes."""
    now, known = version(folder), _failures()
    seen, reason = known.get(folder, (None, ""))
    if seen == now:
        raise UnreadableRun(reason)
    try:
        return _reader(str(folder), now)
    except UnreadableRun as error:
        known[folder] = now, str(error)
        raise


@st.cache_resource
def _failures() -> dict[Path, tuple[Any, str]]:
    """Return the folders that could not be read: their version then, and why."""
    return {}


@st.cache_resource(max_entries=512, show_spinner=False)  # all that a folder usually has
def _reader(folder: str, version: tuple[Any, ...], network: int = 1) -> RunReader:
    return RunReader(folder, network)


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """Return the options that say something, in one order: they are part of a key."""
    return {name: value for name, value in sorted(options.items()) if value is not None}


_summary = kept_for(max_entries=256)(summary)
notes = kept_for(max_entries=256)(notes_of)
card = kept_for(max_entries=256)(run_card)


@kept_for(max_entries=48, show_spinner="Reading the log ...")
def _prepared(
    figure: str, run: RunReader | Sequence[RunReader], options: dict[str, Any]
) -> pd.DataFrame:
    spec = FIGURES[figure]
    readers = [run] if isinstance(run, RunReader) else list(run)
    return spec.prepare(readers if spec.many else readers[0], **options)


@kept_for(max_entries=48)
def _drawn(
    figure: str,
    run: RunReader | Sequence[RunReader],
    options: dict[str, Any],
    typography: Typography,
) -> go.Figure:
    return FIGURES[figure].draw(_prepared(figure, run, options), typography)
