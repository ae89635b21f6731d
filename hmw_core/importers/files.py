"""Labels, tables, arrays and numbered files, as several importers read them."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from hmw_core.errors import UsageError

LABEL_COLUMNS = ("label", "labels", "given_label", "true_label")


def read_labels(
    path: Path, n_samples: int, keys: list[str] | None, may_be_unknown: bool = False
) -> np.ndarray:
    """Return the labels of a file in the order of the samples, int64; -1 where unknown.

    Raises
    ------
    UsageError
        If the file cannot be read, or does not give each sample one whole number.
    """
    table = read_table(path)
    column = next((name for name in LABEL_COLUMNS if name in table), None)
    if column is None:
        if len(table.columns) != 1:
            raise UsageError(
                f"{path} needs a column {' or '.join(LABEL_COLUMNS)}; "
                f"it has {', '.join(map(str, table.columns))}"
            )
        column = table.columns[0]
    values = table[column]
    if "sample_id" in table:
        names = pd.Index(table["sample_id"].astype(str))
        twice = names[names.duplicated()]
        if len(twice):
            raise UsageError(f"{path} has sample {twice[0]!r} twice")
        expected = pd.Index(keys or list(map(str, range(n_samples))))
        foreign = names.difference(expected)
        if len(foreign):
            raise UsageError(f"{path} has sample {foreign[0]!r}, which the log has not")
        values = values.set_axis(names).reindex(expected)
    if len(values) != n_samples:
        raise UsageError(f"{path} has {len(values):,} labels, but there are {n_samples:,} samples")
    return whole_labels(values, str(path), may_be_unknown)


def whole_labels(
    values: pd.Series | np.ndarray, where: str, may_be_unknown: bool = False
) -> np.ndarray:
    """Return labels as int64, -1 where unknown.

    Raises
    ------
    UsageError
        If one is no whole number, negative, or, unless they may be unknown, missing.
    """
    numbers = pd.to_numeric(pd.Series(values).reset_index(drop=True), errors="coerce")
    was_given = pd.Series(values).notna().reset_index(drop=True)
    wrong = (was_given & numbers.isna()) | (numbers % 1).fillna(0).ne(0)
    lowest = -1 if may_be_unknown else 0
    wrong |= numbers < lowest
    if not may_be_unknown:
        wrong |= ~was_given
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        found = pd.Series(values).iloc[row]
        raise UsageError(
            f"{where}: label {found!r} of sample {row} (counted from 0) is not a whole number "
            f"from {lowest} on"
        )
    return numbers.fillna(-1).to_numpy().astype(np.int64)


def read_table(path: Path) -> pd.DataFrame:
    """Return a csv or parquet file as it is, or a npy file of shape (N,) as a column `label`.

    Raises
    ------
    UsageError
        If it is missing, of another kind, or damaged.
    """
    if path.suffix == ".npy":
        values = read_array(path)
        if values.ndim != 1:
            raise UsageError(f"{path} must be of shape (N,), it is {values.shape}")
        return pd.DataFrame({"label": values})
    if path.suffix not in (".csv", ".parquet"):
        raise UsageError(f"{path} is none of npy, csv and parquet")
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        return pd.read_csv(path, dtype={"sample_id": str})  # ids as they are written: 007 is not 7
    except FileNotFoundError:
        raise UsageError(f"there is no file {path}") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {_line(error)}") from None


def read_array(path: Path) -> np.ndarray:
    """Return the array of a npy file, mapped and not loaded.

    Raises
    ------
    UsageError
        If it is missing, damaged, or holds Python objects.
    """
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise UsageError(f"there is no file {path}") from None
    except (OSError, ValueError, EOFError) as error:
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
