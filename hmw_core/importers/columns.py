"""Columns of labels, ids and numbers of any file, as several importers read them."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from hmw_core.errors import UsageError
from hmw_core.foreign.array_files import MAGIC, arrays_in_file
from hmw_core.foreign.label_column import label_column
from hmw_core.review.label_codec import decode
from hmw_core.review.label_file import content_of

LABEL_COLUMNS = ("label", "labels", "given_label", "true_label", "clean_label")


def read_labels(
    path: Path,
    n_samples: int,
    keys: list[str] | None,
    class_names: Sequence[str] = (),
    *,
    n_classes: int | None = None,
    may_be_unknown: bool = False,
) -> np.ndarray:
    """Return the labels of a file in the order of the samples, int64; -1 where unknown.

    Parameters
    ----------
    path : path
        Of a file as `read_columns` takes it; `FILE:COLUMN` names one of several columns.
    n_samples : int
    keys : list of str or None
        The samples' names, where they are not 0..N-1.
    class_names, n_classes, may_be_unknown
        As `labels_of`'s.

    Raises
    ------
    UsageError
        If the file cannot be read, or does not give each sample one label.
    """
    file, _, column = str(path).rpartition(":")
    if path.exists() or not Path(file).is_file():
        file, column = str(path), ""
    wanted = (column,) if column else LABEL_COLUMNS
    table = read_columns(Path(file), {"sample_id", *wanted})
    name = next((name for name in wanted if name in table), None)
    if name is None:
        others = [name for name in table if name != "sample_id"]
        if column or len(others) != 1:
            hint = f"; name one as {file}:COLUMN" if others and not column else ""
            raise UsageError(
                f"{file} needs a column {' or '.join(wanted)}; "
                f"it has {', '.join(table) or 'nothing'}{hint}"
            )
        name = others[0]
    label = labels_of(table[name], f"{file}, {name}", class_names, n_classes, may_be_unknown)
    if "sample_id" not in table:
        if len(label) != n_samples:
            raise UsageError(
                f"{file} has {len(label):,} labels, but there are {n_samples:,} samples"
            )
        return label
    ids = sample_names(table["sample_id"], file)
    if len(ids) != len(label):
        raise UsageError(f"{file} has {len(label):,} labels for {len(ids):,} sample_id")
    check_unique(ids, file)
    expected = pd.Index(keys or list(map(str, range(n_samples))))
    foreign = ids.difference(expected)
    if len(foreign):
        raise UsageError(f"{file} has sample {foreign[0]!r}, which the log has not")
    place = ids.get_indexer(expected)
    if not may_be_unknown and (place < 0).any():
        raise UsageError(f"{file} leaves out sample {expected[int((place < 0).argmax())]!r}")
    return np.append(label, -1)[place]


def labels_of(
    values: Any,
    where: str,
    class_names: Sequence[str] = (),
    n_classes: int | None = None,
    may_be_unknown: bool = False,
) -> np.ndarray:
    """Return a column as `label_column` reads it; what words mean the class names must say.

    Raises
    ------
    UsageError
        As `label_column`, or if there are words and no class names.
    """
    found = label_column(
        values,
        where,
        class_names=class_names or None,
        n_classes=n_classes,
        may_be_unknown=may_be_unknown,
    )
    if found.words and not class_names:
        shown = ", ".join(map(repr, found.words[:10]))
        raise UsageError(
            f"{where} holds words ({shown}); name the classes in their order with --class-names"
        )
    if class_names and not found.words:
        place = {name: number for number, name in enumerate(class_names)}
        as_names = {number: place.get(str(number)) for number in np.unique(found.label).tolist()}
        if None not in as_names.values() and any(n != label for n, label in as_names.items()):
            raise UsageError(
                f"{where} holds numbers that are names of other classes in --class-names, so it is "
                "open what they mean; give the classes names that are no numbers"
            )
    return found.label


def sample_names(values: Any, where: str) -> pd.Index:
    """Return a column of sample ids as text, whatever they look like.

    Raises
    ------
    UsageError
        If one is empty.
    """
    if isinstance(values, np.ndarray):
        values = values.reshape(len(values), -1) if values.ndim else values.reshape(1, 1)
        if values.shape[1] != 1:
            raise UsageError(f"{where}: sample_id has the shape {values.shape}; accepted is (N,)")
        values = values[:, 0].astype(object) if values.dtype.kind in "ST" else values[:, 0]
    names = pd.Series(values.to_pandas() if hasattr(values, "to_pandas") else values)
    if names.dtype.kind == "f" and (names % 1).eq(0).all():
        names = names.astype(np.int64)
    try:
        if names.dtype == object:
            names = names.map(lambda name: name.decode() if isinstance(name, bytes) else name)
        found = pd.Index(names.astype(str))
    except UnicodeError:
        raise UsageError(f"{where}: a sample_id is no text in Unicode") from None
    empty = names.isna() | (names == "")
    if empty.any():
        raise UsageError(f"{where}: sample_id is empty in row {int(empty.argmax())} (from 0)")
    return found


def numbers_of(values: Any, where: str) -> np.ndarray:
    """Return a column of numbers as float64; NaN where one is empty.

    Raises
    ------
    UsageError
        If it holds text.
    """
    try:
        if not hasattr(values, "to_pandas"):
            return np.asarray(values).astype(np.float64)
        return pd.to_numeric(values.to_pandas()).to_numpy(np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        raise UsageError(f"{where} has text where there should be numbers") from None


def check_unique(names: pd.Index, where: str) -> None:
    """Refuse a file that names a sample twice.

    Raises
    ------
    UsageError
        With the name.
    """
    if names.has_duplicates:
        raise UsageError(f"{where} has sample {names[names.duplicated()][0]!r} twice")


def read_columns(path: Path, needed: Collection[str]) -> dict[str, Any]:
    """Return a file's columns by name, of numpy or Arrow; its content tells what it is.

    Parameters
    ----------
    path : path
        Delimited text, Parquet or JSON, or what `array_files` reads: npy, npz, torch, pickle.
    needed : collection of str
        Columns that may be asked for; others may be double.

    Raises
    ------
    UsageError
        If it is missing, of another kind, or damaged.
    """
    name, content = content_of(path)
    if content.startswith(MAGIC):
        return dict(arrays_in_file(content, name))
    table, _ = decode(content, name, needed=needed)
    return {column: table.column(place) for place, column in enumerate(table.column_names)}
