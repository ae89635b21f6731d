"""From an epoch's logits and cosines to the columns of `signals/`."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from hmw_core.errors import UsageError
from hmw_core.margins import (
    annealing_coefficient,
    check_k,
    cosine_distance,
    slice_of_distances,
    top_values,
)

Columns = dict[str, np.ndarray]

DISTANCES = ("given_distance", "other_distance", "topk_distance")
# What `RunWriter.record_signals` takes; all else follows from these or from cosines.
RECORDABLE = (
    "loss",
    "given_logit",
    "other_logit",
    "topk_logit",
    "weight",
    "predicted_label",
    "other_label",
    "confidence",
)


@dataclass(frozen=True)
class WeightSettings:
    """What decides the logged HM weight: Eq. 12's scales, Eq. 6's k, Eq. 9's first epoch."""

    alpha: float = 100.0
    beta: float = 100.0
    k: int = 1
    annealing_start: int = 1

    def check(self, n_classes: int) -> None:
        """Raise UsageError where they do not fit the number of classes."""
        check_k(self.k, n_classes)
        if self.annealing_start not in (0, 1):
            raise UsageError(f"annealing_start must be 0 or 1, got {self.annealing_start}")

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as `run.json` keeps them."""
        return asdict(self)


class RunningWeight:
    """The HM weight of every sample, from running sums instead of an epochs x samples table.

    Eq. 8's normaliser cancels: gamma = sum_j c_j S_j / sum_j c_j with c_j = exp(eps_j). A sample
    not seen in an epoch adds to neither sum.

    Source: HMW (AAAI-24), Eqs. 7-9 and 13.
    """

    def __init__(self, n_samples: int, n_epochs: int, annealing_start: int) -> None:
        self.total = np.zeros(n_samples)
        self.mass = np.zeros(n_samples)
        self.n_epochs = n_epochs
        self.annealing_start = annealing_start

    def update(self, epoch: int, hm_slice: np.ndarray) -> np.ndarray:
        """Add an epoch's slices (N,), NaN where unseen; return gamma (N,), NaN where unseen."""
        seen = np.isfinite(hm_slice)
        coefficient = annealing_coefficient(epoch, self.n_epochs, self.annealing_start)
        self.total[seen] += coefficient * hm_slice[seen]
        self.mass[seen] += coefficient
        weight = np.full(len(hm_slice), np.nan, dtype=np.float32)
        weight[seen] = self.total[seen] / self.mass[seen]
        return weight


def cross_entropy(logits: np.ndarray, given_label: np.ndarray) -> np.ndarray:
    """Return -log softmax(logits)[given_label], shape (B,), in nat, for logits of shape (B, C).

    The given logit is taken against the sum of the others, so that the loss of a memorised sample
    (1e-9, say) is that and not a rounded 0: ranks need it.
    """
    rows = np.arange(len(logits))
    others = logits.T.copy()  # (C, B): what runs along the classes is several times as fast
    given = others[given_label, rows]
    others[given_label, rows] = -np.inf
    largest = others.max(axis=0)
    with np.errstate(invalid="ignore"):  # a sample not seen is a row of NaN, and stays one
        others -= largest
        np.exp(others, out=others)
        return np.logaddexp(0, largest + np.log(others.sum(axis=0)) - given)


def signal_columns(recorded: Columns, given_label: np.ndarray, settings: WeightSettings) -> Columns:
    """Return the per-sample columns of one epoch, all but `hm_weight`.

    Parameters
    ----------
    recorded : dict
        `logits` (N, C) and, where recorded, `cosine` (N, C), `loss` and `weight` (N,); float32.
        Or columns of `RECORDABLE` in place of all these.
    given_label : ndarray of shape (N,), int
    settings : WeightSettings

    Returns
    -------
    dict of ndarray of shape (N,)
        Columns of `schema.SIGNALS`, NaN where they cannot be computed. Without logits, the
        recorded columns as they are.
    """
    empty = np.full(len(given_label), np.nan, dtype=np.float32)
    if "logits" not in recorded:
        return {**recorded, "hm_slice": empty}
    logits = recorded["logits"]
    entropy = cross_entropy(logits, given_label)
    top = top_values(logits, given_label, settings.k)
    columns = {
        "loss": recorded.get("loss", entropy),
        "weight": recorded.get("weight", empty),
        "predicted_label": logits.argmax(axis=1),
        "confidence": np.exp(-entropy),
        "given_logit": top.given,
        "other_logit": top.other,
        "topk_logit": top.topk,
        "other_label": top.other_label,
    }
    columns |= dict.fromkeys((*DISTANCES, "hm_slice"), empty)
    if "cosine" in recorded:
        near = top_values(-cosine_distance(recorded["cosine"]), given_label, settings.k)
        distances = (-near.given, -near.other, -near.topk)
        columns |= dict(zip(DISTANCES, distances, strict=True))
        columns["hm_slice"] = slice_of_distances(*distances, settings.alpha, settings.beta)
    return columns
