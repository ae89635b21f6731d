"""A circle of classes: a map of any epoch in which a sample that does not change does not move.

Every class has a corner, and a sample lies at the mean of the corners, weighted by how near each
class is. It is a fixed function of the cosines between a sample's features and the class vectors:
turn the features and the class vectors of an epoch together, as training slowly does, and nothing
moves. No layout is fitted, so all movement is the network's; but places within a class, and
mixtures of three classes and more, fall together.

Why not t-SNE maps of all epochs, each started from the one before and turned onto it (Procrustes)?
Measured on digits with 50 % wrong labels (1,438 samples, 16 epochs): between two epochs, how far a
sample moved in such maps had a rank correlation of -0.2 to 0.33 with how far its features moved,
and optimising on with the *same* features moved samples between a fifth and more than all of that
distance. The movement was mostly layout noise.
"""

from typing import NamedTuple

import numpy as np

from hmw_core.errors import UsageError
from hmw_core.log import layout
from hmw_core.log.reader import RunReader
from hmw_core.log.tables import as_matrix

LEAD, PULL = 0.5, 0.8  # a cosine this much above all others pulls a sample this far to its corner


class Cosines(NamedTuple):
    """Cosines of an epoch between samples' features and class vectors, ids ascending."""

    epoch: int
    sample_id: np.ndarray  # (N,) int64
    cosine: np.ndarray  # (N, C) float32, in [-1, 1]


# -- where cosines come from


def output_epochs(run: RunReader) -> list[int]:
    """Return the whole epochs whose cosines were logged in the training pass."""
    return run.output_epochs() if "cosine" in run.output_columns() else []


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
    table = run.read_outputs(epoch, ["cosine"])
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
        Inside the unit circle; NaN where a cosine is NaN or infinite, but for masked classes.

    Notes
    -----
    Source: RadViz (Hoffman et al., 1997) with softmax weights.
    """
    n_classes = cosine.shape[1]
    if n_classes < 2:
        raise UsageError("a circle of classes needs at least two classes")
    temperature = LEAD / np.log(PULL / (1 - PULL) * (n_classes - 1))
    scaled = np.asarray(cosine, dtype=np.float64) / temperature
    scaled[np.isposinf(scaled)] = np.nan
    with np.errstate(invalid="ignore"):  # a row that is masked throughout has no place, either
        weight = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        weight /= weight.sum(axis=1, keepdims=True)
    return (weight @ corners(n_classes)).astype(np.float32)


# -- below: reading


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


def _sorted(epoch: int, sample_id: np.ndarray, cosine: np.ndarray) -> Cosines:
    order = np.argsort(sample_id, kind="stable")
    return Cosines(epoch, sample_id[order], cosine[order])
