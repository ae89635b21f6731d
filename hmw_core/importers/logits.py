"""A plain folder of logits: one npy file an epoch, (N, C), and the labels beside them.

The last number in a file's name is its epoch. A row of NaN is a sample that the epoch did not see.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hmw_core.errors import UsageError
from hmw_core.importers.base import ImportedEpoch, ImportedLog, Importer, ImportOptions, absent
from hmw_core.importers.columns import read_labels
from hmw_core.importers.files import numbered, read_array

LABELS = ("labels.npy", "labels.csv", "labels.parquet")


def read(source: Path, options: ImportOptions) -> ImportedLog:
    """Read a folder of `*.npy` and `labels.npy` or `labels.csv`."""
    if not source.is_dir():
        raise UsageError(f"there is no folder {source}")
    files = [f for f in source.glob("*.npy") if "label" not in f.stem and f.is_file()]
    if not files:
        raise UsageError(f"{source} has no npy file of logits, such as epoch-1.npy")
    files = numbered(files, source)
    path = options.labels
    if path is None:
        path = next((source / name for name in LABELS if (source / name).is_file()), None)
    if path is None:
        raise UsageError(f"{source} has no {' or '.join(LABELS)}; name one with --labels")
    shape = _checked(files[0]).shape
    for file in files[1:]:
        if _checked(file).shape != shape:
            raise UsageError(
                f"{file.name} has shape {read_array(file).shape}, but {files[0].name} {shape}; "
                "every epoch needs the same samples and classes"
            )
    given_label = read_labels(path, shape[0], None, options.class_names, n_classes=shape[1])

    def epochs() -> Iterator[ImportedEpoch]:
        for file in files:
            logits = np.asarray(read_array(file), dtype=np.float32)
            seen = ~np.isnan(logits).all(axis=1)
            yield ImportedEpoch(np.flatnonzero(seen), {"logits": logits[seen]})

    return ImportedLog(
        given_label=given_label,
        n_classes=shape[1],
        n_epochs=len(files),
        epochs=epochs(),
        absent=absent("a folder of logits holds"),
    )


def _checked(file: Path) -> np.ndarray:
    logits = read_array(file)
    if logits.ndim != 2 or logits.shape[0] == 0 or logits.shape[1] < 2 or logits.dtype.kind != "f":
        raise UsageError(
            f"{file} must hold floats of shape (N, C) with C of 2 or more, "
            f"it holds {logits.dtype} of shape {logits.shape}"
        )
    return logits


LOGITS = Importer(
    title="A folder of logits, a file an epoch",
    reads="folder of npy files of shape (N, C) with labels.npy or labels.csv",
    read=read,
)
