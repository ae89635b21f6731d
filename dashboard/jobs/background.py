"""Long jobs beside the dashboard: started as a process of their own, and asked how they do."""

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from dashboard.figures.maps import AT_ONCE
from hmw_core import processes
from hmw_core.feature_space.projection import cached, chosen_method
from hmw_core.log.reader import RunReader

START = 20  # seconds until the libraries are loaded
SECONDS = {"tsne": 104, "umap": 27, "pca": 1}  # measured: 50,000 samples on two cores


@dataclass
class Job:
    """A process and the file that holds what it says."""

    process: subprocess.Popen[bytes]
    log: Path
    started: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """How long ago it was started."""
        return time.monotonic() - self.started

    @property
    def running(self) -> bool:
        """Whether the process is at work."""
        return self.process.poll() is None

    @property
    def failure(self) -> str | None:
        """The last line of a process that failed, else None."""
        if self.process.poll() in (None, 0):
            return None
        lines = processes.last_lines(self.log)
        return lines[0] if lines else f"it ended with code {self.process.returncode}"


def missing_map(run: RunReader, method: str, given_label: int | None = None) -> int | None:
    """Return the seconds that a map takes which is neither kept nor small, else None."""
    n_samples = run.n_samples if given_label is None else len(run.sample_ids(given_label))
    if not run.feature_epochs() or n_samples <= AT_ONCE:
        return None
    if any(cached(run, method, skip_undefined=skip) is not None for skip in (True, False)):
        return None
    per_sample = SECONDS[chosen_method(method, run.n_samples)] / 50_000
    return START + round(2 * per_sample * run.n_samples)  # twice: the machine may be busy


def start_map(run: RunReader, method: str) -> Job:
    """Start `python -m dashboard.project` on a run; it outlives the dashboard."""
    log = Path(tempfile.mkstemp(prefix="hmw-map-", suffix=".log")[1])
    words = ["-m", "dashboard.project", str(run.folder.resolve()), "--method", method]
    words += ["--skip-undefined", "--network", str(run.network)]
    return Job(processes.start([sys.executable, *words], log), log)
