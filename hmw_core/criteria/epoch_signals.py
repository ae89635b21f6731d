"""One epoch's columns as criteria read them: those of the log, and what follows from them."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import NamedTuple

import numpy as np

from hmw_core.margins import cosine_distance, mean_of_allowed

N_OTHERS = 6  # the largest other class and the five after it: k up to 5
OUTPUTS = ("logits", "cosine", "probabilities")  # columns of outputs/, (N, C) each


class Derived(NamedTuple):
    """A column that is made when a criterion asks for it: what it is made from, and how."""

    reads: tuple[str, ...]
    make: Callable[[Mapping[str, np.ndarray]], np.ndarray]


class EpochSignals(Mapping[str, np.ndarray]):
    """Columns by name; a derived one is made once and then kept for the other criteria."""

    def __init__(self, stored: Mapping[str, np.ndarray]) -> None:
        self._columns = dict(stored)

    def __getitem__(self, name: str) -> np.ndarray:
        """Return a column, shape (N,) or (N, n)."""
        if name not in self._columns and name in DERIVED:
            self._columns[name] = DERIVED[name].make(self)
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names that are there."""
        return iter(self._columns)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._columns)


def stored_columns(names: tuple[str, ...], held: Collection[str] = ()) -> set[str]:
    """Return the logged columns that some names are made of; `given_label` is always there.

    What a log holds itself, as `held` says, is not made from anything.
    """
    found: set[str] = set()
    for name in names:
        is_made = name in DERIVED and name not in held
        found |= stored_columns(DERIVED[name].reads, held) if is_made else {name}
    return found - {"given_label"}


def largest_others(values: np.ndarray, given_label: np.ndarray) -> np.ndarray:
    """Return the largest values but that of the given label, shape (N, min(6, C - 1)), falling.

    A row with a NaN (a sample not seen) is NaN throughout, and so is one in which the given or the
    largest other value is not finite, as `margins.top_values` has it. Columns are taken one by
    one, each sorted into the largest so far: several times faster than sorting 50,000 short rows.
    """
    n_samples, n_classes = values.shape
    largest = np.full((min(N_OTHERS, n_classes - 1), n_samples), -np.inf, dtype=np.float32)
    for label in range(n_classes):
        sinking = np.where(given_label == label, np.float32(-np.inf), values[:, label])
        for place in largest[: label + 1]:
            smaller = np.minimum(place, sinking)
            np.maximum(place, sinking, out=place)
            sinking = smaller
    given = values[np.arange(n_samples), given_label]
    largest[:, ~(np.isfinite(given) & np.isfinite(largest[0]))] = np.nan
    return largest.T


def mean_of_next(others: np.ndarray, k: int) -> np.ndarray:
    """Return the mean of the k sorted values after the first, of those that are allowed, (N,)."""
    return mean_of_allowed(others[:, 1 : 1 + k].T)


def under(others: np.ndarray, k: int) -> np.ndarray:
    """Return the first of sorted values minus the mean of the next k, shape (N,)."""
    return others[:, 0] - mean_of_next(others, k)


def or_zero(under: np.ndarray) -> np.ndarray:
    """Return a TKUM as IAM counts it: 0 where it does not exist, with two classes left."""
    return np.where(np.isnan(under), 0.0, under)


def _entropy(signals: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return -log of the probability of the given label, >= 0, in nat.

    float32 rounds the probability of a memorised sample to 1. Where the logged loss agrees with
    it, the loss was cross entropy there and still tells such samples apart.
    """
    confidence = signals["confidence"].astype(np.float64)
    loss = signals["loss"].astype(np.float64)
    with np.errstate(divide="ignore", over="ignore"):
        entropy = -np.log(confidence)
        agrees = np.abs(np.exp(-loss) - confidence) <= 1e-6
    return np.where(agrees & (loss >= 0), loss, entropy)


def _squared_length(signals: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the sum of the squared softmax probabilities, shape (N,), in [1/C, 1]."""
    logits = signals["logits"]
    exps = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.einsum("nc,nc->n", exps, exps) / exps.sum(axis=1) ** 2


def _probabilities(signals: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the softmax of all logits, shape (N, C), float64; a row of NaN where one is infinite.

    A logit of minus infinity is a class ruled out, and has the probability 0; if the given one is,
    the row says nothing of it, and is NaN as well.
    """
    logits = signals["logits"].astype(np.float64)
    with np.errstate(invalid="ignore"):  # infinity less infinity
        logits -= logits.max(axis=1, keepdims=True)
    np.exp(logits, out=logits)
    logits /= logits.sum(axis=1, keepdims=True)
    if "given_label" in signals:
        given = signals["logits"][np.arange(len(logits)), signals["given_label"]]
        logits[np.isneginf(given)] = np.nan
    return logits


def _other_probability(signals: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the largest probability of another class, from the logits' difference to the given."""
    lead = signals["other_logit"].astype(np.float64) - signals["given_logit"]
    with np.errstate(over="ignore", invalid="ignore"):
        probability = np.exp(lead - signals["entropy"])
    return np.minimum(np.where(np.isnan(probability) & ~np.isnan(lead), 1.0, probability), 1.0)


DERIVED: dict[str, Derived] = {
    "is_fitted": Derived(
        ("predicted_label", "given_label"),
        lambda s: np.where(
            np.isnan(s["predicted_label"]), np.nan, s["predicted_label"] == s["given_label"]
        ),
    ),
    "entropy": Derived(("confidence", "loss"), _entropy),
    "other_probability": Derived(("entropy", "other_logit", "given_logit"), _other_probability),
    "other_logits": Derived(
        ("logits", "given_label"), lambda s: largest_others(s["logits"], s["given_label"])
    ),
    "other_distances": Derived(
        ("cosine", "given_label"),
        lambda s: cosine_distance(largest_others(s["cosine"], s["given_label"])),
    ),
    "squared_length": Derived(("logits",), _squared_length),
    "probabilities": Derived(("logits", "given_label"), _probabilities),
}
