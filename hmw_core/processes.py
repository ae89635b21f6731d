"""Processes beside this one: started so that they outlive it, and asked what became of them."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

PACKAGES = Path(__file__).resolve().parents[1]
"""Where `python -m training` finds the packages, installed or not."""
PASSIVE = ("OMP_WAIT_POLICY", "PASSIVE")
"""Has OpenMP's threads sleep while they wait. They would spin, and where another process computes,
too, each keeps the cores from what the other waits for: epochs took ten times as long."""


def environment(**more: str) -> dict[str, str]:
    """Return our environment for a process that finds our packages from any folder."""
    paths = [str(PACKAGES), *filter(None, [os.environ.get("PYTHONPATH")])]
    ours = {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}
    return dict([PASSIVE]) | os.environ | ours | more


def start(
    command: Sequence[str], log: Path, more: Mapping[str, str] | None = None
) -> "subprocess.Popen[bytes]":
    """Start a command in this process's folder; its words are added to `log`.

    Neither Ctrl-C nor a closed terminal reaches it, and it outlives its starter.
    """
    with log.open("ab") as file:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=environment(**(more or {})),
            start_new_session=True,
        )


def last_lines(log: Path, count: int = 1, start: int = 0, most: int = 16_384) -> list[str]:
    """Return the last lines that are not empty, of the last `most` bytes from byte `start` on."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(start, size - most))
            text = file.read().decode("utf-8", errors="replace")
    except (OSError, ValueError):
        return []
    return [line.rstrip() for line in text.splitlines() if line.strip()][-count:]


def killed_by(code: int | None) -> str | None:
    """Return in a sentence which signal ended a process with this exit code, None if none did."""
    if code is None or code >= 0:
        return None
    name = signal.Signals(-code).name
    return f"the process was ended by {name}" + (
        "; the machine may have been short of memory" * (name == "SIGKILL")
    )


def state_and_birth(pid: int) -> tuple[str, str]:
    """Return a process's state letter and when it began, both empty where there is none.

    The number of a process is given again; its birth tells it from a later one.
    """
    try:
        words = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
        return words[0], f"{boot} {words[19]}"
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return "", ""
    except ProcessLookupError:  # it ended while its file was read
        return "", ""
    # macOS keeps no files of its processes.
    done = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True
    )
    letter, _, birth = done.stdout.strip().partition(" ")
    return letter[:1], birth.strip()
