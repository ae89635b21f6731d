"""Pictures of the training split that are in the test split, too: the test then flatters.

As in `duplicates`, nothing is decided while pictures are compared; a threshold is applied later.
"""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from hmw_core.errors import UsageError
from hmw_core.feature_space.embeddings import Progress
from hmw_core.log.reader import RunReader
from hmw_core.pictures.duplicates import (
    CELLS,
    NEIGHBOURS,
    Copies,
    detail_distance,
    suggested_threshold,
)
from hmw_core.pictures.kept_pairs import KeptPairs
from hmw_core.pictures.picture_features import decoded, pictures

VERSION = 1  # counts up whenever the distances change
BLOCK = 512  # test pictures compared with all training pictures at once
SCHEMA = pa.schema(
    [
        ("sample_id", pa.int32()),
        ("test_id", pa.int32()),
        ("found_by", pa.string()),
        ("pixel_distance", pa.float32()),
        ("same_bytes", pa.bool_()),
    ]
)
METADATA_KEY = b"hmw_across_splits"


def why_not(run: RunReader) -> str | None:
    """Return why the splits of a run cannot be compared, None where they can."""
    if not run.has_images:
        return f"run {run.name!r} keeps no pictures"
    if run.info["dataset"].get("test_fingerprint") is None:
        return (
            f"run {run.name!r} was logged without the pictures of its test split; new trainings "
            "keep them, and a loop of your own by RunWriter.create(test_images=..., test_label=...)"
        )
    return None


def compare_splits(run: RunReader, progress: Progress | None = None) -> pd.DataFrame:
    """Return the pairs of a training and a test picture worth a look, kept or computed now.

    Parameters
    ----------
    run : RunReader
    progress : callable, optional
        Called with (parts done, parts in all) now and then.

    Returns
    -------
    DataFrame
        `sample_id` (training), `test_id` (row of the test split), `found_by` (`pixels`),
        `pixel_distance` (as of `duplicates.compare_pairs`) and `same_bytes`.

    Raises
    ------
    UsageError
        If the run keeps no pictures of one of the splits.
    """
    reason = why_not(run)
    if reason is not None:
        raise UsageError(reason)
    told = progress or (lambda done, total: None)
    return _kept(run).read_or_compute(run, _plan(run), lambda: _compute(run, told))


def kept_splits(run: RunReader) -> pd.DataFrame | None:
    """Return what `compare_splits` would, if it is kept in the run's folder, else None."""
    return None if why_not(run) is not None else _kept(run).read(run, _plan(run))


def across_splits(
    run: RunReader, pairs: pd.DataFrame, threshold: float | None = None
) -> pd.DataFrame:
    """Return the pairs that are nearly the same picture, the surest first.

    Parameters
    ----------
    run : RunReader
    pairs : DataFrame
        Of `compare_splits`.
    threshold : float, optional
        The largest `pixel_distance`. Default: `duplicates.suggested_threshold`. Equal files
        always count.

    Returns
    -------
    DataFrame
        The columns of `pairs`, `given_label`, `test_label` and `differs`.
    """
    limit = suggested_threshold(pairs, "pixels") if threshold is None else threshold
    near = pairs[pairs["same_bytes"] | (pairs["pixel_distance"] <= limit)].copy()
    near["given_label"] = run.samples().loc[near["sample_id"], "given_label"].to_numpy()
    near["test_label"] = run.test_images(near["test_id"])["label"].to_numpy()
    near = near.dropna(subset="test_label").astype({"test_label": np.int64})
    near["differs"] = near["given_label"] != near["test_label"]
    order = ["same_bytes", "pixel_distance", "sample_id", "test_id"]
    return near.sort_values(order, ascending=[False, True, True, True], ignore_index=True)


def _compute(run: RunReader, progress: Progress) -> pd.DataFrame:
    def part(start: float, stop: float) -> Progress:
        def report(done: int, total: int) -> None:
            progress(round(1000 * (start + (stop - start) * done / max(total, 1))), 1000)

        return report

    test = run.test_images()
    train = Copies(pictures(run), run.n_samples, part(0.0, 0.4))
    encoded = ((int(i), bytes(image)) for i, image in test["image"].dropna().items())
    held = Copies(decoded(encoded), len(test), part(0.4, 0.5))
    train_rows, train_vectors = train.directions()
    test_rows, test_vectors = held.directions()
    found = [_equal_files(train, held)]
    width = min(NEIGHBOURS["pixels"], len(train_rows))
    mirrored = test_vectors.reshape(len(test_rows), CELLS, CELLS, 3)[:, :, ::-1].reshape(
        test_vectors.shape
    )
    for start in range(0, len(test_rows) if width else 0, BLOCK):
        rows = test_rows[start : start + BLOCK]
        for vectors in (test_vectors, mirrored):
            cosine = vectors[start : start + BLOCK] @ train_vectors.T
            nearest = np.argpartition(-cosine, width - 1, axis=1)[:, :width]
            found.append((train_rows[nearest.ravel()], np.repeat(rows, width)))
        part(0.5, 0.8)(start + len(rows), len(test_rows))
    a, b = (np.concatenate(rows) for rows in zip(*found, strict=True))
    frame = pd.DataFrame({"sample_id": train.ids[a], "test_id": held.ids[b], "found_by": "pixels"})
    frame["pixel_distance"] = detail_distance(train, a, held, b, part(0.8, 1.0))
    frame["same_bytes"] = train.hashes[a] == held.hashes[b]
    return frame.drop_duplicates(["sample_id", "test_id"], ignore_index=True)[SCHEMA.names]


def _equal_files(train: Copies, held: Copies) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of each test picture and of the first training picture of equal bytes."""
    hashes, first = np.unique(train.hashes, return_index=True)
    if not len(hashes):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    place = np.minimum(np.searchsorted(hashes, held.hashes), len(hashes) - 1)
    same = np.flatnonzero(hashes[place] == held.hashes)
    return first[place[same]], same


def _plan(run: RunReader) -> dict[str, Any]:
    """Return everything that decides the pairs, as JSON can hold it."""
    dataset = run.info["dataset"]
    return {
        "version": VERSION,
        "fingerprint": dataset["fingerprint"],
        "test_fingerprint": dataset["test_fingerprint"],
    }


def _kept(run: RunReader) -> KeptPairs:
    return KeptPairs(run.folder, "splits", SCHEMA, METADATA_KEY)
