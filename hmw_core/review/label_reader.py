"""The labels of a data set read from a file, an export or another file; refused where in doubt."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hmw_core.errors import UsageError
from hmw_core.foreign.label_column import label_column, truth_values
from hmw_core.log.class_changes import ClassChange, current_names, what_is_wrong
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
    class_names: Sequence[str]
    """Of the data set, with the classes that an export renames."""
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
    if fingerprint and theirs and theirs != fingerprint:
        of_run = f" (run {said['run']!r})" if said.get("run") else ""
        raise UsageError(
            f"{name} holds labels of another data set, or of another split of it: its fingerprint "
            f"is {theirs}{of_run}, this one's is {fingerprint}; the same data, seed and number of "
            "training samples give the same split"
        )
    class_names = current_names(_renamings(said, len(class_names)), class_names)
    columns = table.column_names
    if "sample_id" not in columns or not set(LABEL_NAMES) & set(columns):
        raise UsageError(
            f"{name} needs the columns 'sample_id' and one of "
            f"{', '.join(map(repr, LABEL_NAMES))}; it has {', '.join(map(repr, columns))}"
        )
    place = _places(table["sample_id"], n_samples, name)
    name_of = np.array(class_names, dtype=object)
    label = None
    for column in (c for c in LABEL_NAMES if c in columns):
        found = _class_labels(table, column, class_names, name)
        # By name: in an old run two classes may have the same.
        if label is not None and (name_of[found] != name_of[label]).any():
            row = int(np.flatnonzero(name_of[found] != name_of[label])[0])
            raise UsageError(
                f"{name}: the columns of sample {table['sample_id'][row]} disagree: {column!r} is "
                f"{table[column][row].as_py()!r}, but the label is {label[row]} "
                f"({class_names[label[row]]})"
            )
        label = found if label is None else label
    given = None
    if "given_label" in columns:
        given = _class_labels(table, "given_label", class_names, name)[place]
    flags = {
        column: truth_values(table[column], f"{name}: column {column!r}")
        for column in ("is_label_issue", "is_flagged")
        if column in columns
    }
    flagged_was_asked = "is_flagged" in flags and flags["is_flagged"].null_count == 0
    flag = {column: values.fill_null(False).to_numpy(False) for column, values in flags.items()}
    verdict = (
        np.array(table["verdict"].to_pylist(), object)[place] if "verdict" in columns else None
    )
    return LabelFile(
        label=label[place],  # type: ignore[index]  # one of LABEL_NAMES is there
        given_label=given,
        is_label_issue=flag["is_label_issue"][place] if "is_label_issue" in flag else None,
        is_flagged=flag["is_flagged"][place] if flagged_was_asked else None,
        verdict=verdict,
        class_names=class_names,
        provenance=said,
        path=name,
        sha256=hashlib.sha256(content).hexdigest(),
    )


def _renamings(said: dict[str, Any], n_classes: int) -> list[ClassChange]:
    """Return the renamings that an export names; what is none of them is left out."""
    try:
        changes = json.loads(said.get("class_changes") or "[]")
    except (TypeError, ValueError, RecursionError):
        return []
    return [
        ClassChange(change["label"], name=change["name"])
        for change in (changes if isinstance(changes, list) else [])
        if isinstance(change, dict)
        and change.get("name") is not None
        and what_is_wrong(change, n_classes) is None
    ]


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
    table: pa.Table, column: str, class_names: Sequence[str], name: str
) -> np.ndarray:
    """Return a column of numbers or names of classes as labels, in the file's order."""
    values, ids = table[column], table["sample_id"]
    is_name = column == "new_name"
    if is_name and "" in class_names and is_text(values.type):  # a spreadsheet quotes no empty cell
        values = values.fill_null("")
    found = label_column(
        values,
        f"{name}, column {column!r}",
        class_names=class_names,
        digits_are_words=is_name,
        sample=lambda row: f"sample {ids[row]}",
    )
    twice = [word for word in dict.fromkeys(class_names) if list(class_names).count(word) > 1]
    used = {class_names[label] for label in np.unique(found.label)} if found.words else set()
    if used & set(twice) and "new_label" not in table.column_names:
        raise UsageError(
            f"{name}: two classes are called {(used & set(twice)).pop()!r}, so {column!r} does not "
            "say which is meant; use the column 'new_label' with numbers"
        )
    numbers = [str(label) for label in range(len(class_names))]
    misleading = [w for w, n in zip(class_names, numbers, strict=True) if w != n and w in numbers]
    if column == "label" and found.words is None and misleading:
        raise UsageError(
            f"{name}: the classes are themselves called by numbers, so it is open what "
            "'label' means; call the column 'new_label' (0, 1, ...) or 'new_name'"
        )
    return found.label


def _whole_numbers(column: pa.ChunkedArray) -> np.ndarray | None:
    """Return a column as int64, or None if a value is not a whole number."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_string_view(column.type):
        column = column.cast(pa.string())
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
