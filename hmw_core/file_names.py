"""Texts that become part of a path: which may, and the name of a file made of any."""

import re

from hmw_core.errors import UsageError

PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+=-]{0,99}")
"""Neither hidden nor an option, and the same on every system and in every address."""
LONGEST = 200  # bytes; a folder's name may have 255, and files beside it begin with it
_FOLDER = re.compile(r"[^./\\\x00-\x1f\x7f][^/\\\x00-\x1f\x7f]*")
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE | re.DOTALL)


def check_plain(name: str, what: str) -> str:
    """Return a name that the program made or that goes into a command; `what` is called so.

    Raises
    ------
    UsageError
        If it could lead out of its folder, be hidden, or be taken for an option.
    """
    if not PLAIN.fullmatch(name):
        raise UsageError(
            f"{what} {name[:120]!r} is not plain: begin with a letter or digit and use "
            "letters, digits and . _ + = - only, 100 at most"
        )
    return name


def is_folder_name(name: str) -> bool:
    """Tell whether a text is the name of one visible folder, and no way to another place."""
    return bool(_FOLDER.fullmatch(name)) and len(name.encode("utf-8", "surrogatepass")) <= LONGEST


def check_folder_name(name: str, option: str) -> str:
    """Return a name that a user gave a folder.

    Raises
    ------
    UsageError
        If it is none.
    """
    if not is_folder_name(name):
        raise UsageError(
            f"{option} must be a plain name without slashes, not hidden and of at most {LONGEST} "
            f"bytes, got {name[:120]!r}"
        )
    return name


def file_name(stem: str, ending: str) -> str:
    """Return the name of a file that any system can keep, made of any text and an ending of ours.

    Examples
    --------
    >>> file_name("../my run: 1", "-labels.csv"), file_name("NUL", ".csv"), file_name("", ".csv")
    ('my-run-1-labels.csv', '_NUL.csv', '_.csv')
    """
    plain = re.sub(r"[^\w.+=-]+", "-", stem).strip(".-")
    plain = plain.encode("utf-8", "ignore")[:120].decode("utf-8", "ignore")
    return f"{'_' * (not plain or bool(_DEVICE.fullmatch(plain)))}{plain}{ending}"
