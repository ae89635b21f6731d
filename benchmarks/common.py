"""How much memory a process has resident, and had at most."""

from pathlib import Path


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
