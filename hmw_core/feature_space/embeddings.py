"""Directions in a plane: PCA, t-SNE and UMAP of unit vectors, the same every time for a seed.

Contract: an embedding takes unit vectors `points` of shape (N, D), of which the first `n_samples`
are the samples (what follows are class vectors, placed by the samples' map), a seed, and
`progress(done, total)` or None, and returns (N, 2), float32. Neighbours are those of the largest
cosine. Slow libraries are imported when they are used: UMAP alone takes seconds to load.
"""

import warnings
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

import numpy as np

Progress = Callable[[int, int], None]

PCA_DIMENSIONS = 50  # wider features are brought down to this first
TSNE_STEPS = (250, 500)  # openTSNE's early exaggeration, then the rest


def reduce(points: np.ndarray, n_samples: int, dimensions: int = PCA_DIMENSIONS) -> np.ndarray:
    """Bring wide unit vectors down to the directions that hold most of the samples' length.

    PCA without centring: it is the one that keeps lengths and angles, and the maps compare
    directions. The result is brought back to length 1; narrow features are returned as they are.
    """
    if points.shape[1] <= dimensions:
        return points
    reduced = points @ _axes(points[:n_samples], dimensions)
    lengths = np.linalg.norm(reduced, axis=1, keepdims=True)
    return np.divide(reduced, lengths, out=np.zeros_like(reduced), where=lengths > 0)


def pca(
    points: np.ndarray, n_samples: int, seed: int = 0, progress: Progress | None = None
) -> np.ndarray:
    """Return the two principal components of the samples, centred on the samples' mean.

    Source: Pearson (1901).
    """
    centred = points - points[:n_samples].mean(axis=0)
    plane = centred @ _axes(centred[:n_samples], 2)
    if progress is not None:
        progress(1, 1)
    return np.pad(plane, ((0, 0), (0, 2 - plane.shape[1]))).astype(np.float32)


def tsne(
    points: np.ndarray,
    n_samples: int,
    seed: int = 0,
    progress: Progress | None = None,
    *,
    perplexity: float = 30.0,
) -> np.ndarray:
    """Return the t-SNE map, from exact neighbours up to 10,000 points.

    Distances are the chords between unit vectors, which order neighbours as the cosine does and
    make the Gaussian neighbourhoods those of a von Mises-Fisher density on the sphere.

    Source: van der Maaten and Hinton (2008); openTSNE (Policar et al., 2019).
    """
    from openTSNE import TSNE

    steps = 0

    def count(_iteration: int, _error: float, _embedding: np.ndarray) -> None:
        nonlocal steps
        steps += 10
        if progress is not None:
            progress(min(steps, sum(TSNE_STEPS)), sum(TSNE_STEPS))

    map_of = TSNE(
        perplexity=min(perplexity, (len(points) - 1) / 3),
        metric="euclidean",
        neighbors="exact" if len(points) <= 10_000 else "annoy",
        early_exaggeration_iter=TSNE_STEPS[0],
        n_iter=TSNE_STEPS[1],
        callbacks=count,
        callbacks_every_iters=10,
        random_state=seed,
        n_jobs=1,  # its threads wait busily: beside a training, two took longer than one
    )
    return np.asarray(map_of.fit(reduce(points, n_samples)), dtype=np.float32)


def umap(
    points: np.ndarray,
    n_samples: int,
    seed: int = 0,
    progress: Progress | None = None,
    *,
    n_neighbors: int = 15,
    min_dist: float = 0.1,
) -> np.ndarray:
    """Return the UMAP map, on one thread, without which it differs from run to run.

    Source: McInnes, Healy and Melville (2018); umap-learn.
    """
    with warnings.catch_warnings():
        # Said once on import by a part of UMAP that is not used here.
        warnings.filterwarnings("ignore", "Tensorflow not installed", ImportWarning)
        from umap import UMAP

    steps = 500 if len(points) <= 10_000 else 200
    map_of = UMAP(
        n_neighbors=min(n_neighbors, len(points) - 1),
        min_dist=min_dist,
        metric="cosine",
        init="pca",
        n_epochs=steps,
        random_state=seed,
        n_jobs=1,
        # UMAP reports only through tqdm: each count it would print goes to `progress` instead.
        tqdm_kwds={
            "disable": progress is None,
            "file": _Counter(progress, steps) if progress is not None else None,
            "bar_format": "{n}",
            "mininterval": 0.1,
        },
    )
    return np.asarray(map_of.fit_transform(reduce(points, n_samples)), dtype=np.float32)


EMBEDDINGS: dict[str, Callable[..., np.ndarray]] = {"tsne": tsne, "umap": umap, "pca": pca}
LIBRARIES = {"tsne": "openTSNE", "umap": "umap-learn", "pca": "numpy"}
TITLES = {"tsne": "t-SNE", "umap": "UMAP", "pca": "PCA"}


def library(method: str) -> str:
    """Return the name and version of the library that an embedding rests on."""
    return f"{LIBRARIES[method]} {version(LIBRARIES[method])}"


def is_installed(method: str) -> bool:
    """Tell whether the library that an embedding rests on is there; a training does without."""
    try:
        library(method)
    except PackageNotFoundError:
        return False
    return True


class _Counter:
    """A text file that tqdm may write its count to."""

    def __init__(self, progress: Progress, total: int) -> None:
        self.progress = progress
        self.total = total

    def write(self, text: str) -> None:
        if text.strip().isdigit():
            self.progress(int(text), self.total)

    def flush(self) -> None:
        """Do nothing; tqdm asks for it."""


def _axes(samples: np.ndarray, n: int) -> np.ndarray:
    """Return the n directions of largest second moment as columns, largest first, signs fixed."""
    second_moment = (samples.T @ samples).astype(np.float64)
    axes = np.linalg.eigh(second_moment).eigenvectors[:, ::-1][:, :n]
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=0, keepdims=True), axis=0)
    return (axes * np.where(largest < 0, -1.0, 1.0)).astype(np.float32)
