"""The contract of a criterion: its columns, its value of one epoch, its epochs, its direction."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from hmw_core.log.reader import RunReader

Signals = Mapping[str, np.ndarray]
Family = Literal[
    "loss", "margin", "hyperspherical", "dynamics", "cleanlab", "neighbours", "ensemble", "method"
]
FAMILIES: dict[Family, str] = {
    "loss": "Loss",
    "margin": "Margin of the logits",
    "hyperspherical": "Margin of the cosines",
    "dynamics": "Training dynamics",
    "cleanlab": "cleanlab",
    "neighbours": "Neighbours",
    "ensemble": "Ensemble",
    "method": "Training method",
}


@dataclass(frozen=True, eq=False)
class Criterion:
    """A per-sample score that ranks training samples by suspicion.

    One epoch's columns become one value a sample (`slice`, shape (N,)), and the epochs are drawn
    together as `over` says, see `over_epochs`: the last one (NaN where the sample was not seen in
    it), their mean, their mean under the cosine annealing of Eqs. 7-9, and so on. `final`, where
    there is one, turns the values of all samples, which may then be rows (N, n), and their given
    labels into scores (N,). No epochs x samples table is ever held. A criterion that is no such
    thing has `whole` in their place: it gets the run, the first and the last epoch used, and
    returns the scores in the order of `sample_id`. One made from others has `members` and
    `combine`: it gets a column of scores for each member that the run has, a row a sample.
    """

    title: str
    reads: tuple[str, ...]
    """Columns of the signals, of `epoch_signals.DERIVED`, `logits`, `cosine`, or `features`."""
    unit: str
    higher_means: Literal["clean", "mislabeled"]
    source: str
    slice: Callable[[Signals], np.ndarray] | None = None
    over: str = "last"
    family: Family = "margin"
    final: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None
    whole: Callable[[RunReader, int, int], np.ndarray] | None = None
    members: Mapping[str, "Criterion"] | None = None
    combine: Callable[[pd.DataFrame], np.ndarray] | None = None
    lacks: Callable[[RunReader], str | None] | None = None
    """Says in a clause why a run cannot have it, beyond the columns that its source did not hold;
    None where it can."""


def too_few_classes(k: int) -> Callable[[RunReader], str | None]:
    """Return a test of whether a run has the k + 2 classes that a k needs; see `lacks`."""

    def lacks(run: RunReader) -> str | None:
        if run.n_classes >= k + 2:
            return None
        return f"k = {k} needs {k + 2} classes, and it has {run.n_classes}"

    return lacks
