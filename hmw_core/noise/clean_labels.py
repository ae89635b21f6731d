"""What a noise model may look at: the true labels and what is known about the samples."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hmw_core.errors import UsageError


@dataclass(frozen=True, slots=True)
class CleanLabels:
    """True labels (N,) int64 with the data that some models need; see `apply_noise`."""

    true_label: np.ndarray
    n_classes: int
    images: np.ndarray | None = None
    class_names: tuple[str, ...] | None = None
    human_label: np.ndarray | None = None
    pixel_scale: str = "raw255"
    posterior: np.ndarray | None = None
    """(N, C), probabilities of the classes, by a network trained on the true labels."""
    pmd_type: str = "I"

    @classmethod
    def checked(
        cls,
        true_label: ArrayLike,
        n_classes: int,
        *,
        images: np.ndarray | None = None,
        class_names: Sequence[str] | None = None,
        human_label: ArrayLike | None = None,
        pixel_scale: str = "raw255",
        posterior: np.ndarray | None = None,
        pmd_type: str = "I",
    ) -> "CleanLabels":
        """Return the labels after checking that everything fits together.

        Raises
        ------
        UsageError
            If labels are no integers or out of range, or a length does not fit.
        """
        if n_classes < 2:
            raise UsageError(f"label noise needs at least 2 classes, got {n_classes}")
        true_label = _as_labels("true labels", true_label, n_classes)
        n_samples = len(true_label)
        if human_label is not None:
            human_label = _as_labels("human labels", human_label, n_classes)
            if len(human_label) != n_samples:
                raise UsageError(f"{len(human_label)} human labels for {n_samples} samples")
        if class_names is not None and len(class_names) != n_classes:
            raise UsageError(f"{len(class_names)} class names for {n_classes} classes")
        if images is not None and len(images) != n_samples:
            raise UsageError(f"{len(images)} images for {n_samples} samples")
        if posterior is not None:
            if posterior.shape != (n_samples, n_classes):
                raise UsageError(
                    f"posteriors of shape {posterior.shape} for {n_samples} samples and "
                    f"{n_classes} classes"
                )
            if not ((posterior >= 0) & (posterior <= 1)).all():
                raise UsageError("posteriors must lie in [0, 1]; some do not, or are no numbers")
        names = None if class_names is None else tuple(class_names)
        return cls(
            true_label, n_classes, images, names, human_label, pixel_scale, posterior, pmd_type
        )


def exact_share(n_samples: int, rate: float, rng: np.random.Generator) -> np.ndarray:
    """Return exactly floor(rate * n_samples) different positions, uniformly drawn."""
    # Rounding first: 0.29 * 100 is 28.999999999999996 in floating point, and means 29.
    return rng.permutation(n_samples)[: math.floor(round(n_samples * rate, 6))]


def _as_labels(what: str, labels: ArrayLike, n_classes: int) -> np.ndarray:
    labels = np.asarray(labels)
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer) or not labels.size:
        raise UsageError(
            f"{what} of shape {labels.shape} and type {labels.dtype}; "
            "accepted is one integer a sample, at least one sample"
        )
    if not 0 <= labels.min() <= labels.max() < n_classes:
        raise UsageError(
            f"{what} run from {labels.min()} to {labels.max()}, "
            f"but there are {n_classes} classes: 0..{n_classes - 1}"
        )
    return labels.astype(np.int64)
