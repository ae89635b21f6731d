"""Long work on a run: by one process at a time, which says how far it is and ends when it is told.

A file is locked meanwhile, holds how far the work is, and is removed at its end.
"""

import os
import time
from contextlib import suppress
from pathlib import Path

from filelock import lock_descriptor

from hmw_core.errors import UsageError
from hmw_core.log import layout
from hmw_core.log.files import read_bytes

TELL_EVERY = 0.5  # s between two words of progress


class Cancelled(UsageError):
    """Somebody told the work to end."""


class LongWork:
    """Waits while another process does the same work; entered, it is the only one.

    Parameters
    ----------
    path : path
        The file to lock. Where it cannot be written, nothing is locked: no other process could
        keep what it makes there, either.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None
        self._told = 0.0

    def __enter__(self) -> "LongWork":
        with suppress(OSError):
            while self._descriptor is None:
                with suppress(FileExistsError):
                    self.path.parent.mkdir()  # the folder of a deleted run stays away
                descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
                try:
                    lock_descriptor(descriptor)
                    if self._is_at_its_place(descriptor):
                        self._descriptor = descriptor
                finally:
                    if self._descriptor is None:  # the one before removed it at its end
                        os.close(descriptor)
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor is not None:
            if self._is_at_its_place(self._descriptor):
                with suppress(OSError):  # Windows removes no open file
                    self.path.unlink()
            os.close(self._descriptor)
            self._descriptor = None

    def tell(self, done: int, total: int) -> None:
        """Note how far the work is.

        Raises
        ------
        Cancelled
            If `cancel` was called.
        """
        now = time.monotonic()
        if self._descriptor is None or now - self._told < TELL_EVERY:
            return
        self._told = now
        if not self._is_at_its_place(self._descriptor):
            raise Cancelled("it was cancelled")
        with suppress(OSError):  # a full disk
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            os.write(self._descriptor, f"{done} {total}".ljust(40).encode())

    def _is_at_its_place(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), os.stat(self.path))
        except OSError:
            return False


def share_done(path: Path) -> float | None:
    """Return how far a living process is with a file's work, [0, 1]; None if none is at it."""
    if not layout.is_locked(path):
        return None
    with suppress(OSError, ValueError):
        done, total = read_bytes(path, largest=100).split()
        return min(max(int(done) / int(total), 0.0), 1.0) if int(total) > 0 else 0.0
    return 0.0


def cancel(path: Path) -> None:
    """Have the process that does the work of this file end it at its next word of progress."""
    with suppress(OSError):
        path.unlink()
