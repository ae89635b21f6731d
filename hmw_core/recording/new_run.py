"""What a new run folder says of itself: checked labels, `samples.parquet`, `run.json`."""

import os
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from operator import index
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from hmw_core.criteria import NAMED
from hmw_core.errors import UsageError
from hmw_core.log import layout, provenance, run_json
from hmw_core.log.images import (
    Images,
    are_kept,
    encode_images,
    encode_test_images,
    fingerprint_of,
    test_fingerprint_of,
)
from hmw_core.log.lock import FolderLock
from hmw_core.log.new_folder import make_folder
from hmw_core.log.schema import (
    FORMAT_VERSION,
    METRICS,
    OUTPUTS,
    PASSES,
    SIGNAL_NAMES,
    MethodColumn,
    MethodMetric,
    RunWarning,
)
from hmw_core.recording.arrays import Array, to_numpy
from hmw_core.recording.sample_keys import text_of_key

LARGEST_FULL = 200e6  # bytes of an epoch's logits in float32, up to which `auto` keeps them all


def checked_labels(
    name: str, labels: Array, n_classes: int, may_be_unknown: bool = False
) -> np.ndarray:
    """Return labels as int64 of shape (N,), in 0..n_classes-1, or -1 where they are unknown.

    Raises
    ------
    UsageError
        If they are no whole numbers, none at all, or out of range.
    """
    try:
        values = to_numpy(labels)
    except (TypeError, ValueError):  # rows of several lengths
        values = np.empty(0, dtype=object)
    is_masked = np.ma.getmaskarray(labels).any() if np.ma.isMaskedArray(labels) else False
    if values.ndim != 1 or len(values) == 0 or values.dtype.kind not in "iu" or is_masked:
        got = f"{'masked ' if is_masked else ''}{values.dtype} of shape {values.shape}"
        raise UsageError(
            f"{name} must be a non-empty list of whole numbers, one a sample, got {got}"
        )
    if (not may_be_unknown and values.min() < 0) or values.max() >= n_classes:
        raise UsageError(
            f"{name} must lie in 0..{n_classes - 1}, got {values.min()}..{values.max()}"
        )
    return np.maximum(values.astype(np.int64), -1)


def checked_names(class_names: Sequence[str] | None, n_classes: int) -> list[str]:
    """Return the classes' names, by default their numbers.

    Names that differ only by space around them, or by how Unicode composes a letter, are the same
    to a reader, and a file of labels could not tell them apart.

    Raises
    ------
    UsageError
        If there are more or fewer than classes, or two are the same.
    """
    if class_names is None:
        return [str(c) for c in range(n_classes)]
    names = [str(name) for name in class_names]
    if len(names) != n_classes:
        raise UsageError(f"{n_classes} classes but {len(names)} class names")
    class_of: dict[str, int] = {}
    for label, name in enumerate(names):
        seen_as = " ".join(unicodedata.normalize("NFC", name).split())
        if seen_as in class_of:
            raise UsageError(
                f"classes {class_of[seen_as]} and {label} are both called {seen_as!r}; "
                "give each class a name of its own"
            )
        class_of[seen_as] = label
    return names


def empty_classes(given: np.ndarray, names: Sequence[str]) -> list[RunWarning]:
    """Return what to say of classes without a sample: nothing, or one warning."""
    empty = np.flatnonzero(np.bincount(given, minlength=len(names)) == 0)
    if not len(empty):
        return []
    shown = ", ".join(f"{names[c]!r}" for c in empty[:6]) + (", ..." if len(empty) > 6 else "")
    which = f"{shown} has" if len(empty) == 1 else f"{len(empty)} ({shown}) have"
    return [RunWarning(f"Of the {len(names)} classes, {which} no sample.")]


def whole_number(name: str, value: Any, at_least: int) -> int:
    """Return a count as Python's int, of numpy as well.

    Raises
    ------
    UsageError
        If it is no whole number, or too small.
    """
    try:
        number = index(value)
    except TypeError:
        raise UsageError(f"{name} must be a whole number, got {value!r}") from None
    if number < at_least:
        raise UsageError(f"{name} must be {at_least} or more, got {number}")
    return number


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


def method_part(
    networks: int,
    pass_name: str,
    columns: Sequence[MethodColumn],
    metrics: Sequence[MethodMetric],
) -> dict[str, Any]:
    """Return what `run.json` says of the method: its networks, the logged pass, its columns.

    Raises
    ------
    UsageError
        If the pass is unknown, there is no network, or the name of a column or metric is taken.
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
    known_metrics = {column.name for column in METRICS}
    taken = [metric.name for metric in metrics if metric.name in known_metrics]
    if taken:
        raise UsageError(f"a metric of the method cannot be called {taken[0]!r}: it is taken")
    return {
        "networks": networks,
        "pass": pass_name,
        "method_state": [asdict(column) for column in columns],
        "method_metrics": [asdict(metric) for metric in metrics],
    }


def make_new_run(
    folder: Path,
    given: np.ndarray,
    true: np.ndarray | None,
    images: np.ndarray | Sequence[bytes] | None,
    source: Sequence[str] | None,
    dataset: Mapping[str, Any],
    info: Mapping[str, Any],
    test: tuple[Images, np.ndarray] | None = None,
) -> tuple[FolderLock, dict[str, Any]]:
    """Make the run folder with its samples and pictures; return its lock and its `run.json`.

    `test` is the pictures and labels of the test split.

    Raises
    ------
    UsageError, OSError
        As `new_folder.make_folder`, or if `run_json` refuses what it would say.
    """
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
    if test is not None:
        whole["dataset"]["test_fingerprint"] = test_fingerprint_of(*test)
    try:
        run_json.check(whole)
    except ValueError as error:
        raise UsageError(f"run {folder.name!r} cannot be logged: {error}") from None
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

    def fill(place: Path) -> None:
        layout.write_table(place / "samples.parquet", pa.table(table))
        layout.write_json(place / "run.json", whole, indent=1)
        for network in range(2, whole["networks"] + 1):
            layout.network_folder(place, network).mkdir(parents=True)
        if images is not None:
            _keep_images(layout.images_file(place, fingerprint), lambda: encode_images(images))
        if test is not None:
            path = layout.test_images_file(place, fingerprint, whole["dataset"]["test_fingerprint"])
            _keep_images(path, lambda: encode_test_images(*test))

    return make_folder(folder, fill), whole


def _keep_images(path: Path, encode: Callable[[], pa.Table]) -> None:
    """Write a data set's pictures where they are not kept yet, as we decode them now."""
    if are_kept(path):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FolderLock(path.parent, wait=True)  # another run may be writing the same pictures
    try:
        if not are_kept(path):
            layout.write_table(path, encode(), row_group_size=512)
    except BaseException:
        with suppress(OSError):  # nothing is left behind, unless others keep something there
            if os.listdir(path.parent) == [".lock"]:
                (path.parent / ".lock").unlink()
                path.parent.rmdir()
                path.parent.parent.rmdir()
        raise
    finally:
        lock.free()
