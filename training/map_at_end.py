"""The map of a finished run's samples, computed for the dashboard by a process of its own."""

import os
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from rich.console import Console

from hmw_core import RunReader, processes
from hmw_core.errors import UsageError
from hmw_core.feature_space.projection import (
    UNASKED_UP_TO,
    can_compute,
    is_kept,
    project,
    seconds_to_compute,
)
from hmw_core.log.cache import read_only
from hmw_core.processes import killed_by, last_lines
from training.stopping import StopWish

LATER = "the dashboard computes it when the run is opened there"


def map_samples(folder: Path, console: Console) -> None:
    """Compute the map of a run, and keep it there; whatever becomes of it, the run is complete.

    Without features, with more than `UNASKED_UP_TO` samples, or where the libraries of the
    dashboard are not installed, nothing is computed. A signal to stop ends it; a failure is said.
    """
    with StopWish() as stop, suppress(KeyboardInterrupt):
        try:
            seconds = _seconds(RunReader(folder))
        except UsageError as reason:
            _say(console, f"warning: there is nothing to map: {reason}")
            return
        if seconds is None:
            return
        about = f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
        _say(
            console,
            "Finished. Computing the map of the samples for the dashboard: "
            f"about {about}; Ctrl-C skips it, the run is complete.",
        )
        failure = _in_own_process(folder, stop)
        if failure is not None:
            _say(console, f"warning: the map was not computed: {failure}; {LATER}")
    if stop.received is not None:
        _say(console, f"Skipped; {LATER}.")


def _in_own_process(folder: Path, stop: StopWish) -> str | None:
    """Compute the map in a process that a wish to stop ends; return why it failed, if it did.

    What UMAP's compiled code may do to a process, end it included, is not done to ours.
    """
    with tempfile.TemporaryDirectory() as place:
        log = Path(place) / "log"
        process = processes.start([sys.executable, "-m", __name__, str(folder.resolve())], log)
        try:
            while process.poll() is None:
                if stop.received is not None:
                    return None
                time.sleep(0.1)
        finally:
            process.terminate()  # does nothing to one that has ended
            code = process.wait()
        said = [killed_by(code), *last_lines(log), f"it ended with code {code}"]
        return None if code == 0 else next(filter(None, said))


def _seconds(run: RunReader) -> float | None:
    """Return about how long the map takes, None where none is to be computed."""
    is_wanted = bool(run.feature_epochs()) and run.n_samples <= UNASKED_UP_TO and not read_only()
    if is_wanted and not is_kept(run) and can_compute("auto", run.n_samples):
        return seconds_to_compute("auto", run.n_samples)
    return None


def _say(console: Console, line: str) -> None:
    console.print(line, soft_wrap=True, markup=False, highlight=False)


def _compute(folder: str) -> None:
    with suppress(AttributeError, OSError):  # Windows has none
        os.nice(10)  # other trainings go first
    try:
        project(RunReader(folder), skip_undefined=True)
    except UsageError as reason:
        sys.exit(str(reason))


if __name__ == "__main__":
    _compute(sys.argv[1])
