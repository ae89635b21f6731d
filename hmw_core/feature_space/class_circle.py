"""Maps of one run at many epochs in which a sample that does not change does not move.

Two maps, both fixed functions of the cosines between a sample's features and the class vectors
(the classes' space), which mean the same at every epoch: turn the features and the class vectors
of an epoch together, as training slowly does, and no cosine changes.

- `circle`: every class has a corner, and a sample lies at the mean of the corners, weighted by how
  near each class is. No layout is fitted, so all movement is the network's; but places within a
  class, and mixtures of three classes and more, fall together.
- `joint`: one t-SNE map of landmarks from all epochs; everything else lies at the weighted mean of
  its nearest landmarks. Finer, but how far apart two clusters lie is the layout's invention, so
  its movement is measured against that of the same map from another seed.

Why not the common way, each epoch's map started from that of the epoch before and turned onto it
(Procrustes)? Measured on digits with 50 % wrong labels (1,438 samples, 16 epochs): between two
epochs, how far a sample moved in such t-SNE maps had a rank correlation of -0.2 to 0.2 with how
far its features moved, and optimising on with the *same* features moved samples between a fifth
and more than all of that distance. It was layout noise. A joint map of the features themselves,
turned onto each other, moved more between two seeds than between two epochs. AlignedUMAP had not
ended after nine minutes on a busy machine. What the joint map's movement is worth in the run at
hand, `movement` says, and the page shows it.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from hmw_core.errors import UsageError
from hmw_core.feature_space.embeddings import Progress, library, tsne
from hmw_core.log import layout
from hmw_core.log.cache import kept_table
from hmw_core.log.reader import RunReader
from hmw_core.log.tables import as_matrix

VERSION = 1  # of the joint map: another number computes kept ones anew
LEAD, PULL = 0.5, 0.8  # a cosine this much above all others pulls a sample this far to its corner
LANDMARKS = 4_000  # points that the joint map is fitted to
NEAREST = 10  # landmarks that place a point
MIN_POINTS = 20  # fewer have no neighbourhoods to draw
BLOCK = 50_000  # points placed at once


class Cosines(NamedTuple):
    """Cosines of an epoch between samples' features and class vectors, ids ascending."""

    epoch: int
    sample_id: np.ndarray  # (N,) int64
    cosine: np.ndarray  # (N, C) float32, in [-1, 1]


# -- where cosines come from


def output_epochs(run: RunReader) -> list[int]:
    """Return the whole epochs whose cosines were logged in the training pass."""
    whole = set(run.epochs())
    logged = [e for e in layout.logged_epochs(run.network_folder, "outputs") if e in whole]
    if not logged:
        return []
    first = pq.read_schema(layout.epoch_file(run.network_folder, "outputs", logged[0]))
    return logged if "cosine" in first.names else []


def feature_epochs(run: RunReader) -> list[int]:
    """Return the epochs of which features and class vectors are logged."""
    return [
        epoch
        for epoch in run.feature_epochs()
        if layout.class_vectors_file(run.network_folder, epoch).exists()
    ]


def logged_cosines(run: RunReader, epoch: int) -> Cosines:
    """Return the cosines of the training pass, before the update and on the augmented picture.

    Samples that the epoch missed are left out.

    Raises
    ------
    UsageError
        If the epoch logged none, or its file is damaged.
    """
    if epoch not in output_epochs(run):
        raise UsageError(f"run {run.name!r} logged no cosines of epoch {epoch}")
    path = layout.epoch_file(run.network_folder, "outputs", epoch)
    try:
        table = pq.read_table(path, columns=["sample_id", "cosine"])
    except (OSError, ValueError) as error:  # pyarrow's errors are ValueErrors
        raise UsageError(f"run {run.name!r}: {path.name} is damaged: {error}") from None
    ids = table["sample_id"].to_numpy().astype(np.int64)
    return _sorted(epoch, ids, as_matrix(table["cosine"]).astype(np.float32))


def feature_cosines(run: RunReader, epoch: int) -> Cosines:
    """Return the cosines of the logged features: evaluation pass, after the epoch.

    Samples whose features have no direction (zero or not finite) are left out.

    Raises
    ------
    UsageError
        If the epoch has no features or no class vectors, or these have no direction.
    """
    sample_id, features, vectors = _directions(run, epoch)
    return _sorted(epoch, sample_id, features @ vectors.T)


# -- the circle of classes


def corners(n_classes: int) -> np.ndarray:
    """Return each class's corner, (C, 2), on the unit circle from the top, clockwise."""
    angle = np.pi / 2 - 2 * np.pi * np.arange(n_classes) / n_classes
    return np.column_stack([np.cos(angle), np.sin(angle)])


def circle(cosine: np.ndarray) -> np.ndarray:
    """Return where samples lie between the corners of the classes.

    The corners are weighted by a softmax of cosine / t, with t such that a class whose cosine
    leads all others by 0.5 has 80 % of the weight, whatever the number of classes.

    Parameters
    ----------
    cosine : ndarray of shape (N, C)
        At least two classes; with two, all places are on a line.

    Returns
    -------
    ndarray of shape (N, 2), float32
        Inside the unit circle; NaN where a cosine is.

    Notes
    -----
    Source: RadViz (Hoffman et al., 1997) with softmax weights.
    """
    n_classes = cosine.shape[1]
    if n_classes < 2:
        raise UsageError("a circle of classes needs at least two classes")
    temperature = LEAD / np.log(PULL / (1 - PULL) * (n_classes - 1))
    scaled = np.asarray(cosine, dtype=np.float64) / temperature
    weight = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    weight /= weight.sum(axis=1, keepdims=True)
    return (weight @ corners(n_classes)).astype(np.float32)


# -- one map of all epochs


def joint(
    run: RunReader,
    epochs: Sequence[int] | None = None,
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Return one map of the run's samples at several epochs, kept with the run.

    Parameters
    ----------
    run : RunReader
    epochs : sequence of int, optional
        Epochs whose features are logged. Default: all of them.
    seed : int
        Of the landmarks and of the map; the other map, for `movement`, has the seed after it.
    progress : callable, optional
        Called with (steps done, steps in all) now and then.

    Returns
    -------
    DataFrame
        `epoch`, `kind` (`sample` or `class`), `sample_id`, `class_label` (-1 where the kind has
        none), `x`, `y` (no unit), `x_other`, `y_other` (the map of the other seed, turned, shrunk
        and shifted onto this one, all epochs together), `moved`: the length of the change of the
        sample's cosines since the epoch before; NaN in the first.

    Raises
    ------
    UsageError
        If fewer than two epochs have features and class vectors, or one named has none.
    """
    chosen = _chosen(run, epochs)
    return _kept(run, chosen, seed, lambda: _fit(run, chosen, seed, progress))


def kept_joint(
    run: RunReader, epochs: Sequence[int] | None = None, *, seed: int = 0
) -> pd.DataFrame | None:
    """Return what `joint` would, if it was computed before, else None; errors as there."""
    try:
        return _kept(run, _chosen(run, epochs), seed, _refuse)
    except _NotKept:
        return None


def movement(table: pd.DataFrame) -> pd.DataFrame:
    """Return how much of the movement in `joint`'s map is the network's, one row a step.

    Returns
    -------
    DataFrame
        `epoch_from`, `epoch`, `n_samples` (in both), `median_move` (in the map, as a share of its
        width: the root mean square distance from the middle, over all epochs), `layout_noise` and
        `rank_correlation`. `layout_noise` is the mean squared difference between the samples'
        moves in the two maps over the sum of their mean squared moves: 0 where both maps move all
        samples alike, 1 where the moves have nothing in common; NaN where nothing moved.
        `rank_correlation` (Spearman) is between how far samples moved in the map and how far in
        their cosines: 1 where those that changed more moved farther.
    """
    samples = table[table["kind"] == "sample"]
    places = samples[["x", "y"]].to_numpy(np.float64)
    width = float(np.sqrt(np.square(places - places.mean(axis=0)).sum(axis=1).mean()))
    by_epoch = {int(e): part.set_index("sample_id") for e, part in samples.groupby("epoch")}
    numbers = sorted(by_epoch)
    rows = []
    for before, after in zip(numbers[:-1], numbers[1:], strict=True):
        both = by_epoch[before].index.intersection(by_epoch[after].index)
        start, end = by_epoch[before].loc[both], by_epoch[after].loc[both]
        columns = ["x", "y", "x_other", "y_other"]
        step = end[columns].to_numpy(np.float64) - start[columns].to_numpy(np.float64)
        own, other = step[:, :2], step[:, 2:]
        total = float(np.square(own).sum() + np.square(other).sum())
        length = np.linalg.norm(own, axis=1)
        rows.append(
            {
                "epoch_from": before,
                "epoch": after,
                "n_samples": len(both),
                "median_move": float(np.median(length)) / width if len(both) else np.nan,
                "layout_noise": float(np.square(own - other).sum()) / total if total else np.nan,
                "rank_correlation": _spearman(length, end["moved"].to_numpy(np.float64)),
            }
        )
    return pd.DataFrame(rows)


def onto(places: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return (N, 2) places turned, mirrored, scaled and shifted to lie nearest to `target`.

    Source: Schoenemann (1966), orthogonal Procrustes, with Gower's (1975) scaling.
    """
    middle, aim = places.mean(axis=0), target.mean(axis=0)
    centred, wanted = places - middle, target - aim
    left, size, right = np.linalg.svd(centred.T @ wanted)
    total = np.square(centred).sum()
    scale = size.sum() / total if total else 1.0
    return scale * (centred @ (left @ right)) + aim


# -- below: how the joint map is made


class _NotKept(Exception):
    """Nobody has computed this table yet."""


def _refuse() -> pd.DataFrame:
    raise _NotKept


def _chosen(run: RunReader, epochs: Sequence[int] | None) -> list[int]:
    there = feature_epochs(run)
    wanted = there if epochs is None else sorted({int(epoch) for epoch in epochs})
    missing = [epoch for epoch in wanted if epoch not in there]
    if missing or len(wanted) < 2:
        what = f"epoch {missing[0]} has none" if missing else "a joint map needs two epochs"
        raise UsageError(
            f"run {run.name!r}: {what}; features and class vectors are logged at the epochs: "
            f"{', '.join(map(str, there)) or 'none'}"
        )
    return wanted


def _kept(
    run: RunReader, epochs: list[int], seed: int, compute: Callable[[], pd.DataFrame]
) -> pd.DataFrame:
    decides = {
        "version": VERSION,
        "epochs": epochs,
        "seed": seed,
        "landmarks": LANDMARKS,
        "library": library("tsne"),
    }
    return kept_table(run, "joint-map", decides, compute, reads=("features",), epochs=epochs)


def _directions(run: RunReader, epoch: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return ids (N,), features (N, D) and class vectors (C, D), both at length 1."""
    logged = run.features(epoch)
    if logged.class_vectors is None:
        raise UsageError(f"run {run.name!r} logged no class vectors at epoch {epoch}")
    lengths = np.linalg.norm(logged.class_vectors, axis=1, keepdims=True)
    if not (np.isfinite(lengths) & (lengths > 0)).all():
        raise UsageError(
            f"run {run.name!r}, epoch {epoch}: class vectors are zero or not finite, so no cosine "
            "to them can be told"
        )
    norm = np.linalg.norm(logged.features, axis=1)
    defined = np.isfinite(norm) & (norm > 0)
    directions = logged.features[defined] / norm[defined, None]
    return logged.sample_id[defined].astype(np.int64), directions, logged.class_vectors / lengths


def _fit(run: RunReader, epochs: list[int], seed: int, progress: Progress | None) -> pd.DataFrame:
    parts = [_points(run, epoch) for epoch in epochs]
    table = pd.concat([part for part, _ in parts], ignore_index=True)
    points = np.concatenate([cosine for _, cosine in parts])
    if (table["kind"] == "sample").sum() < MIN_POINTS:
        raise UsageError(
            f"run {run.name!r} has too few samples with features for a joint map; it needs "
            f"{MIN_POINTS} points"
        )
    own = _map(points, seed, _part(progress, 0))
    other = onto(_map(points, seed + 1, _part(progress, 1)), own)
    table[["x", "y"]] = own.astype(np.float32)
    table[["x_other", "y_other"]] = other.astype(np.float32)
    table["moved"] = _moved(table, points)
    return table


def _points(run: RunReader, epoch: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the rows of an epoch and their cosines: its samples, then its class vectors."""
    sample_id, features, vectors = _directions(run, epoch)
    order = np.argsort(sample_id, kind="stable")
    n_samples, n_classes = len(sample_id), len(vectors)
    rows = pd.DataFrame(
        {
            "epoch": np.full(n_samples + n_classes, epoch, np.int32),
            "kind": ["sample"] * n_samples + ["class"] * n_classes,
            "sample_id": np.r_[sample_id[order], np.full(n_classes, -1)],
            "class_label": np.r_[np.full(n_samples, -1), np.arange(n_classes)],
        }
    )
    return rows, np.concatenate([features[order], vectors]) @ vectors.T


def _map(points: np.ndarray, seed: int, progress: Progress | None) -> np.ndarray:
    """Return a place for each point: t-SNE of some of them, the mean of the nearest for all.

    Landmarks are taken evenly from the rows, which come epoch by epoch, so from all epochs alike.
    The place of a point depends on nothing but the point, so equal points have equal places.
    """
    from scipy.spatial import cKDTree

    distinct = np.unique(points, axis=0)
    rng = np.random.default_rng(seed)
    count = min(LANDMARKS, len(distinct))
    landmarks = distinct[np.sort(rng.choice(len(distinct), count, replace=False))]
    places = tsne(landmarks, count, seed, progress).astype(np.float64)
    tree = cKDTree(landmarks)
    found = []
    for start in range(0, len(points), BLOCK):
        distance, nearest = tree.query(points[start : start + BLOCK], k=min(NEAREST, count))
        # Near neighbours count most, and a landmark is where the map has it.
        weight = 1.0 / np.maximum(distance, 1e-9) ** 2
        weight /= weight.sum(axis=1, keepdims=True)
        found.append((places[nearest] * weight[..., None]).sum(axis=1))
    return np.concatenate(found)


def _moved(table: pd.DataFrame, points: np.ndarray) -> np.ndarray:
    """Return for each sample how far its cosines are from those of the epoch before, else NaN."""
    moved = np.full(len(table), np.nan, np.float32)
    numbers = sorted(table["epoch"].unique())
    rows = {e: np.flatnonzero((table["epoch"] == e) & (table["kind"] == "sample")) for e in numbers}
    ids = table["sample_id"].to_numpy()
    for before, after in zip(numbers[:-1], numbers[1:], strict=True):
        _, here, there = np.intersect1d(ids[rows[after]], ids[rows[before]], return_indices=True)
        step = points[rows[after][here]] - points[rows[before][there]]
        moved[rows[after][here]] = np.linalg.norm(step, axis=1)
    return moved


def _spearman(a: np.ndarray, b: np.ndarray) -> float:
    known = ~(np.isnan(a) | np.isnan(b))
    ranks = pd.DataFrame({"a": a[known], "b": b[known]}).rank()
    if len(ranks) < 3 or ranks.nunique().min() < 2:
        return float("nan")
    return float(np.corrcoef(ranks["a"], ranks["b"])[0, 1])


def _part(progress: Progress | None, number: int) -> Progress | None:
    """Return a progress that reports its steps as the half `number` of two."""
    if progress is None:
        return None
    report = progress
    return lambda done, total: report(number * total + done, 2 * total)


def _sorted(epoch: int, sample_id: np.ndarray, cosine: np.ndarray) -> Cosines:
    order = np.argsort(sample_id, kind="stable")
    return Cosines(epoch, sample_id[order], cosine[order])
