"""Which samples lie nearest in the space of the features, by cosine, exactly."""

import threading
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from hmw_core.errors import UsageError
from hmw_core.feature_space.embeddings import Progress
from hmw_core.log.cache import kept_table
from hmw_core.log.reader import RunReader

VERSION = 1  # counts up whenever the neighbours of a table change
BLOCK = 512  # samples whose neighbours are sought at once
GROUP = 32  # rows of which only the largest cosine is looked at first

_ONE_AT_A_TIME = threading.Lock()  # a second caller finds the first one's table kept


class Directions(NamedTuple):
    """Features of an epoch at length 1, rows by `sample_id`, ascending; `left_out` have none."""

    epoch: int
    sample_id: np.ndarray  # (N,) int64
    vectors: np.ndarray  # (N, D) float32
    left_out: np.ndarray  # (M,) int64: zero or not finite, or not logged


def directions(run: RunReader, epoch: int | None = None) -> Directions:
    """Return the L2-normalised features of an epoch (default: the last logged).

    Raises
    ------
    UsageError
        If the epoch has no features.
    """
    logged = run.features(epoch)
    order = np.argsort(logged.sample_id, kind="stable")
    ids = logged.sample_id[order].astype(np.int64)
    vectors = logged.features[order]
    lengths = np.linalg.norm(vectors, axis=1)
    defined = np.isfinite(lengths) & (lengths > 0)
    vectors = vectors[defined] / lengths[defined, None]
    ids = ids[defined]
    return Directions(logged.epoch, ids, vectors, np.setdiff1d(np.arange(run.n_samples), ids))


def nearest(
    run: RunReader, sample_ids: Sequence[int], k: int = 10, epoch: int | None = None
) -> pd.DataFrame:
    """Return the k samples of the largest cosine to each of some samples, itself left out.

    Parameters
    ----------
    run : RunReader
    sample_ids : sequence of int
    k : int
        Neighbours of each, at least 1; fewer where the run has fewer.
    epoch : int, optional
        An epoch whose features are logged. Default: the last of them.

    Returns
    -------
    DataFrame
        `sample_id` in the order asked for, `place` (1 for the nearest), `neighbour_id`, `cosine`
        in [-1, 1], and the neighbour's `given_label`. Of equal cosines the smaller id comes first.
        A sample whose features have no direction (zero, not finite, not logged) has no rows and is
        nobody's neighbour; `directions` names them.

    Raises
    ------
    UsageError
        If the epoch has no features, an id is not of this run, or k is below 1.
    """
    asked = np.asarray(sample_ids, dtype=np.int64).reshape(-1)
    foreign = asked[(asked < 0) | (asked >= run.n_samples)]
    if len(foreign):
        raise UsageError(
            f"sample_id is in 0..{run.n_samples - 1} in run {run.name!r}, not {foreign[0]}"
        )
    return nearest_in(run, directions(run, epoch), asked, k)


def nearest_in(
    run: RunReader, known: Directions, sample_ids: np.ndarray, k: int = 10
) -> pd.DataFrame:
    """Return `nearest` from directions that are read already."""
    if k < 1:
        raise UsageError(f"a sample has at least 1 neighbour to look for, not {k}")
    asked = sample_ids[np.isin(sample_ids, known.sample_id)]
    rows, cosine = nearest_rows(known.vectors, np.searchsorted(known.sample_id, asked), k)
    neighbour = known.sample_id[rows]  # (M, k)
    given = run.samples()["given_label"].to_numpy()
    width = rows.shape[1]
    return pd.DataFrame(
        {
            "sample_id": np.repeat(asked, width),
            "place": np.tile(np.arange(1, width + 1), len(asked)),
            "neighbour_id": neighbour.ravel(),
            "cosine": cosine.ravel(),
            "given_label": given[neighbour.ravel()],
        }
    )


def neighbour_table(run: RunReader, epoch: int | None = None, k: int = 10) -> pd.DataFrame:
    """Return the ids of the k samples of the largest cosine to each, kept in the run once found.

    Parameters
    ----------
    run : RunReader
    epoch : int, optional
        An epoch whose features are logged. Default: the last of them.
    k : int
        At least 1; fewer columns where the run has fewer others.

    Returns
    -------
    DataFrame
        By `sample_id`; columns `1` to `k`, the nearest first. Samples without a direction have no
        row.

    Raises
    ------
    UsageError
        If the epoch has no features, or k is below 1.
    """
    if k < 1:
        raise UsageError(f"a sample has at least 1 neighbour to look for, not {k}")
    logged = run.feature_epochs()
    number = logged[-1] if epoch is None and logged else epoch

    def compute() -> pd.DataFrame:
        known = directions(run, number)
        rows, _ = nearest_rows(known.vectors, None, k)
        columns = [str(place) for place in range(1, rows.shape[1] + 1)]
        index = pd.Index(known.sample_id, name="sample_id")
        return pd.DataFrame(known.sample_id[rows].astype(np.int32), index, columns)

    decides = {"version": VERSION, "epoch": number, "k": k}
    epochs = [] if number is None else [number]
    with _ONE_AT_A_TIME:
        return kept_table(run, "neighbours", decides, compute, reads=("features",), epochs=epochs)


def nearest_rows(
    vectors: np.ndarray, rows: np.ndarray | None, k: int, progress: Progress | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return for each of `rows` (default: all) the k other rows of the largest cosine.

    Every pair is compared, block by block, and no table of all pairs is ever held.

    Parameters
    ----------
    vectors : ndarray of shape (N, D), float32
        Of length 1, so that the nearest are those of the largest cosine.
    rows : ndarray of shape (M,), int
    k : int
        At least 1; N - 1 where that is less.
    progress : callable, optional
        Called with (rows done, M) after each block.

    Returns
    -------
    (M, k) int64 and (M, k) float32
        Rows and cosines, the largest first; of equal ones the smaller row first, and which of them
        come in as the last is not defined.
    """
    wanted = np.arange(len(vectors)) if rows is None else np.asarray(rows, dtype=np.int64)
    width = max(min(k, len(vectors) - 1), 0)
    found = np.empty((len(wanted), width), dtype=np.int64)
    cosine = np.empty(found.shape, dtype=np.float32)
    if width == 0 or len(wanted) == 0:
        return found, cosine
    n_groups = -(-len(vectors) // GROUP)
    room = np.empty((min(BLOCK, len(wanted)), n_groups * GROUP), dtype=np.float32)
    room[:, len(vectors) :] = -np.inf
    for start in range(0, len(wanted), BLOCK):
        part = slice(start, start + BLOCK)
        query = wanted[part]
        block = room[: len(query)]  # (B, N and filling)
        np.matmul(vectors[query], vectors.T, out=block[:, : len(vectors)])
        block[np.arange(len(query)), query] = -np.inf
        index = _largest(block, width, n_groups)
        # Again, one by one: a product's last digits depend on the block it is in.
        value = np.einsum("bd,bkd->bk", vectors[query], vectors[index])
        order = np.lexsort((index, -value), axis=1)
        found[part] = np.take_along_axis(index, order, axis=1)
        cosine[part] = np.take_along_axis(value, order, axis=1)
        if progress is not None:
            progress(start + len(query), len(wanted))
    return found, np.clip(cosine, -1.0, 1.0)


def _largest(block: np.ndarray, k: int, n_groups: int) -> np.ndarray:
    """Return the columns of the k largest of each row, (B, k), in no order.

    They lie in the k groups of the largest maxima. A group is every `n_groups`-th column, so that
    the maxima are taken of whole stretches of memory; looking into the few groups costs little.
    """
    maxima = block.reshape(len(block), GROUP, n_groups).max(axis=1)  # (B, G)
    groups = _top(maxima, min(k, n_groups))
    inside = groups[:, :, None] + n_groups * np.arange(GROUP)  # (B, k, 32)
    inside = inside.reshape(len(block), -1)
    best = _top(np.take_along_axis(block, inside, axis=1), k)
    return np.take_along_axis(inside, best, axis=1)


def _top(values: np.ndarray, k: int) -> np.ndarray:
    """Return the columns of the k largest of each row."""
    return np.argpartition(values, values.shape[1] - k, axis=1)[:, values.shape[1] - k :]
