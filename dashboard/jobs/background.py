"""Long jobs beside the dashboard: started as a process of their own, and asked how they do."""

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from dashboard.figures.maps import AT_ONCE
from hmw_core import processes
from hmw_core.feature_space.projection import (
    UNASKED_UP_TO,
    cancel,
    is_kept,
    seconds_to_compute,
    share_computed,
)
from hmw_core.log.cache import read_only
from hmw_core.log.reader import RunReader

WAITED_FOR = 500  # samples; a page computes the map of fewer at once, which takes a second
BUSY = 2  # times as long as on a quiet machine


@dataclass
class Job:
    """A process and the file that holds what it says."""

    process: subprocess.Popen[bytes]
    log: Path
    was_cancelled: bool = False

    @property
    def running(self) -> bool:
        """Whether the process is at work."""
        return self.process.poll() is None

    @property
    def failure(self) -> str | None:
        """The last line of a process that failed, else None."""
        if self.was_cancelled or self.process.poll() in (None, 0):
            return None
        lines = processes.last_lines(self.log)
        return lines[0] if lines else f"it ended with code {self.process.returncode}"


def missing_map(run: RunReader, method: str, given_label: int | None = None) -> int | None:
    """Return the seconds that a map takes which is neither kept nor small, else None."""
    n_samples = run.n_samples if given_label is None else len(run.sample_ids(given_label))
    at_once = AT_ONCE if read_only() else WAITED_FOR  # which starts no process
    if not run.feature_epochs() or n_samples <= at_once:
        return None
    if is_kept(run, method) or (given_label is not None and is_kept(run, method, given_label)):
        return None
    return round(BUSY * seconds_to_compute(method, run.n_samples))


def start_map(run: RunReader, method: str) -> Job:
    """Start `python -m dashboard.project` on a run; it outlives the dashboard."""
    log = Path(tempfile.mkstemp(prefix="hmw-map-", suffix=".log")[1])
    words = ["-m", "dashboard.project", str(run.folder.resolve()), "--method", method]
    words += ["--skip-undefined", "--network", str(run.network)]
    return Job(processes.start([sys.executable, *words], log), log)


class MapJobs:
    """The maps that this server has had computed, or cancelled; each is begun once unasked."""

    def __init__(self) -> None:
        self._jobs: dict[tuple[str, int, str], Job | None] = {}

    def begin(self, run: RunReader, method: str) -> None:
        """Start to compute a map that nobody computes."""
        if self.share(run, method) is None:
            self._jobs[_key(run, method)] = start_map(run, method)

    def begin_unasked(self, run: RunReader, method: str) -> None:
        """Start to compute a map that nobody asked for, if that takes little and is done once."""
        is_small = run.n_samples <= UNASKED_UP_TO
        if is_small and run.status != "running" and _key(run, method) not in self._jobs:
            self.begin(run, method)

    def share(self, run: RunReader, method: str) -> float | None:
        """Return how far anybody is with a map, [0, 1]; None if nobody computes it."""
        told = share_computed(run, method)
        job = self._jobs.get(_key(run, method))
        is_starting = told is None and job is not None and job.running
        return 0.0 if is_starting else told

    def cancel(self, run: RunReader, method: str) -> None:
        """Have whoever computes a map end, and begin it no more unasked."""
        cancel(run, method)
        job = self._jobs.setdefault(_key(run, method), None)
        if job is not None:
            job.was_cancelled = True
            job.process.terminate()
            job.process.wait()  # a moment: nothing holds it

    def failure(self, run: RunReader, method: str) -> str | None:
        """Return why the map could not be computed here, else None."""
        job = self._jobs.get(_key(run, method))
        return None if job is None else job.failure


def _key(run: RunReader, method: str) -> tuple[str, int, str]:
    return str(run.folder), run.network, method
