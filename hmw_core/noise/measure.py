"""Noise as it really is in two sets of labels."""

from typing import Any

import numpy as np

from hmw_core.class_limit import MOST_CLASSES


def transition_matrix(
    true_label: np.ndarray, given_label: np.ndarray, n_classes: int
) -> np.ndarray:
    """Return ``T[i, j] = P(given = j given true = i)`` as counted, (C, C) float64, rows sum to 1.

    The row of a class without a sample is that of the identity: nothing was seen to move.

    Examples
    --------
    >>> transition_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 3)
    array([[0.5, 0.5, 0. ],
           [0. , 1. , 0. ],
           [0. , 0. , 1. ]])
    """
    cell = np.asarray(true_label, dtype=np.int64) * n_classes + given_label
    counts = np.bincount(cell, minlength=n_classes**2).reshape(n_classes, n_classes)
    per_class = counts.sum(axis=1, keepdims=True)
    return np.where(per_class > 0, counts / np.maximum(per_class, 1), np.eye(n_classes))


def mislabeled_fraction(true_label: np.ndarray, given_label: np.ndarray) -> float:
    """Return the share of samples whose given label is not the true one, in [0, 1]."""
    return float(np.mean(np.asarray(true_label) != given_label))


def measured_noise(
    true_label: np.ndarray, given_label: np.ndarray, n_classes: int
) -> dict[str, Any]:
    """Return what `run.json` says of measured noise: `mislabeled_fraction`, `transition_matrix`.

    The matrix is noted for up to `MOST_CLASSES` classes; it follows from the labels in the log.
    """
    found: dict[str, Any] = {"mislabeled_fraction": mislabeled_fraction(true_label, given_label)}
    if n_classes <= MOST_CLASSES:
        matrix = transition_matrix(true_label, given_label, n_classes)
        found["transition_matrix"] = matrix.tolist()
    return found
