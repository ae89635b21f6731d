"""Pictures that are there more than once, found by their pixels and by their features.

Two steps. First the few nearest of each picture are found, in a coarse copy of 8 x 8 cells and in
the features; then each such pair is compared in detail. Nothing is decided here: the distances
are kept in the run, and a threshold, which anyone may move, is applied to them afterwards.
"""

import hashlib
from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from PIL import Image
from scipy.ndimage import uniform_filter
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from hmw_core.errors import UsageError
from hmw_core.feature_space.embeddings import Progress
from hmw_core.feature_space.neighbours import directions, nearest_rows
from hmw_core.log.reader import RunReader
from hmw_core.pictures.kept_pairs import KeptPairs
from hmw_core.pictures.picture_features import pictures

By = Literal["pixels", "features"]

VERSION = 2  # counts up whenever the distances change
SIDE, CELLS = 32, 8  # px of the copy that is compared; cells a side of the one that is searched
FINE, COARSE = 2, 9  # px: details between these widths are compared, noise and shading left out
SHIFTS = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1) if down or right]  # px
NEIGHBOURS = {"pixels": 4, "features": 2}  # of each sample that are compared in detail
N_RANDOM = 2_000  # pairs drawn at random, to see what unrelated pictures look like
NEAR = 0.2  # of the typical neighbour's distance: what lies nearer is called a near-duplicate
FLAT = 0.5  # grey levels; a picture of less detail than this has nothing to compare
BATCH = 512  # pairs compared at once: they stay in the processor's cache
SCHEMA = pa.schema(
    [
        ("sample_id", pa.int32()),
        ("other_id", pa.int32()),
        ("found_by", pa.string()),
        ("pixel_distance", pa.float32()),
        ("cosine", pa.float32()),
        ("same_bytes", pa.bool_()),
    ]
)
METADATA_KEY = b"hmw_duplicates"


def compare_pairs(
    run: RunReader, epoch: int | None = None, progress: Progress | None = None
) -> pd.DataFrame:
    """Return the pairs worth a look with their distances, kept in the run or computed now.

    Parameters
    ----------
    run : RunReader
    epoch : int, optional
        Of the features. Default: the last logged; a run without features goes by its pixels.
    progress : callable, optional
        Called with (parts done, parts in all) now and then.

    Returns
    -------
    DataFrame
        `sample_id` < `other_id`; `found_by`: `pixels` or `features` (one is among the other's
        nearest in them; `pixels` where both), or `random` (drawn to compare with);
        `pixel_distance`: 1 minus the correlation of the grey pictures' details, in [0, 2], the
        least over a mirror and shifts of a pixel: 0 for the same picture, near 1 for unrelated
        ones, null without pictures or in flat ones; `cosine` of the features, null without;
        `same_bytes`: the stored files are equal byte by byte.

    Raises
    ------
    UsageError
        If the run has neither pictures nor features, or not those of `epoch`.
    """
    plan = _plan(run, epoch)
    return _kept(run).read_or_compute(run, plan, lambda: _compute(run, plan, progress))


def kept_pairs(run: RunReader, epoch: int | None = None) -> pd.DataFrame | None:
    """Return what `compare_pairs` would, if it is kept in the run's folder, else None."""
    return _kept(run).read(run, _plan(run, epoch))


def typical_distance(pairs: pd.DataFrame, by: By) -> float:
    """Return the median distance of the pairs found by it; NaN where there is none.

    Of `pixels` the pixel distance to the four nearest, of `features` 1 - cosine to the two nearest.
    """
    return float(distance(pairs[pairs["found_by"] == by], by).median())


def suggested_threshold(pairs: pd.DataFrame, by: By) -> float:
    """Return the distance up to which a pair is called a near-duplicate unless told otherwise.

    A fifth of `typical_distance`: how alike pictures are that merely resemble each other differs
    from data set to data set (digits resemble each other more than photographs do), so that no
    fixed number would do. 0 where there is nothing to measure by: then only equal files count.
    """
    typical = typical_distance(pairs, by)
    return 0.0 if np.isnan(typical) else NEAR * max(typical, 0.0)


def distance(pairs: pd.DataFrame, by: By) -> pd.Series:
    """Return the distance of each pair: `pixel_distance`, or 1 - `cosine`."""
    return pairs["pixel_distance"] if by == "pixels" else 1.0 - pairs["cosine"]


def near_duplicates(
    run: RunReader, pairs: pd.DataFrame, by: By = "pixels", threshold: float | None = None
) -> pd.DataFrame:
    """Return the pairs that are nearly the same, the surest first.

    Parameters
    ----------
    run : RunReader
    pairs : DataFrame
        Of `compare_pairs`.
    by : str
        `pixels` or `features`: the distance that decides. Equal files always count.
    threshold : float, optional
        The largest distance. Default: `suggested_threshold`.

    Returns
    -------
    DataFrame
        The columns of `pairs` and `given_label`, `other_given_label`, `true_label`,
        `other_true_label` (null where unknown), `differs` (the given labels do), and `group`:
        pairs that share a sample, directly or over others, have the same number. Equal files come
        first, then the nearest; of equal distances those of the larger cosine.
    """
    limit = suggested_threshold(pairs, by) if threshold is None else threshold
    value = distance(pairs, by)
    near = pairs[(pairs["same_bytes"] | (value <= limit)) & (pairs["found_by"] != "random")].copy()
    samples = run.samples()
    for prefix, column in (("", "sample_id"), ("other_", "other_id")):
        rows = samples.loc[near[column]]
        near[f"{prefix}given_label"] = rows["given_label"].to_numpy()
        near[f"{prefix}true_label"] = pd.array(rows["true_label"], dtype="Int64")
    near["differs"] = near["given_label"] != near["other_given_label"]
    near["group"] = _groups(near["sample_id"].to_numpy(), near["other_id"].to_numpy())
    near["distance"] = value.loc[near.index]
    return (
        near.sort_values(
            ["same_bytes", "distance", "cosine", "sample_id", "other_id"],
            ascending=[False, True, False, True, True],
        )
        .drop(columns="distance")
        .reset_index(drop=True)
    )


def _groups(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the number of the connected group that each pair is in."""
    ids, places = np.unique(np.concatenate([first, second]), return_inverse=True)
    if not len(ids):
        return np.empty(0, dtype=np.int64)
    a, b = places[: len(first)], places[len(first) :]
    links = coo_array((np.ones(len(a)), (a, b)), shape=(len(ids), len(ids)))
    return connected_components(links, directed=False)[1][a].astype(np.int64)


def _plan(run: RunReader, epoch: int | None) -> dict[str, Any]:
    """Return everything that decides the pairs, as JSON can hold it."""
    logged = run.feature_epochs()
    if epoch is not None and epoch not in logged:
        run.features(epoch)  # raises, and says which epochs there are
    if not logged and not run.has_images:
        raise UsageError(
            f"run {run.name!r} keeps neither pictures nor features, so there is nothing to compare"
        )
    last = logged[-1] if logged else None
    return {
        "version": VERSION,
        "fingerprint": run.info["dataset"]["fingerprint"],
        "pictures": run.has_images,
        "epoch": last if epoch is None else int(epoch),
    }


def _compute(run: RunReader, plan: dict[str, Any], progress: Progress | None) -> pd.DataFrame:
    def part(start: float, stop: float) -> Progress:
        def report(done: int, total: int) -> None:
            if progress is not None:
                progress(round(1000 * (start + (stop - start) * done / max(total, 1))), 1000)

        return report

    found: list[tuple[np.ndarray, np.ndarray, str]] = []
    copies = None
    if plan["pictures"]:
        copies = Copies(pictures(run), run.n_samples, part(0.0, 0.1))
    if copies is not None:
        found.append((*copies.equal_files(), "pixels"))
        found.append((*copies.nearest(part(0.1, 0.4)), "pixels"))
    known = directions(run, plan["epoch"]) if plan["epoch"] is not None else None
    if known is not None:
        rows, _ = nearest_rows(known.vectors, None, NEIGHBOURS["features"], part(0.4, 0.7))
        pairs = known.sample_id[np.repeat(np.arange(len(rows)), rows.shape[1])]
        found.append((pairs, known.sample_id[rows.ravel()], "features"))
    found.append((*_random_pairs(run), "random"))
    frame = _unique(found)
    first, second = frame["sample_id"].to_numpy(), frame["other_id"].to_numpy()
    frame["pixel_distance"] = np.float32(np.nan)
    frame["same_bytes"] = False
    if copies is not None:
        frame["pixel_distance"] = copies.distance(first, second, part(0.7, 1.0))
        frame["same_bytes"] = copies.are_equal(first, second)
    frame["cosine"] = np.float32(np.nan)
    if known is not None:
        frame["cosine"] = _cosine(known.sample_id, known.vectors, first, second)
    part(0.0, 1.0)(1, 1)
    return frame[SCHEMA.names]


def _unique(found: list[tuple[np.ndarray, np.ndarray, str]]) -> pd.DataFrame:
    """Return each pair once, the smaller id first, as the first that found it says."""
    parts = [
        pd.DataFrame(
            {"sample_id": np.minimum(a, b), "other_id": np.maximum(a, b), "found_by": name}
        )
        for a, b, name in found
    ]
    frame = pd.concat(parts, ignore_index=True)
    frame = frame[frame["sample_id"] != frame["other_id"]]
    return frame.drop_duplicates(["sample_id", "other_id"]).reset_index(drop=True)


def _random_pairs(run: RunReader) -> tuple[np.ndarray, np.ndarray]:
    drawn = np.random.default_rng(0).integers(0, run.n_samples, (2, N_RANDOM))
    return drawn[0], drawn[1]


def _cosine(
    sample_id: np.ndarray, vectors: np.ndarray, first: np.ndarray, second: np.ndarray
) -> np.ndarray:
    """Return the cosine of each pair, NaN where one has no direction."""
    cosine = np.full(len(first), np.nan, dtype=np.float32)
    defined = np.isin(first, sample_id) & np.isin(second, sample_id)
    a = np.searchsorted(sample_id, first[defined])
    b = np.searchsorted(sample_id, second[defined])
    parts = [
        np.einsum("bd,bd->b", vectors[a[s : s + BATCH]], vectors[b[s : s + BATCH]])
        for s in range(0, len(a), BATCH)
    ]
    cosine[defined] = np.clip(np.concatenate(parts), -1, 1) if parts else []
    return cosine


class Copies:
    """Small copies of all pictures: coarse ones to search, detailed ones to compare."""

    def __init__(
        self,
        found: Iterable[tuple[int, bytes, Image.Image | None]],
        n_pictures: int,
        progress: Progress,
    ) -> None:
        ids, hashes, coarse, details = [], [], [], []
        for number, (sample_id, content, picture) in enumerate(found, start=1):
            if picture is None:
                continue
            small = picture.resize((SIDE, SIDE), Image.Resampling.BOX)
            pixels = np.asarray(small, dtype=np.float32)  # (32, 32, 3)
            ids.append(sample_id)
            hashes.append(hashlib.sha256(content).digest())
            coarse.append(_coarse(pixels).ravel())
            details.append(_details(pixels))
            if number % 1024 == 0:
                progress(number, n_pictures)
        self.ids = np.array(ids, dtype=np.int64)
        self.hashes = np.array(hashes, dtype="S32")
        self.file = np.unique(self.hashes, return_inverse=True)[1]
        self.coarse = np.array(coarse, dtype=np.float32).reshape(len(ids), CELLS * CELLS * 3)
        self.details = np.array(details, dtype=np.float16).reshape(len(ids), SIDE, SIDE)
        spread = np.sqrt(np.mean(np.square(self.details, dtype=np.float32), axis=(1, 2)))
        self.has_details = spread >= FLAT

    def nearest(self, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
        """Return the pairs of each picture and its nearest in the coarse copy."""
        rows, vectors = self.directions()
        found, _ = nearest_rows(vectors, None, NEIGHBOURS["pixels"], progress)
        first = np.repeat(np.arange(len(found)), found.shape[1])
        return self.ids[rows[first]], self.ids[rows[found.ravel()]]

    def directions(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of pictures with something to compare, and their coarse copies scaled."""
        lengths = np.linalg.norm(self.coarse, axis=1)
        rows = np.flatnonzero((lengths > 0) & self.has_details)
        return rows, self.coarse[rows] / lengths[rows, None]

    def equal_files(self) -> tuple[np.ndarray, np.ndarray]:
        """Return pairs that link the pictures of equal files: each with the next."""
        order = np.argsort(self.file, kind="stable")
        same = np.flatnonzero(np.diff(self.file[order]) == 0)
        return self.ids[order[same]], self.ids[order[same + 1]]

    def are_equal(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Tell for each pair whether the files are equal byte by byte."""
        a, b, known = self._rows(first, second)
        equal = np.zeros(len(first), dtype=bool)
        equal[known] = self.file[a] == self.file[b]
        return equal

    def distance(self, first: np.ndarray, second: np.ndarray, progress: Progress) -> np.ndarray:
        """Return `pixel_distance` of each pair."""
        a, b, known = self._rows(first, second)
        distances = np.full(len(first), np.nan, dtype=np.float32)
        distances[known] = detail_distance(self, a, self, b, progress)
        return distances

    def _rows(
        self, first: np.ndarray, second: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the rows of those pairs of which both pictures are there, and which these are."""
        known = np.isin(first, self.ids) & np.isin(second, self.ids)
        return (
            np.searchsorted(self.ids, first[known]),
            np.searchsorted(self.ids, second[known]),
            known,
        )


def detail_distance(
    one: Copies, a: np.ndarray, two: Copies, b: np.ndarray, progress: Progress
) -> np.ndarray:
    """Return `pixel_distance` of the rows `a` of one and `b` of two, (B,); NaN for flat ones."""
    value = np.full(len(a), np.nan, dtype=np.float32)
    for start in range(0, len(a), BATCH):
        part = slice(start, start + BATCH)
        value[part] = 1.0 - _correlation(
            one.details[a[part]].astype(np.float32), two.details[b[part]].astype(np.float32)
        )
        progress(min(start + BATCH, len(a)), len(a))
    value[~(one.has_details[a] & two.has_details[b])] = np.nan
    return np.clip(value, 0.0, 2.0)


def _coarse(pixels: np.ndarray) -> np.ndarray:
    """Return the means of 8 x 8 cells less each channel's own: a blue sky alone is no likeness."""
    cells = pixels.reshape(CELLS, SIDE // CELLS, CELLS, SIDE // CELLS, 3).mean(axis=(1, 3))
    return cells - cells.mean(axis=(0, 1))


def _details(pixels: np.ndarray) -> np.ndarray:
    """Return the grey picture without its noise and its shading, (32, 32).

    Brightness goes with the shading; so do horizons and skies, by which unrelated photographs
    correlate. Rec. 601 weights, as in Pillow's "L".
    """
    grey = pixels @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    return uniform_filter(grey, FINE) - uniform_filter(grey, COARSE)


def _correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the largest correlation of pictures (B, 32, 32) over the mirror, then shifts, (B,)."""
    mirrored = second[:, :, ::-1]
    plain, turned = _in_place(first, second, 0, 0), _in_place(first, mirrored, 0, 0)
    moving = np.where((plain >= turned)[:, None, None], second, mirrored)
    best = np.maximum(plain, turned)
    for down, right in SHIFTS:
        best = np.maximum(best, _in_place(first, moving, down, right))
    return best


def _in_place(first: np.ndarray, second: np.ndarray, down: int, right: int) -> np.ndarray:
    """Return the correlation of the inner parts, the second picture's moved by a pixel or none."""
    size = SIDE - 2
    a = first[:, 1 : 1 + size, 1 : 1 + size]
    b = second[:, 1 + down : 1 + down + size, 1 + right : 1 + right + size]
    # Details have no mean to speak of, so none is taken off.
    lengths = np.einsum("bhw,bhw->b", a, a) * np.einsum("bhw,bhw->b", b, b)
    return np.einsum("bhw,bhw->b", a, b) / np.sqrt(np.maximum(lengths, 1e-12))


def _kept(run: RunReader) -> KeptPairs:
    return KeptPairs(run.network_folder, "pairs", SCHEMA, METADATA_KEY)
