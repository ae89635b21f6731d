"""A run and its class as a command line names them."""

import os
from collections.abc import Sequence
from pathlib import Path

from hmw_core.errors import UsageError
from hmw_core.log.files import shown
from hmw_core.log.reader import RunReader

RUNS = Path("data/runs")
NAMED = 20  # classes and runs that a message lists


def find_run(name: str, network: int = 1, runs: Path | None = None) -> RunReader:
    """Return a run by its folder's path, or by its name in `runs`.

    Default: `$HMW_RUNS`, or `data/runs`.

    Raises
    ------
    UsageError
        If there is none, it cannot be read, or it has no such network.
    """
    runs = runs or Path(os.environ.get("HMW_RUNS") or RUNS)
    for folder in (Path(name), runs / name):
        if os.path.isdir(folder):  # false also of what no path can be
            return RunReader(folder, network)
    known = sorted(shown(path.parent.name) for path in runs.glob("[!.]*/run.json"))
    raise UsageError(
        f"no run {name[:300]!r}: neither a folder nor a run in {runs}, "
        f"which has: {_listed(known) or 'none'}"
    )


def label_of(run: RunReader, class_name: str) -> int:
    """Return the label of a class by its name, or by its number where no class is called that.

    Raises
    ------
    UsageError
        If there is none; the message lists the classes.
    """
    if class_name in run.class_names:
        return run.class_names.index(class_name)
    number = int(class_name[:9]) if class_name.isdecimal() else -1
    if str(number) == class_name and 0 <= number < run.n_classes:
        return number
    raise UsageError(
        f"run {run.name!r} has no class {class_name!r}; it has: {_listed(run.class_names)}"
    )


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def network_words(run: RunReader) -> list[str]:
    """Return how a command line asks for this network; nothing for the first."""
    return ["--network", str(run.network)] if run.network > 1 else []
