"""The timeline's long job: one t-SNE map of several epochs, in a process of its own."""

import subprocess
import sys
import tempfile
from pathlib import Path

from dashboard.jobs.background import Job
from hmw_core.feature_space import alignment
from hmw_core.log.reader import RunReader

START = 20  # seconds until the libraries are loaded
FIT = 22  # seconds: both t-SNE fits to 4,000 landmarks, on one quiet core
PLACE = 60  # seconds for a million points, both maps


def seconds_of_joint(run: RunReader) -> int:
    """Return about how long the joint map takes, in seconds: twice what a quiet machine took."""
    points = len(alignment.feature_epochs(run)) * (run.n_samples + run.n_classes)
    fitted = min(points, alignment.LANDMARKS) / alignment.LANDMARKS
    return START + round(2 * (FIT * fitted + PLACE * points / 1e6))


def start_joint(run: RunReader) -> Job:
    """Start `python -m dashboard.project --aligned` on a run, detached."""
    log = Path(tempfile.mkstemp(prefix="hmw-map-", suffix=".log")[1])
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "dashboard.project",
                str(run.folder.resolve()),
                "--aligned",
            ],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=Path(__file__).parents[2],
            start_new_session=True,
        )
    return Job(process, log)
