"""How much memory a process has resident."""

from pathlib import Path


def resident_gib(pid: int) -> float:
    """Return the resident memory of a process, in GiB (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    kib = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
    return int(kib) / 2**20
