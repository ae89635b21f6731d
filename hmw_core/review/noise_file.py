"""The noise of a data set as a file: which label each sample is given, to be drawn only once."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from hmw_core.errors import UsageError
from hmw_core.log import provenance
from hmw_core.review.label_file import (
    LABELS_FORMAT,
    content_of,
    decode_labels,
    write_file,
)
from hmw_core.review.label_reader import LabelFile, read_labels


def labels_sha256(label: np.ndarray) -> str:
    """Return the SHA-256 of labels (N,) in data set order, as little-endian int64; 64 hex digits.

    Equal labels have equal hashes, whatever the format of their file.
    """
    return hashlib.sha256(label.astype("<i8").tobytes()).hexdigest()


def write_noise(
    path: str | Path,
    *,
    given_label: np.ndarray,
    true_label: np.ndarray,
    class_names: Sequence[str],
    source: Sequence[str | None],
    fingerprint: str,
    noise: str | None,
    noise_rate: float | None,
    data_seed: int | None,
    run: str | None = None,
) -> str:
    """Write the labels of N samples whole, and return their `labels_sha256`.

    The columns are `sample_id`, `source`, `true_label` (null where -1), `new_label` (the given
    one) and `new_name`, its class; the ending .csv, .parquet or .json says the format.

    Raises
    ------
    UsageError
        If the ending is another one, or the file cannot be written.
    """
    given_label = np.asarray(given_label, dtype=np.int64)
    sha256 = labels_sha256(given_label)
    table = pa.table(
        {
            "sample_id": np.arange(len(given_label)),
            "source": pa.array(source, pa.string()),
            "true_label": pa.array(np.asarray(true_label), pa.int64(), mask=true_label < 0),
            "new_label": given_label,
            "new_name": pa.array([class_names[label] for label in given_label], pa.string()),
        }
    )
    said = {
        "labels_format": LABELS_FORMAT,
        "run": run,
        "fingerprint": fingerprint,
        "noise": noise,
        "noise_rate": noise_rate,
        "data_seed": data_seed,
        "labels_sha256": sha256,
        "exported": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "commit": provenance.commit(),
    }
    write_file(path, table, said)
    return sha256


def read_noise(
    path: str | Path, *, n_samples: int, class_names: Sequence[str], fingerprint: str
) -> LabelFile:
    """Read the labels of a data set as `read_labels` does; `provenance` says of which noise.

    Raises
    ------
    UsageError
        As `read_labels`, or if the labels are not those that the file was written with.
    """
    file = read_labels(path, n_samples=n_samples, class_names=class_names, fingerprint=fingerprint)
    written, found = file.provenance.get("labels_sha256"), labels_sha256(file.label)
    if written and written != found:
        raise UsageError(
            f"{file.path} was changed after it was written: the SHA-256 of its labels is "
            f"{found[:16]}..., and it says {written[:16]}..."
        )
    return file


def noise_of(path: str | Path) -> tuple[str | None, float]:
    """Return which noise a file says that it holds, None where it does not, and the rate.

    Raises
    ------
    UsageError
        If the file cannot be read.
    """
    name, content = content_of(path)
    _, said = decode_labels(content, name)
    return kind_of(said, name)


def kind_of(said: dict[str, Any], name: str) -> tuple[str | None, float]:
    """Return as `noise_of`, from the provenance of the file `name`."""
    rate = said.get("noise_rate") or 0
    try:
        share = float(rate)
    except (TypeError, ValueError):
        share = -1.0
    if not 0 <= share <= 1:
        raise UsageError(f"{name}: noise_rate is {rate!r}, not a number from 0 to 1")
    return said.get("noise") or None, share
