"""Poly-margin diminishing noise: a picture between two classes is the likelier given the wrong."""

import math
from collections.abc import Callable

import numpy as np
from scipy.optimize import bisect

from hmw_core.errors import UsageError
from hmw_core.noise.clean_labels import CleanLabels

KEEP: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "I": lambda gap: (1 + gap**2) / 2,
    "II": lambda gap: gap**3,
    "III": lambda gap: (gap + gap**2 + gap**3) / 3,
}
"""By type: the chance of the likeliest class, before the factor, from the gap to the second."""
PUBLISHED = {
    ("I", 0.35): 1.43, ("II", 0.35): 1.32, ("III", 0.35): 1.35,
    ("I", 0.7): 3.40, ("II", 0.7): 3.10, ("III", 0.7): 3.20,
}  # fmt: skip
"""Factors of the authors' code on CIFAR-10, by type and rate: `pmd_factor` comes near them."""
SMALLEST, LARGEST = 1e-9, 1e9  # factors: all that can be kept is kept, or nothing is


def pmd(clean: CleanLabels, rate: float, rng: np.random.Generator) -> np.ndarray:
    """Give each picture its likeliest class or the second, the more often the nearer these are.

    The likeliest class u and the second s are those of a network trained on the true labels
    (`posterior`), and its doubt is the gap d between their probabilities. u is given with chance
    keep(d) / c, cut to 1, else s: keep is (1 + d^2) / 2 in type I, d^3 in II, (d + d^2 + d^3) / 3
    in III. The factor c is the one at which a share `rate` of the labels is expected not to be
    the true one, what the network itself mistakes included. Rate 0 leaves every label.

    Raises
    ------
    UsageError
        If there is no posterior, the type is unknown, or no factor comes to the rate.

    Notes
    -----
    Source: Zhang et al. (2021), PLC, and its released code, which has fixed factors (`PUBLISHED`)
    where ours is found.
    """
    if rate == 0:
        return clean.true_label.copy()
    factor = pmd_factor(clean, rate)
    keep, likeliest, second = _two_likeliest(clean)
    is_kept = rng.random(len(keep)) < keep / factor
    return np.where(is_kept, likeliest, second)


def pmd_factor(clean: CleanLabels, rate: float) -> float:
    """Return the factor c of `pmd` at which the expected share of wrong labels is `rate`.

    Raises
    ------
    UsageError
        As `pmd`.
    """
    keep, likeliest, second = _two_likeliest(clean)
    is_wrong, second_is_wrong = (label != clean.true_label for label in (likeliest, second))

    def expected(log_factor: float) -> float:
        kept = np.minimum(keep / math.exp(log_factor), 1)
        return float(np.mean(kept * is_wrong + (1 - kept) * second_is_wrong))

    low, high = math.log(SMALLEST), math.log(LARGEST)
    least, most = expected(low), expected(high)
    if not least <= rate <= most:
        raise UsageError(
            f"noise 'pmd' of type {clean.pmd_type} comes to rates from {least:.3f} to {most:.3f} "
            f"with this teacher, got {rate:g}: the least is what the teacher itself mistakes"
        )
    return math.exp(bisect(lambda place: expected(place) - rate, low, high))


def _two_likeliest(clean: CleanLabels) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the chance to keep, before the factor, the likeliest class and the second; (N,)."""
    if clean.posterior is None:
        raise UsageError(
            "noise 'pmd' needs the class probabilities of a network trained on the true labels, "
            "and there are none"
        )
    if clean.pmd_type not in KEEP:
        raise UsageError(f"unknown type {clean.pmd_type!r} of pmd; known: {', '.join(KEEP)}")
    order = np.argsort(-clean.posterior, axis=1, kind="stable")[:, :2]  # (N, 2)
    probs = np.take_along_axis(clean.posterior, order, axis=1).astype(np.float64)
    keep = KEEP[clean.pmd_type](probs[:, 0] - probs[:, 1])
    return keep, order[:, 0], order[:, 1]
