"""The processes of a sweep: what waits, what runs, what they came to, and what is told of it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import joblib
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from hmw_core import processes
from hmw_core.errors import UnreadableRun, UsageError
from hmw_core.experiments import sweeps
from hmw_core.experiments.sweeps import TRAINING
from hmw_core.experiments.table_files import write_results
from hmw_core.log import layout
from training.config import RunConfig
from training.stopping import Stopped, StopWish
from training.sweeps.grid import train_words

ATTEMPTS = 2
WRONG_USE, SIGNALLED = 2, 128
TICK = 0.2  # s between two looks at the processes
DECIDE_NOTHING = "run runs outputs outputs_every features_at device workers threads".split()
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass
class Job:
    """One training: what `sweep.json` keeps of it, its config, and its process while it runs."""

    kept: dict[str, Any]
    config: RunConfig
    attempts: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self.config.folder


class SweepRun:
    """The trainings of a sweep while they are done: what waits, what runs, what is on disk."""

    def __init__(
        self, jobs: Sequence[Job], info: dict[str, Any], place: Path, console: Console
    ) -> None:
        self.jobs = list(jobs)
        self.info = info
        self.place = place
        self.console = console
        self.processes: int = info["processes"]
        self.waiting: deque[Job] = deque()
        self.running: list[Job] = []
        self.stop = StopWish()
        self.is_blocked = False
        """Whether all that waits is being trained by another process."""

    def train(self) -> None:
        """Train what is missing; whatever ends it, `sweep.json` says how.

        Raises
        ------
        Stopped
            On Ctrl-C or SIGTERM.
        """
        for job in self.jobs:
            if not self._is_done(job):
                job.kept.update(TRAINING | {n: job.kept[n] for n in ("run", "cell", "seed")})
                self.waiting.append(job)
        status, error = "failed", None
        progress = SweepProgress(self)
        try:
            self._write()
            with self.stop, progress:
                while self.waiting or self.running:
                    self.stop.check()
                    self._start()
                    self.is_blocked = bool(self.waiting) and not self.running
                    time.sleep(TICK)
                    for job in [job for job in self.running if _has_ended(job)]:
                        self._end(job, progress)
                    progress.show()
            failed = [job for job in self.jobs if job.kept["status"] == "failed"]
            stopped = [job for job in self.jobs if job.kept["status"] == "stopped"]
            status = "failed" if failed else "stopped" if stopped else "finished"
            if failed:
                error = f"{len(failed)} of {len(self.jobs)} trainings failed"
        except (Stopped, KeyboardInterrupt):
            status = "stopped"
            raise
        except BaseException as problem:  # only to note it: it is raised again
            error = str(problem) or type(problem).__name__
            raise
        finally:
            self._stop_all()
            self.info |= {"status": status, "error": error}
            with contextlib.suppress(OSError):  # it is told on the terminal
                self._write()
                write_results(sweeps.read_sweep(self.place))

    def _is_done(self, job: Job) -> bool:
        """Tell whether the run is finished, and then keep its result."""
        if job.kept["status"] == "finished":
            return True
        if not is_finished(job.folder) or _differs(job):
            return False
        job.kept.update(sweeps.result_of(job.folder), status="finished", error=None)
        return True

    def _start(self) -> None:
        """Start what may start; a run that another process still writes waits for its end."""
        for _ in range(len(self.waiting)):
            if len(self.running) >= self.processes:
                return
            job = self.waiting.popleft()
            if layout.has_writer(job.folder):
                self.waiting.append(job)
                continue
            if self._is_done(job):  # by the process that was waited for
                continue
            differs = _differs(job)
            if differs:
                job.kept.update(status="failed", error=differs)
                continue
            job.attempts += 1
            job.kept.update(status="running", error=None, attempts=job.attempts)
            job.process = self._process(job)
            self.running.append(job)
            self._write()

    def _process(self, job: Job) -> subprocess.Popen[bytes]:
        """Start `train`, or `resume` where the run has begun."""
        words = ["train", *train_words(job.config)]
        if job.folder.exists():
            try:
                layout.read_info(job.folder)
                words = ["resume", str(job.folder.resolve())]
                if job.config.device != "auto":
                    words += ["--device", job.config.device]
            except UnreadableRun:  # ended before it was a run; nobody's work is thrown away
                job.folder.rename(
                    job.folder.with_name(f".aside-{time.time_ns()}-{job.folder.name}")
                )
        log = self.place / ".logs" / f"{job.folder.name}.log"
        log.parent.mkdir(exist_ok=True)
        log.write_bytes(b"")
        # So many threads that together they fill the cores and do not fight for them.
        most = max(1, joblib.cpu_count() // self.processes)
        asked = {name: os.environ.get(name, "") for name in THREADS}
        threads = {n: str(min(most, int(a)) if a.isdigit() else most) for n, a in asked.items()}
        command = [sys.executable, "-m", "training", *words, "--no-map"]  # nobody waits for it
        return processes.start(command, log, threads)

    def _end(self, job: Job, progress: "SweepProgress") -> None:
        """Note how a process ended; a failure is tried once more, after all that waits."""
        assert job.process is not None
        code = job.process.returncode
        self.running.remove(job)
        if code == 0 and self._is_done(job):
            progress.ended(job)
        elif code in (-signal.SIGTERM, -signal.SIGINT) or code > SIGNALLED:
            job.kept.update(status="stopped", error="it was asked to stop; its epochs are kept")
            progress.ended(job)
        else:
            job.kept.update(status="failed", error=self._reason(job, code))
            # What the user has to mend, time does not.
            if job.attempts < ATTEMPTS and code != WRONG_USE:
                job.kept.update(status="waiting")
                self.waiting.append(job)
            progress.ended(job)
        self._write()

    def _reason(self, job: Job, code: int) -> str:
        """Return why a training failed, in one sentence."""
        killed = processes.killed_by(code)
        if killed:
            return killed
        last = (processes.last_lines(self.place / ".logs" / f"{job.folder.name}.log") or [""])[0]
        said = last.removeprefix("error: ").removeprefix("failed: ")
        return said or f"the process ended with exit code {code} and said nothing"

    def _stop_all(self) -> None:
        """Ask the trainings to stop after their batch, and wait until they have."""
        for job in self.running:
            assert job.process is not None
            with contextlib.suppress(ProcessLookupError):
                job.process.terminate()
        try:
            for job in self.running:
                assert job.process is not None
                job.process.wait()
        except KeyboardInterrupt:  # once more: at once
            for job in self.running:
                assert job.process is not None
                job.process.kill()
                job.process.wait()
        for job in self.running:
            if not self._is_done(job):
                job.kept.update(status="stopped", error=None)
        self.running.clear()

    def _write(self) -> None:
        sweeps.write_sweep(self.place, self.info)


class SweepProgress:
    """A bar on a terminal, a line for each training that has ended."""

    def __init__(self, run: SweepRun) -> None:
        self.run = run
        self.began = {job.folder: epochs_done(job) for job in run.jobs}
        self.n_epochs = sum(job.config.epochs for job in run.jobs)
        self.started = time.monotonic()
        self.bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[text]}", markup=False),
            console=run.console,
            disable=not run.console.is_terminal,
        )

    def __enter__(self) -> "SweepProgress":
        self.bar.start()
        self.task = self.bar.add_task("sweep", total=max(self.n_epochs, 1), text="starting")
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    def show(self) -> None:
        """Move the bar."""
        if not self.bar.disable:
            self.bar.update(self.task, completed=self._done(), text=self._text())

    def ended(self, job: Job) -> None:
        """Tell of a training that has ended."""
        kept = job.kept
        how = str(kept["status"])
        if how == "finished":
            tested = kept["test_accuracy"]
            how = f"test {tested[-1]:.1%}" if tested else "finished"
        elif how == "waiting":
            how = f"failed, is tried once more: {kept['error']}"
        elif kept["error"]:
            how = f"{how}: {kept['error']}"
        line = f"{kept['run']}: {how}  ({self._text()})"
        self.run.console.print(line, soft_wrap=True, markup=False, highlight=False)

    def _text(self) -> str:
        jobs = self.run.jobs
        done = sum(job.kept["status"] in ("finished", "failed", "stopped") for job in jobs)
        failed = sum(job.kept["status"] == "failed" for job in jobs)
        text = f"{done}/{len(jobs)} done, {len(self.run.running)} running"
        text += f", {failed} failed" if failed else ""
        if self.run.is_blocked:
            text += ", waiting for runs that another process trains"
        return text + self._time_left()

    def _done(self) -> int:
        return sum(epochs_done(job) for job in self.run.jobs)

    def _time_left(self) -> str:
        """Return the time left at the mean speed so far; failed trainings are not waited for."""
        new = self._done() - sum(self.began.values())
        if new <= 0:
            return ""
        open_ = [j for j in self.run.jobs if j.kept["status"] in ("waiting", "running")]
        left = sum(job.config.epochs - epochs_done(job) for job in open_)
        seconds = left * (time.monotonic() - self.started) / new
        return f", {timedelta(seconds=round(seconds))} left"


def _has_ended(job: Job) -> bool:
    return job.process is not None and job.process.poll() is not None


def epochs_done(job: Job) -> int:
    """Return how many epochs of a training are done."""
    if job.kept["status"] == "finished":
        return job.config.epochs
    return len(layout.logged_epochs(job.folder, "metrics"))


def _differs(job: Job) -> str | None:
    """Return why the run in a job's folder is not the one that is wanted; None if it may be."""
    try:
        found = RunConfig.from_json(layout.read_info(job.folder).get("config") or {})
    except UnreadableRun:
        return None
    except UsageError as error:
        return str(error)
    one, other = found.as_json(), job.config.as_json()
    names = [n for n in one if n not in DECIDE_NOTHING and as_json(one[n]) != as_json(other[n])]
    if not names:
        return None
    return f"{job.folder} holds a run with another {', '.join(names)}; move it away"


def is_finished(folder: Path) -> bool:
    """Tell whether a folder holds a run that has finished."""
    try:
        return layout.read_info(folder)["status"] == "finished"
    except UnreadableRun:
        return False


def as_json(value: Any) -> Any:
    """Return a value as it comes back from `sweep.json`: a tuple as a list."""
    return json.loads(json.dumps(value))
