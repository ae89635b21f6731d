"""What a new run folder says of itself: checked labels, `samples.parquet`, `run.json`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from hmw_core.criteria import NAMED
from hmw_core.errors import UsageError
from hmw_core.log import layout, provenance
from hmw_core.log.images import encode_images, fingerprint_of
from hmw_core.log.schema import FORMAT_VERSION, OUTPUTS, PASSES, SIGNAL_NAMES, MethodColumn
from hmw_core.recording.sample_keys import text_of_key

LARGEST_FULL = 200e6  # bytes of an epoch's logits in float32, up to which `auto` keeps them all


def checked_labels(
    name: str, labels: Sequence[int] | np.ndarray, n_classes: int, may_be_unknown: bool = False
) -> np.ndarray:
    """Return labels as int64 of shape (N,), in 0..n_classes-1, or -1 where they may be unknown.

    Raises
    ------
    UsageError
        If they are no whole numbers, none at all, or out of range.
    """
    values = np.asarray(labels)
    if values.ndim != 1 or len(values) == 0 or values.dtype.kind not in "iu":
        raise UsageError(f"{name} must be a non-empty list of whole numbers")
    lowest = -1 if may_be_unknown else 0
    if values.min() < lowest or values.max() >= n_classes:
        raise UsageError(
            f"{name} must lie in 0..{n_classes - 1}, got {values.min()}..{values.max()}"
        )
    return values.astype(np.int64)


def kept_outputs(keep: str, every: int, n_samples: int, n_classes: int) -> dict[str, Any]:
    """Return what `run.json` says of the outputs: what is kept, and every how many epochs.

    Raises
    ------
    UsageError
        If `keep` is not one of `schema.OUTPUTS` or `every` is below 1.
    """
    if keep not in OUTPUTS or every < 1:
        raise UsageError(
            f"outputs must be one of {', '.join(OUTPUTS)} every 1 or more epochs, "
            f"got {keep!r} every {every}"
        )
    if keep == "auto":
        keep = "full" if 4 * n_samples * n_classes <= LARGEST_FULL else "topk"
    return {"keep": keep, "every": every}


def method_part(networks: int, pass_name: str, columns: Sequence[MethodColumn]) -> dict[str, Any]:
    """Return what `run.json` says of the method: its networks, the logged pass, its columns.

    Raises
    ------
    UsageError
        If the pass is unknown, there is no network, or a column's name is taken.
    """
    if pass_name not in PASSES or networks < 1:
        raise UsageError(
            f"a run logs 1 or more networks in the {' or '.join(PASSES)} pass, "
            f"got {networks} in {pass_name!r}"
        )
    names = [column.name for column in columns]
    known = {*SIGNAL_NAMES, *NAMED}  # a criterion's name would make the column none of its own
    taken = [name for i, name in enumerate(names) if name in known or name in names[:i]]
    if taken:
        raise UsageError(f"a column of the method cannot be called {taken[0]!r}: it is taken")
    return {
        "networks": networks,
        "pass": pass_name,
        "method_state": [asdict(column) for column in columns],
    }


def write_new_run(
    folder: Path,
    given: np.ndarray,
    true: np.ndarray | None,
    images: np.ndarray | Sequence[bytes] | None,
    source: Sequence[str] | None,
    dataset: Mapping[str, Any],
    info: Mapping[str, Any],
) -> dict[str, Any]:
    """Make the run folder with its samples and pictures, and return its `run.json`.

    Raises
    ------
    UsageError
        If the folder exists or cannot be made.
    """
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise UsageError(f"run folder {folder} exists already; choose another name") from None
    except OSError as error:
        raise UsageError(f"run folder {folder} cannot be made: {error.strerror}") from None
    fingerprint = fingerprint_of(images, given if true is None else true)
    whole = {
        "format": FORMAT_VERSION,
        "name": folder.name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "status": "running",
        "error": None,
        "dataset": {**dataset, "fingerprint": fingerprint, "n_samples": len(given)},
        "last_epoch": 0,
        "versions": provenance.versions(),
        "commit": provenance.commit(),
        **info,
    }
    table = {
        "sample_id": pa.array(np.arange(len(given), dtype=np.int32)),
        "given_label": pa.array(given.astype(np.int32)),
        "true_label": pa.nulls(len(given), pa.int32())
        if true is None
        else pa.array(true.astype(np.int32), mask=true < 0),
        "source": pa.nulls(len(given), pa.string())
        if source is None
        else pa.array([text_of_key(key) for key in source]),
    }
    layout.write_table(folder / "samples.parquet", pa.table(table))
    if images is not None:
        path = layout.images_file(folder, fingerprint)
        if not path.exists():
            layout.write_table(path, encode_images(images), row_group_size=512)
    layout.write_json(folder / "run.json", whole, indent=1)
    return whole
