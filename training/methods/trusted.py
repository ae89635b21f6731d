"""The trusted subset: samples whose labels somebody has verified, from a CSV file."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from hmw_core.errors import UsageError
from hmw_core.foreign.delimited import read_delimited
from hmw_core.foreign.label_column import label_column

COLUMNS = ("sample_id", "label")


def read_trusted(
    path: str, n_samples: int, n_classes: int, class_names: Sequence[str]
) -> tuple[Tensor, Tensor]:
    """Return which samples are trusted, (M,) int64, ascending, and their verified labels, (M,).

    The file has the columns `sample_id` and `label`; a label is the number or the name of a class.

    Raises
    ------
    UsageError
        If it cannot be read, lacks a column or any row, names a sample twice or one that the
        training set does not have, or a label that is no class.
    """
    name = f"--method-args trusted {path}"
    try:
        content = Path(path).read_bytes()
    except OSError as problem:
        raise UsageError(f"{name}: {problem.strerror or type(problem).__name__}") from None
    table = read_delimited(content, name)
    missing = [column for column in COLUMNS if column not in table.column_names]
    if missing:
        raise UsageError(f"{name} has no column {missing[0]!r}; it needs {' and '.join(COLUMNS)}")
    if not len(table):
        raise UsageError(f"{name} names no sample")
    words = table["sample_id"].to_pylist()
    wrong = [word for word in words if not (word and word.isascii() and word.isdigit())]
    wrong = wrong or [word for word in words if len(word) > 9 or int(word) >= n_samples]
    if wrong:
        raise UsageError(
            f"{name} names the sample {wrong[0]!r}; the training set has the ids 0 to "
            f"{n_samples - 1}"
        )
    ids = np.array([int(word) for word in words])
    known, counts = np.unique(ids, return_counts=True)
    if len(known) < len(ids):
        raise UsageError(f"{name} names sample {known[counts > 1][0]} twice")
    found = label_column(
        table["label"],
        f"{name}, column label,",
        class_names=list(class_names) or None,
        n_classes=n_classes,
        digits_are_words=False,
    )
    order = np.argsort(ids)
    return torch.from_numpy(ids[order]), torch.from_numpy(np.asarray(found.label)[order])
