"""Arrays, numbered files and keys, as several importers read them."""

from collections.abc import Iterable
from pathlib import Path
from tokenize import TokenError

import numpy as np

from hmw_core.errors import UsageError


def read_array(path: Path) -> np.ndarray:
    """Return the array of a npy file, mapped and not loaded.

    Raises
    ------
    UsageError
        If it is missing, damaged, or holds Python objects.
    """
    try:
        return np.lib.format.open_memmap(path, mode="r")
    except FileNotFoundError:
        raise UsageError(f"there is no file {path}") from None
    except (OSError, ValueError, EOFError, TokenError, SyntaxError) as error:
        raise UsageError(f"{path} cannot be read as npy: {_line(error)}") from None


def numbered(files: Iterable[Path], where: Path) -> list[Path]:
    """Return files in the order of the last number in their names, which must have no gap.

    Raises
    ------
    UsageError
        If a name has no number, two have the same, the first is neither 0 nor 1, or one is missing.
    """
    by_number: dict[int, Path] = {}
    for file in sorted(files):
        digits = "".join(c if c.isascii() and c.isdigit() else " " for c in file.stem).split()
        if not digits:
            raise UsageError(f"{file} has no number in its name that says which epoch it is")
        number = int(digits[-1])
        if number in by_number:
            raise UsageError(f"{by_number[number].name} and {file.name} are both epoch {number}")
        by_number[number] = file
    order = sorted(by_number)
    if order[0] > 1:
        raise UsageError(f"{where}: the first epoch is 0 or 1, but the first file is of {order[0]}")
    missing = sorted(set(range(order[0], order[-1])) - set(order))
    if missing:
        raise UsageError(
            f"{where}: epoch {missing[0]} is missing between {order[0]} and {order[-1]}"
        )
    return [by_number[number] for number in order]


def keys_unless_positions(ids: list[str]) -> tuple[np.ndarray, list[str] | None]:
    """Return where each sample goes, and the names to keep: none where they are just 0..N-1."""
    numbers = {str(number): number for number in range(len(ids))}
    if numbers.keys() == set(ids):
        return np.array([numbers[name] for name in ids]), None
    return np.arange(len(ids)), ids


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
