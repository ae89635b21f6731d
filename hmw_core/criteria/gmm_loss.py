"""Chance that a sample's last loss is of the larger of two Gaussians: DivideMix's rule.

Source: Li et al. (ICLR 2020), DivideMix, section 3.1, on the losses of the training pass.
"""

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from hmw_core.criteria.criterion import Criterion


def posterior(loss: np.ndarray, given_label: np.ndarray | None = None) -> np.ndarray:
    """Return the posterior of the component of larger mean, shape (N,), in [0, 1], NaN for NaN.

    All classes are taken together, whatever the given label.

    The losses are scaled to [0, 1] first, and the two Gaussians fitted with the settings of the
    authors' code (10 steps, tolerance 0.01, variance floor 5e-4); the start is seeded. Fewer than
    two different losses have no mixture, and every sample then has 0.5.
    """
    found = np.full(len(loss), np.nan)
    seen = np.isfinite(loss)
    values = loss[seen]
    if len(values) == 0:
        return found
    span = values.max() - values.min()
    if len(values) < 2 or span == 0.0:
        found[seen] = 0.5
        return found
    scaled = ((values - values.min()) / span)[:, None]
    mixture = GaussianMixture(2, max_iter=10, tol=1e-2, reg_covar=5e-4, random_state=0)
    with warnings.catch_warnings():
        # Ten steps are DivideMix's; that they may not suffice is part of its rule.
        warnings.simplefilter("ignore", ConvergenceWarning)
        mixture.fit(scaled)
    found[seen] = mixture.predict_proba(scaled)[:, int(mixture.means_.argmax())]
    return found


GMM_LOSS = Criterion(
    title="Loss mixture",
    reads=("loss",),
    slice=lambda signals: signals["loss"],
    over="last",
    final=posterior,
    unit="probability",
    family="loss",
    higher_means="mislabeled",
    source="Li et al. (ICLR 2020), DivideMix: posterior of the larger of two Gaussians",
)
