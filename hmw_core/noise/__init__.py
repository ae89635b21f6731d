"""Label noise: from true labels to given ones, one file a family (numpy).

Contract, so that no file repeats it: a noise model is called with a ``CleanLabels``, a rate in
[0, 1] and an ``np.random.Generator``, draws from that generator only, and returns new labels of
shape (N,), int64, in ``0..C-1``; the true labels stay as they were. What the rate means differs
between models and is in the first lines of each; report the measured ``mislabeled_fraction``
beside it. A model that needs what the data set lacks raises ``UsageError`` and names another.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from hmw_core.catalogue import Argument, Choice
from hmw_core.errors import UsageError, pick
from hmw_core.noise.class_map import asymmetric, block_shift, pair_flip, superclass_shift
from hmw_core.noise.clean_labels import CleanLabels
from hmw_core.noise.instance import PIXEL_SCALES, instance
from hmw_core.noise.measure import mislabeled_fraction, transition_matrix
from hmw_core.noise.pmd import KEEP, pmd
from hmw_core.noise.symmetric import symmetric, symmetric_exclusive
from hmw_core.noise.without_rate import human, none

NOISES: dict[str, Callable[[CleanLabels, float, np.random.Generator], np.ndarray]] = {
    "none": none,
    "symmetric": symmetric,
    "symmetric_exclusive": symmetric_exclusive,
    "asymmetric": asymmetric,
    "superclass_shift": superclass_shift,
    "block_shift": block_shift,
    "pair_flip": pair_flip,
    "instance": instance,
    "pmd": pmd,
    "human": human,
}
NOISE_ARGUMENTS: dict[str, tuple[Argument | Choice, ...]] = {
    "instance": (
        Choice("pixel_scale", "raw255", PIXEL_SCALES, "how pixels are scaled before they score"),
    ),
    "pmd": (
        Choice("type", "I", tuple(KEEP), "how fast wrong labels become rare away from the border"),
        Argument(
            "teacher_epochs", 25, 1, 10_000, "epochs",
            "of the network trained on the true labels, whose doubts decide", whole=True,
        ),
    ),
}  # fmt: skip
"""What `--noise-args` may set."""


class NoisyLabels(NamedTuple):
    """The labels to train on, and the noise as measured rather than as asked for."""

    given_label: np.ndarray
    """(N,), int64."""
    true_label: np.ndarray
    """(N,), int64."""
    n_classes: int

    @property
    def transition_matrix(self) -> np.ndarray:
        """(C, C): ``T[i, j]`` = share of true class i that is given j; rows sum to 1."""
        return transition_matrix(self.true_label, self.given_label, self.n_classes)

    @property
    def mislabeled_fraction(self) -> float:
        """In [0, 1]."""
        return mislabeled_fraction(self.true_label, self.given_label)


def apply_noise(
    name: str,
    true_label: Sequence[int] | np.ndarray,
    rate: float,
    n_classes: int,
    rng: np.random.Generator,
    *,
    images: np.ndarray | None = None,
    class_names: Sequence[str] | None = None,
    human_label: Sequence[int] | np.ndarray | None = None,
    pixel_scale: str = "raw255",
    posterior: np.ndarray | None = None,
    pmd_type: str = "I",
) -> NoisyLabels:
    """Put the noise `name` on the true labels.

    Parameters
    ----------
    name : str
        A key of `NOISES`.
    true_label : array of shape (N,), int
        Class in ``0..n_classes-1``.
    rate : float
        In [0, 1], as the model defines it; 0 for the models without a rate.
    n_classes : int
        At least 2.
    rng : Generator
        The only source of randomness: the same state gives the same labels.
    images : ndarray of shape (N, ...), optional
        Pixels in 0..255; only `instance` reads them.
    class_names : sequence of n_classes str, optional
        `asymmetric` and `superclass_shift` find their class map by them.
    human_label : array of shape (N,), int, optional
        The labels that `human` takes over.
    pixel_scale : {"raw255", "unit", "standardised"}
        For `instance`: see there.
    posterior : ndarray of shape (N, n_classes), optional
        For `pmd`: class probabilities of a network trained on the true labels.
    pmd_type : {"I", "II", "III"}
        For `pmd`: see there.

    Raises
    ------
    UsageError
        If the name is unknown, a value is out of range, or the model needs what is not there.
    """
    noise = pick(NOISES, name, "noise")
    if not 0 <= rate <= 1:
        raise UsageError(f"noise rate is {rate}, accepted are numbers from 0 to 1")
    clean = CleanLabels.checked(
        true_label,
        n_classes,
        images=images,
        class_names=class_names,
        human_label=human_label,
        pixel_scale=pixel_scale,
        posterior=posterior,
        pmd_type=pmd_type,
    )
    return NoisyLabels(noise(clean, rate, rng), clean.true_label, n_classes)
