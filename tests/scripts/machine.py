"""A machine of its own for the scripts: a copy of them, a fake Python, and few other commands."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = "bash basename dirname readlink mkdir rmdir touch cat ls rm find df awk grep tail flock id"


class Machine:
    """Run the scripts in a folder with a space in its name, with nothing real on PATH."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "a copy"
        self.bin = folder / "bin"
        self.calls_file = folder / "calls.txt"
        self.calls_file.touch()
        (self.root / "scripts").mkdir(parents=True)
        self.bin.mkdir()
        for name in ("run_dashboard.sh", "run_tests.sh", "scripts/setup.sh"):
            shutil.copy(ROOT / name, self.root / name)
        (self.root / "requirements").mkdir()
        for name in ("core", "dashboard"):
            (self.root / f"requirements/{name}.txt").write_text("numpy\n")
        for name in ("requirements.txt", "requirements-dev.txt"):
            (self.root / name).write_text("-r requirements/core.txt\n")
        for tool in TOOLS.split():
            (self.bin / tool).symlink_to(shutil.which(tool) or pytest.fail(f"no {tool} here"))
        fake = Path(__file__).with_name("fake_python.py")
        self.command("python3", f'exec "{sys.executable}" "{fake}" "$0" "$@"')
        self.command("df", 'echo; echo "disk 99999999 1 ${FAKE_FREE_KB:-99999999} 1% /"')
        self.command("id", "echo 1000")
        self.environment = {"PATH": str(self.bin), "FAKE_CALLS": str(self.calls_file)}
        self.started: list[subprocess.Popen[str]] = []

    def __enter__(self) -> "Machine":
        return self

    def __exit__(self, *_: object) -> None:
        """End what was started and still runs, and close its pipes."""
        for process in self.started:
            with process:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)

    def command(self, name: str, text: str) -> None:
        """Put a bash script on PATH; a Python one's first line could not hold a space."""
        path = self.bin / name
        path.unlink(missing_ok=True)
        path.write_text(f"#!/bin/bash\n{text}\n")
        path.chmod(0o755)

    def start(self, *arguments: str, cwd: Path | None = None, **fakes: str) -> "subprocess.Popen":
        """Start a script, as the leader of its own process group."""
        process = subprocess.Popen(
            [str(self.root / arguments[0]), *arguments[1:]],
            cwd=cwd or self.root,
            env=self.environment | fakes,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        self.started.append(process)
        return process

    def run(self, *arguments: str, cwd: Path | None = None, **fakes: str) -> "Finished":
        """Run a script to its end."""
        return Finished(self.start(*arguments, cwd=cwd, **fakes))

    def wait_for_call(self, start: str) -> None:
        """Wait until the fake Python was asked for something."""
        for _ in range(200):
            if any(call.startswith(start) for call in self.calls()):
                return
            time.sleep(0.05)
        pytest.fail(f"no call {start!r} among {self.calls()}")

    def calls(self) -> list[str]:
        """Return what the fake Python was asked so far."""
        return self.calls_file.read_text().splitlines()

    def forget_calls(self) -> None:
        """Start the list anew."""
        self.calls_file.write_text("")


class Finished:
    """Exit code and output of a script that ended."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.stdout, self.stderr = process.communicate(timeout=30)
        self.code = process.returncode

    def sentence(self) -> str:
        """Return what it said on stderr, which must be one line."""
        lines = self.stderr.splitlines()
        assert len(lines) == 1, self.stderr
        return lines[0]
