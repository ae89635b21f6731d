"""The runs of a folder: a reader for each, or why there is none."""

import os
from collections.abc import Callable
from pathlib import Path

from hmw_core.errors import UnreadableRun, UsageError
from hmw_core.log.files import shown
from hmw_core.log.reader import RunReader, opening


def list_runs(
    runs: str | Path,
    open_run: Callable[[Path], RunReader] = RunReader,
    *,
    called: str | None = None,
) -> list[RunReader | tuple[str, str]]:
    """Return a reader for each run below a folder, or its name and why it cannot be read.

    Newest first; what cannot be read comes last. `open_run` may keep readers it has made before.
    With `called` only the run of this name is opened: a name is looked for, never joined to a path.
    """
    readable: list[RunReader] = []
    broken: list[tuple[str, str]] = []
    folder = Path(runs)
    try:
        paths = sorted(folder.iterdir()) if os.path.isdir(folder) else []
    except OSError as error:
        raise UsageError(f"the folder {shown(folder)} cannot be read: {error.strerror}") from None
    for path in paths:
        if path.name.startswith(".") or called not in (None, path.name) or not os.path.isdir(path):
            continue
        try:
            with opening(path.name):
                readable.append(open_run(path))
        except UnreadableRun as error:
            broken.append((shown(path.name), str(error)))
    readable.sort(key=lambda run: run.info.get("created") or "", reverse=True)
    return [*readable, *broken]
