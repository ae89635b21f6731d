"""The lock of a folder: held by the one process that writes it, wherever the folder goes."""

import os
import time
import weakref
from contextlib import suppress
from pathlib import Path

from filelock import lock_descriptor

from hmw_core.errors import UsageError

KEPT_BY_READERS = ("cache", "projections", "duplicates")
"""Folders of a run that dashboards write into, which do not hold its lock."""
SURELY_DEAD = 3600.0  # s; nobody takes so long to write one file that lies in memory


class Busy(UsageError):
    """Another process writes the folder."""


class FolderLock:
    """Taken when it is made, freed by `free` or at any death of the process.

    With `wait` it waits for another holder's end. The part files of earlier writers that were
    killed are removed.

    Raises
    ------
    Busy
        If another process holds it.
    OSError
        If the folder cannot be written.
    """

    def __init__(self, folder: Path, wait: bool = False) -> None:
        self.folder = folder
        self._descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
        self.free = weakref.finalize(self, os.close, self._descriptor)
        if not (lock_descriptor(self._descriptor) if wait else self._is_taken()):
            self.free()
            raise Busy(f"run {folder.name!r} is being written by another process")
        _remove_parts_of_the_dead(folder)

    def _is_taken(self) -> bool:
        for wait in (0.0, 0.05, 0.2):  # a reader may be probing at this very moment
            time.sleep(wait)
            if lock_descriptor(self._descriptor, blocking=False):
                return True
        return False

    def where(self) -> Path | None:
        """Return where the folder lies now; None if it is gone, freed, or unknown."""
        if not self.free.alive:
            return None
        held = os.fstat(self._descriptor)
        for folder in (self.folder, self._renamed()):
            with suppress(OSError):
                if os.path.samestat(os.stat(folder / ".lock"), held):
                    return folder
        return None

    def _renamed(self) -> Path:
        """Return the folder of the locked file, as Linux tells it; elsewhere its old name."""
        with suppress(OSError):
            return Path(os.readlink(f"/proc/self/fd/{self._descriptor}")).parent
        return self.folder


def _remove_parts_of_the_dead(folder: Path) -> None:
    """Remove what killed writers left, but in folders below that have a lock of their own."""
    for place, below, files in os.walk(folder):
        below[:] = [name for name in below if not os.path.exists(f"{place}/{name}/.lock")]
        is_ours = os.path.basename(place) not in KEPT_BY_READERS
        for name in files:
            if name.startswith(".") and name.endswith(".part"):
                with suppress(OSError):
                    age = time.time() - os.stat(f"{place}/{name}").st_mtime
                    if is_ours or age > SURELY_DEAD:
                        os.unlink(f"{place}/{name}")
