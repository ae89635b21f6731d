"""A folder that appears whole: made beside under a hidden name, renamed when all is in it."""

import errno
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import has_fcntl

from hmw_core.errors import UsageError
from hmw_core.log.layout import sync_folder
from hmw_core.log.lock import Busy, FolderLock

HIDDEN = re.compile(r"\.[0-9a-f]{16}\.making")
FULL = (errno.ENOSPC, errno.EDQUOT)


def make_folder(folder: Path, fill: Callable[[Path], None]) -> FolderLock:
    """Make a folder of what `fill` puts into the one it is given, and return its lock, held.

    Whatever ends it before, no folder of this name is there.

    Raises
    ------
    UsageError
        If something of this name is there, or nothing can be made beside it.
    OSError
        If the disk is full.
    """
    if os.path.lexists(folder):
        raise _taken(folder)
    try:
        with hidden_folder(folder.parent) as (hidden, lock):
            fill(hidden)
            sync_folder(hidden)
            if not has_fcntl:  # Windows renames no folder of which a file is open
                lock.free()
            # Of what was made meanwhile, only an empty folder gives way.
            os.rename(hidden, folder)
    except OSError as error:
        if error.errno in FULL:
            raise
        if os.path.lexists(folder):
            raise _taken(folder) from None
        raise UsageError(f"run folder {folder} cannot be made: {error.strerror}") from None
    sync_folder(folder.parent)
    lock.folder = folder
    return lock if has_fcntl else FolderLock(folder)


@contextmanager
def hidden_folder(place: Path) -> Iterator[tuple[Path, FolderLock]]:
    """Make a folder that no list shows; what of it is not renamed by the end is removed.

    Of a process that was killed, the next one that makes a folder here removes it: the lock tells
    it from those of the living.

    Raises
    ------
    OSError
        If none can be made or locked.
    """
    place.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(place)
    hidden, lock = _locked_folder(place)
    try:
        yield hidden, lock
    except BaseException:
        lock.free()
        raise
    finally:
        shutil.rmtree(hidden, ignore_errors=True)


def _locked_folder(place: Path) -> tuple[Path, FolderLock]:
    for _ in range(10):  # somebody may take it for a leftover before its lock is held
        hidden = place / f".{secrets.token_hex(8)}.making"
        hidden.mkdir()
        with suppress(Busy, FileNotFoundError):
            lock = FolderLock(hidden)
            if lock.where() == hidden:
                return hidden, lock
    raise OSError(errno.ENOLCK, "no file in it can be locked", str(place))


def _remove_leftovers(place: Path) -> None:
    for path in place.iterdir():
        if HIDDEN.fullmatch(path.name) and not path.is_symlink():
            with suppress(OSError, Busy):
                lock = FolderLock(path)
                shutil.rmtree(path, ignore_errors=True)
                lock.free()


def _taken(folder: Path) -> UsageError:
    return UsageError(f"run folder {folder} exists already; choose another name")
