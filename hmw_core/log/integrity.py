"""Which epochs of a run are whole, and what is wrong with the first that is not."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from hmw_core.log import layout
from hmw_core.log.files import DamagedFile, open_table, read_json
from hmw_core.log.schema import METRICS, SIGNALS, types_of

NUMBERS = tuple(column.name for column in METRICS if column.dtype in ("int", "float"))
SIGNAL_TYPES = types_of(SIGNALS)
FINITE = 1e300  # JSON may hold more, which becomes infinite


def scan(folder: Path, n_samples: int, n_epochs: int) -> tuple[list[int], list[str]]:
    """Return the whole epochs, 1 up to the last without a gap, and sentences about the rest.

    A file is opened once in a process, and again only when its time or size changes.
    """
    last = max(layout.logged_epochs(folder, "metrics"), default=0)
    epochs: list[int] = []
    damage: list[str] = []
    for epoch in range(1, last + 1):
        signals = layout.epoch_file(folder, "signals", epoch)
        metrics = layout.epoch_file(folder, "metrics", epoch)
        fault = (
            _fault_of_signals(signals, layout.version(signals), n_samples)
            or _fault_of_metrics(metrics)
            or (f"it is past the {n_epochs} of run.json" if epoch > n_epochs else None)
        )
        if fault:
            damage.append(f"epoch {epoch}: {fault}")
            break
        epochs.append(epoch)
    if damage and last > len(epochs) + 1:
        damage.append(f"epochs {len(epochs) + 2} to {last} are not used: a gap comes before")
    return epochs, damage


def read_metrics(folder: Path, epoch: int) -> dict[str, Any]:
    """Return an epoch's metrics as they were written."""
    path = layout.epoch_file(folder, "metrics", epoch)
    return _read_metrics(path, layout.version(path))


@lru_cache(maxsize=65536)
def _fault_of_signals(path: Path, _version: tuple[int, int], n_samples: int) -> str | None:
    try:
        with open_table(path, SIGNAL_TYPES, n_rows=n_samples):
            return None
    except DamagedFile as error:
        return f"its signals file {error.reason}"


@lru_cache(maxsize=65536)
def _read_metrics(path: Path, _version: tuple[int, int]) -> dict[str, Any]:
    row = read_json(path)
    fault = _fault_of_row(row, int(path.stem.removeprefix("epoch-")))
    if fault:
        raise DamagedFile(path, f"is damaged: {fault}")
    return row


def _fault_of_row(row: Any, epoch: int) -> str | None:
    if not isinstance(row, dict) or row.get("epoch") != epoch:
        return f"it is no row of epoch {epoch}"
    for name, value in row.items():
        if isinstance(value, int | float) and not abs(value) < FINITE:
            return f"its {name} is not finite"
        if isinstance(value, list | dict):
            return f"its {name} is neither a number nor a text"
        if isinstance(value, str) and (name in NUMBERS or name.startswith(("auroc_", "test_"))):
            return f"its {name} is a text"
    return None


def _fault_of_metrics(path: Path) -> str | None:
    try:
        _read_metrics(path, layout.version(path))
    except DamagedFile as error:
        return f"its metrics file {error.reason}"
    return None
