"""A transition matrix from a file: CSV, JSON, or the `run.json` of a run."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hmw_core.errors import UsageError
from hmw_core.foreign.delimited import as_text, read_delimited

LARGEST_DEVIATION = 0.01  # of a row's sum from 1, as rounding to two or three digits leaves


def read_transition(path: str, class_names: Sequence[str], n_classes: int) -> np.ndarray:
    """Return the matrix of a file, (C, C) float64, each row divided by its sum.

    A CSV may have a line of class names above and a column of them, without a name of its own, at
    the left. JSON is a list of rows, or a `run.json`, whose measured noise is read.

    Raises
    ------
    UsageError
        If the file cannot be read, or is no matrix of this many classes whose rows are
        probabilities; the message names the file, and the row and its sum.
    """
    name = f"--method-args transition {path}"
    try:
        content = Path(path).read_bytes()
    except OSError as problem:
        reason = problem.strerror or type(problem).__name__
        raise UsageError(f"{name}: {reason}; accepted are estimated, true, a file") from None
    if content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"[", b"{"):
        rows = _rows_of_json(content, name)
    else:
        rows = _rows_of_csv(content, name, class_names, n_classes)
    return _checked(rows, name, n_classes)


def _rows_of_json(content: bytes, name: str) -> list[Any]:
    try:
        found = json.loads(as_text(content, name))
    except (ValueError, RecursionError) as problem:
        raise UsageError(f"{name} is damaged JSON: {problem}") from None
    if isinstance(found, dict):
        noise = found.get("noise")
        found = noise.get("transition_matrix") if isinstance(noise, dict) else None
        if found is None:
            raise UsageError(
                f"{name} is a JSON object without noise.transition_matrix, as a run.json has where "
                "true labels are known; a list of rows is accepted, too"
            )
    if not isinstance(found, list) or not all(isinstance(row, list) for row in found):
        raise UsageError(f"{name} must hold a list of rows, each a list of numbers")
    return found


def _rows_of_csv(
    content: bytes, name: str, class_names: Sequence[str], n_classes: int
) -> list[list[Any]]:
    table = read_delimited(content, name)
    header = table.column_names
    rows = [list(row) for row in zip(*(c.to_pylist() for c in table.columns), strict=True)]
    is_numbers = all(_number(cell) is not None for cell in header)
    are_classes = header == [str(label) for label in range(len(header))]
    if is_numbers and (len(rows) == n_classes - 1 or not are_classes):
        return [header, *rows]  # no header: its first line is the first row
    if sorted(header) == sorted(class_names) and header != list(class_names):
        raise UsageError(
            f"{name} has its classes in the order {', '.join(header)}; the data has them as "
            f"{', '.join(class_names)}"
        )
    return rows


def _number(cell: Any) -> float | None:
    if isinstance(cell, bool) or not isinstance(cell, str | int | float):
        return None
    try:
        return float(cell.replace(",", ".") if isinstance(cell, str) else cell)
    except (ValueError, OverflowError):
        return None


def _checked(rows: Sequence[Sequence[Any]], name: str, n_classes: int) -> np.ndarray:
    if len(rows) != n_classes:
        raise UsageError(f"{name} has {len(rows)} rows, and the data has {n_classes} classes")
    matrix = np.empty((n_classes, n_classes))
    for number, row in enumerate(rows, start=1):
        if len(row) != n_classes:
            raise UsageError(
                f"{name} is not square: row {number} has {len(row)} numbers, and the data has "
                f"{n_classes} classes"
            )
        for place, cell in enumerate(row):
            value = _number(cell)
            if value is None or not 0 <= value <= 1 + LARGEST_DEVIATION:
                raise UsageError(
                    f"{name} has {cell!r} in row {number}, column {place + 1}, which is no "
                    "probability"
                )
            matrix[number - 1, place] = value
    sums = matrix.sum(axis=1)
    wrong = np.flatnonzero(np.abs(sums - 1) > LARGEST_DEVIATION)
    if len(wrong):
        columns_fit = (np.abs(matrix.sum(axis=0) - 1) <= LARGEST_DEVIATION).all()
        raise UsageError(
            f"{name} must have rows that sum to 1, and row {wrong[0] + 1} sums to "
            f"{sums[wrong[0]]:.4g}"
            + ("; its columns do, so it may be transposed" if columns_fit else "")
        )
    return matrix / sums[:, None]
