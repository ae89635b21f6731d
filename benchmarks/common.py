"""What several benchmarks do: time calls, read memory, measure in a process apart, serve runs."""

import json
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hmw_core import RunReader

ROOT = Path(__file__).parents[1]


def seconds(work: Callable[[], object]) -> float:
    """Return the wall time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def spread(values: Sequence[float], digits: int = 3) -> str:
    """Return median and range, as text."""
    low, high = min(values), max(values)
    return f"{statistics.median(values):.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def machine() -> str:
    """Return how many cores there are, and how busy they are."""
    return f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"


def size_of(run: RunReader) -> str:
    """Return how large a run is."""
    return f"{run.n_samples:,} samples x {run.n_classes} classes x {run.last_epoch} epochs"


def in_own_process(module: str, *arguments: object) -> dict[str, Any]:
    """Return the JSON that `python -m benchmarks.<module>` prints as its last line."""
    command = [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


@contextmanager
def served(runs: Path, root: Path = ROOT) -> Iterator[tuple[str, int]]:
    """Serve a folder of runs by the code in `root`; yield the address and the process id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "dashboard/app.py"]
    command += ["--server.address", "127.0.0.1", "--server.port", str(port)]
    command += ["--server.headless", "true"]
    environment = {**os.environ, "HMW_RUNS": str(runs)}
    quiet = subprocess.DEVNULL
    server = subprocess.Popen(command, cwd=root, env=environment, stdout=quiet, stderr=quiet)
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(300):
            try:
                with urllib.request.urlopen(f"{address}/_stcore/health", timeout=5):
                    break
            except OSError:  # the server is still starting
                time.sleep(0.2)
        yield address, server.pid
    finally:
        server.terminate()
        server.wait()


def processor_seconds(pid: int) -> float:
    """Return the processor time that a process has used, in seconds (Linux)."""
    words = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def resident_gib(pid: int) -> float:
    """Return the resident memory of a process, in GiB (Linux)."""
    return _status(pid, "VmRSS")


def peak_gib(pid: int) -> float:
    """Return the most memory that a process ever had resident, in GiB (Linux)."""
    return _status(pid, "VmHWM")


def _status(pid: int, field: str) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    kib = next(line.split()[1] for line in status.splitlines() if line.startswith(field))
    return int(kib) / 2**20
