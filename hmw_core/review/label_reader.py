"""The labels of a data set read from a file, an export or another file; refused where in doubt."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hmw_core.errors import UsageError
from hmw_core.review.label_file import content_of, decode_labels
from hmw_core.spreadsheet import is_text

LABEL_NAMES = ("new_label", "new_name", "label")  # the first of these in a file is the label


@dataclass(frozen=True)
class LabelFile:
    """A file of labels as `read_labels` found it; arrays in data set order."""

    label: np.ndarray
    """(N,), int64: the labels to train on."""
    given_label: np.ndarray | None
    """(N,), int64: the labels before; None where the file does not say."""
    is_label_issue: np.ndarray | None
    """(N,), bool: whether a person gave it another label; None where the file does not say."""
    is_flagged: np.ndarray | None
    """(N,), bool: whether the criterion flagged it; None where no number was asked for."""
    verdict: np.ndarray | None
    """(N,), object: the verdict or None; None where the file does not say."""
    provenance: dict[str, Any]
    """Of `PROVENANCE`; empty for a file that is not our export."""
    path: str
    sha256: str
    """Of the file's bytes, hexadecimal."""

    @property
    def changed(self) -> np.ndarray:
        """(N,), bool: whether the label differs from the one before.

        Raises
        ------
        UsageError
            If the file has no column `given_label`.
        """
        if self.given_label is None:
            raise UsageError(
                f"{self.path} does not say which labels it changes: it has no column 'given_label'"
            )
        return self.label != self.given_label

    @property
    def is_suspect(self) -> np.ndarray:
        """(N,), bool: the samples that "suspects dropped" drops.

        Those that a person gave another label, and, where the export was asked for a number of
        flagged ones, these too, unless a person said `keep`. Without a column `is_label_issue`:
        those whose label changed.
        """
        suspect = self.changed if self.is_label_issue is None else self.is_label_issue
        if self.is_flagged is None:
            return suspect
        kept = np.zeros(len(suspect), bool) if self.verdict is None else self.verdict == "keep"
        return suspect | (self.is_flagged & ~kept)


def read_labels(
    path: str | Path,
    *,
    n_samples: int,
    class_names: Sequence[str],
    fingerprint: str | None = None,
) -> LabelFile:
    """Read the labels of a data set from a CSV, Parquet or JSON file: an export, or another file.

    One's own file needs the columns `sample_id` and `new_label` (or `label`), whole numbers or
    names of classes, or `new_name`, which is names. Rows may be in any order, but every sample
    needs exactly one: a file that leaves samples out is refused, since it cannot be told from one
    that was cut off. Where label and name are both there they must agree.

    Parameters
    ----------
    path : path
    n_samples : int
        Of the data set, whose ids are 0..n_samples-1.
    class_names : sequence of str
    fingerprint : str, optional
        Of the data set (`images.fingerprint_of`). Compared where the file has one.

    Raises
    ------
    UsageError
        If the file cannot be read, is of another data set, or has a wrong, double or missing
        sample or label. Nothing is half read.
    """
    name, content = content_of(path)
    table, said = decode_labels(content, name)
    theirs = said.get("fingerprint")
    if fingerprint is not None and theirs is not None and theirs != fingerprint:
        raise UsageError(
            f"{name} holds labels of another data set, or of another split of it: its fingerprint "
            f"is {theirs} (run {said.get('run')!r}), this one's is {fingerprint}; the same data, "
            "seed and number of training samples give the same split"
        )
    columns = table.column_names
    if "sample_id" not in columns or not set(LABEL_NAMES) & set(columns):
        raise UsageError(
            f"{name} needs the columns 'sample_id' and one of "
            f"{', '.join(map(repr, LABEL_NAMES))}; it has {', '.join(map(repr, columns))}"
        )
    place = _places(table["sample_id"], n_samples, name)
    label = None
    for column in (c for c in LABEL_NAMES if c in columns):
        found = _class_labels(table[column], column, table["sample_id"], class_names, name)
        if label is not None and not np.array_equal(found, label):
            row = int(np.flatnonzero(found != label)[0])
            raise UsageError(
                f"{name}: the columns of sample {table['sample_id'][row]} disagree: {column!r} is "
                f"{table[column][row].as_py()!r}, but the label is {label[row]} "
                f"({class_names[label[row]]})"
            )
        label = found if label is None else label
    given = None
    if "given_label" in columns:
        given = _class_labels(
            table["given_label"], "given_label", table["sample_id"], class_names, name
        )[place]
    flags = {
        column: _truths(table[column], column, name)[place] if column in columns else None
        for column in ("is_label_issue", "is_flagged")
    }
    is_flagged = flags["is_flagged"]
    flagged_was_asked = is_flagged is not None and table["is_flagged"].null_count == 0
    verdict = (
        np.array(table["verdict"].to_pylist(), object)[place] if "verdict" in columns else None
    )
    return LabelFile(
        label=label[place],  # type: ignore[index]  # one of LABEL_NAMES is there
        given_label=given,
        is_label_issue=flags["is_label_issue"],
        is_flagged=is_flagged if flagged_was_asked else None,
        verdict=verdict,
        provenance=said,
        path=name,
        sha256=hashlib.sha256(content).hexdigest(),
    )


def _places(column: pa.ChunkedArray, n_samples: int, name: str) -> np.ndarray:
    """Return the row of each sample, (N,), or say which sample is wrong."""
    ids = _whole_numbers(column)
    if ids is None:
        values = [pa.chunked_array([[value]]) for value in column.to_pylist()]
        bad = next(value for value in values if _whole_numbers(value) is None)[0].as_py()
        raise UsageError(f"{name}: a sample_id is {bad!r}, not a whole number")
    outside = (ids < 0) | (ids >= n_samples)
    if outside.any():
        raise UsageError(
            f"{name} names sample {ids[outside][0]}, but the data set has {n_samples:,} samples, "
            f"0..{n_samples - 1}"
        )
    counts = np.bincount(ids, minlength=n_samples)
    if (counts > 1).any():
        raise UsageError(f"{name} names sample {int(np.argmax(counts > 1))} more than once")
    if (counts == 0).any():
        raise UsageError(
            f"{name} leaves out {int((counts == 0).sum()):,} of {n_samples:,} samples, sample "
            f"{int(np.argmax(counts == 0))} first; every sample needs a row"
        )
    return np.argsort(ids)


def _class_labels(
    column: pa.ChunkedArray,
    column_name: str,
    sample_id: pa.ChunkedArray,
    class_names: Sequence[str],
    name: str,
) -> np.ndarray:
    """Return a column of numbers or names of classes as labels, in the file's order."""

    def wrong(row: int, what: str) -> UsageError:
        return UsageError(f"{name}: {column_name!r} of sample {sample_id[row]} {what}")

    empty = np.flatnonzero(column.is_null().to_numpy())
    if len(empty):
        raise wrong(int(empty[0]), "is empty; every sample needs a label")
    number = None if column_name == "new_name" else _whole_numbers(column)
    if number is not None:
        outside = np.flatnonzero((number < 0) | (number >= len(class_names)))
        if len(outside):
            row = int(outside[0])
            raise wrong(row, f"is {number[row]}; the classes are 0..{len(class_names) - 1}")
    by_name = {class_name: label for label, class_name in enumerate(class_names)}
    if number is not None:
        as_name = [by_name.get(str(label), label) for label in range(len(class_names))]
        if column_name == "label" and as_name != list(range(len(class_names))):
            raise UsageError(
                f"{name}: the classes are themselves called by numbers, so it is open what "
                "'label' means; call the column 'new_label' (0, 1, ...) or 'new_name'"
            )
        return number
    found = np.empty(len(column), np.int64)
    for row, value in enumerate(column.to_pylist()):
        label = by_name.get(value) if isinstance(value, str) else None
        if label is None:
            known = ", ".join(map(str, class_names[:10]))
            more = f" and {len(class_names) - 10} more" if len(class_names) > 10 else ""
            raise wrong(row, f"is {value!r}, which is no class; known: {known}{more}")
        found[row] = label
    return found


def _whole_numbers(column: pa.ChunkedArray) -> np.ndarray | None:
    """Return a column as int64, or None if a value is not a whole number."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if column.null_count or pa.types.is_boolean(column.type):
        return None
    try:
        if is_text(column.type):
            if not pc.all(pc.match_substring_regex(column, r"^-?\d{1,18}(\.0*)?$")).as_py():
                return None
            column = pc.replace_substring_regex(column, r"\.0*$", "")
        return column.cast(pa.int64()).to_numpy()
    except pa.ArrowException:
        return None


def _truths(column: pa.ChunkedArray, column_name: str, name: str) -> np.ndarray:
    """Return a column of truth values; an empty one is False."""
    try:
        return column.cast(pa.bool_()).fill_null(False).to_numpy()
    except pa.ArrowException:
        raise UsageError(f"{name}: column {column_name!r} must hold true and false") from None
