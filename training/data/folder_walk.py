"""Which files below a folder are pictures: hidden ones left out, links followed."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from hmw_core.errors import UsageError
from hmw_core.log.decoding import SUFFIXES

JUNK = {  # what systems, archives and notebooks leave behind, besides names that begin with a dot
    "__macosx", "__pycache__", "@eadir", "#recycle", "$recycle.bin", "lost+found",
    "system volume information", "thumbs.db", "desktop.ini",
}  # fmt: skip


def printable(name: str | os.PathLike[str]) -> str:
    r"""Return a name as text that can be written anywhere; bytes that are no UTF-8 become \xff."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def entries(folder: Path) -> list[os.DirEntry[str]]:
    """Return what a folder holds, what is itself there before links, then by name.

    A link to a folder that the link lies in is left out: it leads back, or to other data.

    Raises
    ------
    UsageError
        If it cannot be opened.
    """
    try:
        with os.scandir(folder) as found:
            inside = sorted(found, key=lambda entry: (entry.is_symlink(), entry.name))
    except OSError as error:
        raise UsageError(f"folder {printable(folder)} cannot be read: {error.strerror}") from None
    here = os.path.realpath(folder)
    return [e for e in inside if not (e.is_symlink() and _holds(os.path.realpath(e.path), here))]


def _holds(folder: str, place: str) -> bool:
    """Tell whether a real path is that of a folder or of something below it."""
    return place == folder or place.startswith(folder.rstrip(os.sep) + os.sep)


def subfolders(folder: Path) -> list[Path]:
    """Return the folders in a folder, links to folders among them, without hidden ones."""
    return [Path(e.path) for e in entries(folder) if _is_folder(e) and not is_ignored(e.name)]


def is_ignored(name: str) -> bool:
    """Tell whether a file or folder of this name is nobody's data."""
    return name.startswith(".") or name.casefold() in JUNK


def is_picture(entry: os.DirEntry[str]) -> bool:
    """Tell whether a file counts as a picture: by its ending, or as a link that leads nowhere."""
    if is_ignored(entry.name) or _is_folder(entry):
        return False
    return _suffix(entry.name) in SUFFIXES or not os.path.exists(entry.path)


def pictures_below(folder: Path, left_out: Counter[str]) -> dict[str, Path]:
    """Return the pictures in a folder and all folders in it, sorted, by their real path.

    Links are followed. A folder or picture that is reached again counts once, so a link that leads
    back ends there. `left_out` counts the other files by their ending, and hidden pictures.
    """
    found: dict[str, Path] = {}
    start = os.path.realpath(folder)
    pending, visited = [folder], set[str]()
    for place in pending:  # it grows: folders themselves come before what links lead to
        real = os.path.realpath(place)
        if real in visited or (visited and _holds(real, start)):
            continue
        visited.add(real)
        for entry in entries(place):
            if _is_folder(entry):
                pending += [] if is_ignored(entry.name) else [Path(entry.path)]
            elif is_picture(entry):
                linked = entry.is_symlink()
                own = os.path.realpath(entry.path) if linked else os.path.join(real, entry.name)
                found.setdefault(own, Path(entry.path))
            else:
                left_out.update(_left_out(entry.name))
    return dict(sorted(found.items(), key=lambda item: item[1]))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    # `is_dir` alone raises for a link that leads to itself.
    return os.path.isdir(entry.path) if entry.is_symlink() else entry.is_dir()


def _left_out(name: str) -> Iterator[str]:
    if not is_ignored(name):
        yield _suffix(name) or "without an ending"
    elif _suffix(name) in SUFFIXES and not name.startswith("._"):  # macOS's are no pictures
        yield "hidden"


def _suffix(name: str) -> str:
    return os.path.splitext(printable(name))[1].lower()
