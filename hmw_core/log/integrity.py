"""Which epochs of a run are whole, and what is wrong with the first that is not."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from hmw_core.log import layout
from hmw_core.log.schema import SIGNAL_NAMES


def scan(folder: Path, n_samples: int) -> tuple[list[int], list[str]]:
    """Return the whole epochs, 1 up to the last without a gap, and sentences about the rest.

    A file is opened once in a process, and again only when its time or size changes.
    """
    last = max(layout.logged_epochs(folder, "metrics"), default=0)
    epochs: list[int] = []
    damage: list[str] = []
    for epoch in range(1, last + 1):
        signals = _version(layout.epoch_file(folder, "signals", epoch))
        metrics = _version(layout.epoch_file(folder, "metrics", epoch))
        fault = _fault_of_signals(*signals, n_samples) or _fault_of_metrics(*metrics)
        if fault:
            damage.append(f"epoch {epoch}: {fault}")
            break
        epochs.append(epoch)
    if damage and last > len(epochs) + 1:
        damage.append(f"epochs {len(epochs) + 2} to {last} are not used: a gap comes before")
    return epochs, damage


def read_metrics(folder: Path, epoch: int) -> dict[str, Any]:
    """Return an epoch's metrics as they were written."""
    return _read_metrics(*_version(layout.epoch_file(folder, "metrics", epoch)))


def _version(path: Path) -> tuple[Path, int, int]:
    """Return what changes when a file does: its path, time and size (-1 where it is missing)."""
    try:
        found = path.stat()
    except OSError:
        return path, -1, -1
    return path, found.st_mtime_ns, found.st_size


@lru_cache(maxsize=65536)
def _fault_of_signals(path: Path, _time: int, size: int, n_samples: int) -> str | None:
    if size < 0:
        return "its signals file is missing"
    try:
        found = pq.read_metadata(path)
    except (pa.ArrowInvalid, OSError) as error:
        return f"its signals file is truncated or not Parquet ({str(error)[:80]})"
    if found.num_rows != n_samples:
        return f"its signals file has {found.num_rows} rows instead of {n_samples}"
    lacking = set(SIGNAL_NAMES) - set(found.schema.names)
    if lacking:
        return f"its signals file lacks the column {', '.join(sorted(lacking))}"
    return None


@lru_cache(maxsize=65536)
def _read_metrics(path: Path, _time: int, _size: int) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def _fault_of_metrics(path: Path, time: int, size: int) -> str | None:
    try:
        row = _read_metrics(path, time, size)
    except (OSError, ValueError):
        return "its metrics file is missing or not JSON"
    return None if isinstance(row, dict) else "its metrics file is not one of ours"
