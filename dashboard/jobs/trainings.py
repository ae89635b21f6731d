"""Trainings that the dashboard starts: processes of their own, found again by any later server.

`<runs>/.trainings/<name>.json` says which process trains a run and `<name>.log` what it printed.
Whether it lives is asked of the system, what it has reached of the run itself.
"""

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from filelock import FileLock

from dashboard.jobs.training_command import PROGRAM
from hmw_core import processes
from hmw_core.errors import UnreadableRun, UsageError
from hmw_core.file_names import PLAIN, check_plain
from hmw_core.log import layout
from hmw_core.log.files import DamagedFile, read_json
from hmw_core.log.reader import KILLED

LIVING = ("starting", "running", "stopping")
OF_OUR_CONFIG = {"recipe", "dataset", "method", "epochs"}
"""What the config of a run holds that `python -m training resume` accepts."""
REFUSED = "error: "
"""How the command line begins the one sentence about a user's mistake."""
RECENT = 5  # epochs from which the time left is told


@dataclass(frozen=True)
class Training:
    """A process that was started, as its file keeps it."""

    name: str
    command: list[str]
    started: str
    """UTC, ISO 8601."""
    host: str
    pid: int
    birth: str
    """When the process began, as its system counts; tells it from a later one of the same pid."""
    log_from: int
    """Where in the log its words begin, in bytes."""
    stop_asked: bool = False
    exit_code: int | None = None
    """As `subprocess` has it; None while it runs, or when no server was there to see its end."""


class State(NamedTuple):
    """How a training does: one of `LIVING`, or `finished`, `stopped`, `failed`."""

    status: str
    reason: str = ""
    """Why it is not running, in one sentence; empty for one that finished."""
    can_stop: bool = False
    can_resume: bool = False


def start(runs: Path, words: Sequence[str], name: str) -> Training:
    """Start `python -m training` with these words; it outlives whoever started it.

    Parameters
    ----------
    runs : Path
        Folder of the runs.
    words : sequence of str
        From `arguments` or `resume_arguments`.
    name : str
        The run's name.

    Raises
    ------
    UsageError
        If a training of this name lives, a new run's folder exists already, or a file cannot be
        written.
    """
    check_plain(name, "the run name")
    folder = runs / name
    try:
        with _alone(runs):
            before = find(runs, name)
            if (before and is_alive(before)) or layout.has_writer(folder):
                raise UsageError(f"run {name!r} is being trained already")
            if words[0] == "train" and folder.exists():
                raise UsageError(f"there is a run {name!r} already; choose another name")
            return _start(runs, words, name)
    except OSError as problem:
        raise UsageError(f"the training cannot be started in {runs}: {problem}") from None


def stop(runs: Path, name: str) -> None:
    """Ask a training to end after its batch; it keeps its whole epochs.

    Raises
    ------
    UsageError
        If no process of ours trains this run.
    """
    check_plain(name, "the run name")
    with _alone(runs):
        training = find(runs, name)
        if training is None or not is_alive(training):
            raise UsageError(f"no process that the dashboard started trains {name!r} now")
        _write(runs, replace(training, stop_asked=True))
        with suppress(ProcessLookupError):  # it has ended this very moment
            os.kill(training.pid, signal.SIGTERM)


def forget(runs: Path, name: str) -> None:
    """Remove what is kept of a training that left no run.

    Raises
    ------
    UsageError
        If it lives, or there is a run of this name.
    """
    training = find(runs, check_plain(name, "the run name"))
    if (runs / name).exists() or (training and is_alive(training)):
        raise UsageError(f"{name!r} is a run, or is becoming one: it is not forgotten")
    for path in (_record(runs, name), log_file(runs, name)):
        path.unlink(missing_ok=True)


def find(runs: Path, name: str) -> Training | None:
    """Return the last training of a run that a dashboard started, None where there is none."""
    try:
        training = Training(**read_json(_record(runs, name)))
    except (DamagedFile, TypeError):
        return None
    # The file may be anyone's: what it says of another run or process is not believed.
    sound = isinstance(training.pid, int) and training.pid > 1 and training.name == name
    return training if sound else None


def all_trainings(runs: Path) -> list[Training]:
    """Return the trainings that dashboards started here, newest first."""
    folder = runs / ".trainings"
    names = [path.stem for path in folder.glob("*.json") if PLAIN.fullmatch(path.stem)]
    found = [training for name in names if (training := find(runs, name)) is not None]
    return sorted(found, key=lambda training: training.started, reverse=True)


def is_alive(training: Training) -> bool:
    """Tell whether the very process that was started still works, on this machine."""
    if training.host != socket.gethostname():
        return False
    state, birth = processes.state_and_birth(training.pid)
    return birth == training.birth and state not in ("Z", "X")


def state(runs: Path, name: str) -> State:
    """Return how a run's training does, from its process, its log and its run folder."""
    training = find(runs, name)
    folder = runs / name
    info: dict[str, Any] = {}
    with suppress(UnreadableRun):
        info = layout.read_info(folder)
    has_writer = layout.has_writer(folder)
    status = info.get("status", "")
    if training is not None and is_alive(training) and status != "finished":
        doing = "running" if has_writer else "starting"
        return State("stopping" if training.stop_asked else doing, can_stop=True)
    if has_writer:
        where = "" if training is None else f" on {training.host}"
        return State("running", f"it was started elsewhere{where}; stop it there with Ctrl-C")
    if status == "finished":
        return State("finished")
    if not info and training is not None and training.stop_asked:
        return State("stopped", "it was stopped before its first epoch began; nothing was kept")
    can_resume = OF_OUR_CONFIG <= set(info.get("config") or ())
    last = (last_lines(runs, name) or [""])[-1]
    if last.startswith(REFUSED):
        return State("failed", last.removeprefix(REFUSED), can_resume=can_resume)
    was_stopped = status in ("stopped", "running")
    reason = _reason(training, last, info)
    return State("stopped" if was_stopped else "failed", reason, can_resume=can_resume)


def last_lines(runs: Path, name: str, count: int = 20) -> list[str]:
    """Return the last lines that the newest training of a run printed."""
    training = find(runs, name)
    log_from = training.log_from if training else 0
    return processes.last_lines(log_file(runs, name), count, log_from)


def log_file(runs: Path, name: str) -> Path:
    """Return where a training's words are kept."""
    return runs / ".trainings" / f"{name}.log"


def seconds_left(metrics: pd.DataFrame, n_epochs: int) -> float | None:
    """Return how long the epochs to come take at the pace of the last ones, None before the first.

    Parameters
    ----------
    metrics : DataFrame
        Of `RunReader.metrics`.
    n_epochs : int
        Epochs of the whole training.
    """
    if "seconds" not in metrics:
        return None
    recent = metrics["seconds"].dropna().tail(RECENT)
    if recent.empty:
        return None
    return float(recent.median()) * max(n_epochs - int(metrics["epoch"].max()), 0)


def _start(runs: Path, words: Sequence[str], name: str) -> Training:
    command = [*PROGRAM, *words]
    log = log_file(runs, name)
    log_from = log.stat().st_size if log.exists() else 0
    process = processes.start(command, log)
    # Also of one that has failed by now: nobody waited for it.
    _, birth = processes.state_and_birth(process.pid)
    training = Training(
        name=name,
        command=command,
        started=datetime.now(UTC).isoformat(timespec="milliseconds"),
        host=socket.gethostname(),
        pid=process.pid,
        birth=birth,
        log_from=log_from,
    )
    _write(runs, training)
    threading.Thread(target=_note_end, args=(runs, training, process), daemon=True).start()
    return training


def _note_end(runs: Path, training: Training, process: subprocess.Popen) -> None:
    """Wait for the end of a training and keep its exit code, unless another has begun since."""
    code = process.wait()
    with suppress(OSError), _alone(runs):  # the folder may be gone
        newest = find(runs, training.name)
        if newest is not None and (newest.pid, newest.birth) == (training.pid, training.birth):
            _write(runs, replace(newest, exit_code=code))


@contextmanager
def _alone(runs: Path) -> Iterator[None]:
    """Keep every other dashboard from starting a training at the same time."""
    folder = runs / ".trainings"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        yield


def _record(runs: Path, name: str) -> Path:
    return runs / ".trainings" / f"{name}.json"


def _write(runs: Path, training: Training) -> None:
    layout.write_json(_record(runs, training.name), asdict(training), indent=1)


def _reason(training: Training | None, last: str, info: dict[str, Any]) -> str:
    """Return why a training that neither lives nor finished has ended; `last` is its last line."""
    killed = processes.killed_by(training.exit_code) if training else None
    if killed:
        return killed
    if info.get("error"):
        return str(info["error"])
    if info.get("status") == "stopped":
        return "it was asked to stop; its whole epochs are kept"
    if info.get("status") == "running":
        return KILLED
    return last or "the process ended before it said anything"
