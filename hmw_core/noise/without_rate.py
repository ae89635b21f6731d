"""Labels that are given as they are: no noise, or noise that people made."""

import numpy as np

from hmw_core.errors import UsageError
from hmw_core.noise.clean_labels import CleanLabels


def none(clean: CleanLabels, rate: float, rng: np.random.Generator) -> np.ndarray:
    """Keep the true labels.

    Raises
    ------
    UsageError
        If a rate other than 0 is asked for, which would silently not be had.
    """
    if rate:
        raise UsageError(f"noise 'none' has no rate, got {rate}; name a noise, or leave it at 0")
    return clean.true_label.copy()


def human(clean: CleanLabels, rate: float, rng: np.random.Generator) -> np.ndarray:
    """Take the labels that people gave, from a column of the data set.

    Raises
    ------
    UsageError
        If the data set has no such column, or a rate other than 0 is asked for.

    Notes
    -----
    Source: Wei et al. (2022), CIFAR-10N and CIFAR-100N, for the best known such columns.
    """
    if clean.human_label is None:
        raise UsageError(
            "noise 'human' needs a column of human labels beside the true ones, "
            "and this data set has none; use symmetric or pair_flip"
        )
    if rate:
        raise UsageError(
            f"noise 'human' has the rate that people made, got {rate}; leave the rate at 0"
        )
    return clean.human_label.copy()
