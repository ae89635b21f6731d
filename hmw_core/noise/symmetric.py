"""Symmetric noise: labels redrawn uniformly, in the two senses papers give it."""

import numpy as np

from hmw_core.noise.clean_labels import CleanLabels, exact_share


def symmetric(clean: CleanLabels, rate: float, rng: np.random.Generator) -> np.ndarray:
    """Redraw exactly floor(rate N) labels from all classes, the true one included.

    The expected mislabeled fraction is rate (C - 1) / C.

    Notes
    -----
    Source: UNICON (Karim et al., 2022) and DivideMix, which the HMW paper follows.
    """
    given_label = clean.true_label.copy()
    chosen = exact_share(len(given_label), rate, rng)
    given_label[chosen] = rng.integers(clean.n_classes, size=len(chosen))
    return given_label


def symmetric_exclusive(clean: CleanLabels, rate: float, rng: np.random.Generator) -> np.ndarray:
    """Move exactly floor(rate N) labels to another class, uniformly: `rate` is the true share.

    Notes
    -----
    Source: MOIT (Ortego et al., 2021); Co-teaching and others draw the same per sample.
    """
    given_label = clean.true_label.copy()
    chosen = exact_share(len(given_label), rate, rng)
    step = rng.integers(1, clean.n_classes, size=len(chosen))
    given_label[chosen] = (given_label[chosen] + step) % clean.n_classes
    return given_label
