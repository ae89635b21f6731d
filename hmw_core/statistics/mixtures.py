"""Mixtures of two components on one axis, and where the one becomes likelier than the other."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.optimize import brentq
from scipy.stats import beta, norm
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

BETA_STEPS = 10  # of the authors' code
STEPS = 4096  # in which a cut is looked for, before it is found exactly
BETA_ENDS = 1e-4  # how near 0 and 1 a number may come, where the density may be infinite


Component = Literal["lower", "upper"]


@dataclass(frozen=True)
class Mixture:
    """Two components, by their means: the second is the upper one.

    `log_density(x)` is that of each component times its share, shape (..., 2), on the axis that
    was fitted.
    """

    share: np.ndarray
    """(2,), sums to one."""
    mean: np.ndarray
    """(2,), ascending."""
    log_density: Callable[[np.ndarray], np.ndarray]
    support: tuple[float, float] = (-np.inf, np.inf)
    """Between these it is a density; beyond, a number counts as lying on the nearer one."""

    def posterior(self, x: np.ndarray, component: Component = "upper") -> np.ndarray:
        """Return the chance that `x` is of a component, in [0, 1], of x's shape."""
        both = self.log_density(np.asarray(x, dtype=np.float64))
        lead = both[..., 0] - both[..., 1]
        with np.errstate(over="ignore"):
            return 1.0 / (1.0 + np.exp(lead if component == "upper" else -lead))

    def cut(self, level: float, end: float) -> float | None:
        """Return the first place from the lower mean up to `end` where the posterior is `level`.

        Further up it may turn back: of two Gaussians the wider one is the likelier on both ends.
        None where the posterior is above the level at the lower mean already, or never comes to it.
        """
        places = np.linspace(self.mean[0], end, STEPS)
        above = self.posterior(places) >= level
        if above[0] or not above.any():
            return None
        first = int(above.argmax())
        return float(
            brentq(
                lambda x: float(self.posterior(np.array(x))) - level,
                places[first - 1],
                places[first],
            )
        )


def gaussian_mixture(
    values: np.ndarray, *, tol: float = 1e-4, max_iter: int = 500, floor: float = 1e-6
) -> Mixture | None:
    """Return the two Gaussians fitted to numbers, None where these do not differ.

    Parameters
    ----------
    values : ndarray of shape (N,), finite
    tol, max_iter, floor
        scikit-learn's `tol`, `max_iter` and `reg_covar` for the numbers scaled to [0, 1].

    Notes
    -----
    Source: the EM algorithm as scikit-learn's `GaussianMixture`; the start is seeded.
    """
    low, span = values.min(), np.ptp(values)
    if len(values) < 2 or span == 0:
        return None
    fitted = GaussianMixture(2, tol=tol, max_iter=max_iter, reg_covar=floor, random_state=0)
    with warnings.catch_warnings():
        # Where the steps do not suffice, what they came to is used; of ten steps that is the rule.
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted.fit(((values - low) / span)[:, None])
    order = fitted.means_[:, 0].argsort()
    share = fitted.weights_[order]
    mean = low + span * fitted.means_[order, 0]
    spread = span * np.sqrt(fitted.covariances_[order, 0, 0])

    def log_density(x: np.ndarray) -> np.ndarray:
        return np.log(share) + norm.logpdf(x[..., None], mean, spread)

    return Mixture(share, mean, log_density)


def divide_mix(loss: np.ndarray) -> Mixture | None:
    """Return DivideMix's two Gaussians of the losses, on the losses' own axis.

    Source: Li et al. (ICLR 2020), DivideMix, Section 3.1, settings of the authors' code: losses
    scaled to [0, 1], 10 steps, tolerance 0.01, variance floor 5e-4.
    """
    return gaussian_mixture(loss, tol=1e-2, max_iter=10, floor=5e-4)


def divide_mix_posterior(loss: np.ndarray, component: Component = "lower") -> np.ndarray:
    """Return the chance that each loss is of one of DivideMix's two Gaussians.

    Parameters
    ----------
    loss : ndarray of shape (N,)
        NaN or infinite where there is none.
    component : {"lower", "upper"}
        Of the smaller mean, the losses that DivideMix takes for those of clean samples, or of the
        larger.

    Returns
    -------
    ndarray of shape (N,), float64
        In [0, 1], NaN without a loss. All 0.5 where fewer than two different losses make no
        mixture.

    Notes
    -----
    Source: as `divide_mix`.
    """
    found = np.full(len(loss), np.nan)
    known = np.isfinite(loss)
    values = loss[known].astype(np.float64)
    mixture = divide_mix(values) if len(values) else None
    found[known] = 0.5 if mixture is None else mixture.posterior(values, component)
    return found


def beta_mixture(values: np.ndarray) -> Mixture | None:
    """Return two beta components on numbers scaled to [0, 1], None where these do not differ.

    Notes
    -----
    Source: Arazo et al. (ICML 2019), Section 3.1, and its code: scaled by the 5th and the 95th
    percentile, fitted to what lies between, ten EM steps whose second half matches each
    component's mean and variance. What lies beyond the percentiles counts as lying on them.
    """
    low, high = np.percentile(values, (5, 95))
    if not high > low:
        return None

    def scale(x: np.ndarray) -> np.ndarray:
        return np.clip((x - low) / (high - low), BETA_ENDS, 1 - BETA_ENDS)

    x = scale(values[(values >= low) & (values <= high)])
    a, b, share = np.array([1.0, 2.0]), np.array([2.0, 1.0]), np.array([0.5, 0.5])
    for _ in range(BETA_STEPS):
        both = share * beta.pdf(x[:, None], a, b) + 1e-300  # (N, 2)
        of = both / both.sum(axis=1, keepdims=True)
        weight = of.sum(axis=0)
        if weight.min() < 1e-6 * len(x):
            return None  # one component has all
        mean = (of * x[:, None]).sum(axis=0) / weight
        variance = (of * (x[:, None] - mean) ** 2).sum(axis=0) / weight
        scale_of = mean * (1 - mean) / np.maximum(variance, 1e-12) - 1
        if scale_of.min() <= 0:
            return None
        a, b, share = mean * scale_of, (1 - mean) * scale_of, weight / len(x)
    order = (a / (a + b)).argsort()
    a, b, share = a[order], b[order], share[order]

    def log_density(at: np.ndarray) -> np.ndarray:
        inside = scale(at)[..., None]
        return np.log(share) + beta.logpdf(inside, a, b) - np.log(high - low)

    mean = low + (high - low) * a / (a + b)
    return Mixture(share, mean, log_density, (float(low), float(high)))
