"""What a criterion is, and how it runs over the epochs of a log."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from hmw_core.margins import annealing_coefficient

if TYPE_CHECKING:
    from hmw_core.reader import RunReader

Signals = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Criterion:
    """A per-sample score that ranks training samples by suspicion.

    One epoch's signal columns become one value a sample (`slice`, shape (N,)), and the epochs
    are drawn together by `over`: the last one (NaN where the sample was not seen in it), their
    mean, or their mean under the cosine annealing of Eqs. 7-9. No epochs x samples table is ever
    held.
    """

    title: str
    reads: tuple[str, ...]
    slice: Callable[[Signals], np.ndarray]
    over: Literal["last", "mean", "annealed"]
    unit: str
    higher_means: Literal["clean", "mislabeled"]
    source: str

    def compute(self, run: "RunReader", epoch: int | None = None) -> pd.Series:
        """Return the score by `sample_id` from the epochs up to `epoch` (default: the last).

        NaN where a sample was never seen, or where the log lacks what the criterion reads.
        """
        return compute_scores(run, {"score": self}, epoch)["score"]


def iam_value(signals: Signals) -> np.ndarray:
    """Return Eq. 4's slice with alpha = beta = 1, in logits: only their ratio moves a ranking.

    With two classes TKUM does not exist (`topk_logit` is NaN) and the margin stands alone.

    Source: HMW (AAAI-24), Eq. 4.
    """
    margin = signals["given_logit"] - signals["other_logit"]
    under = signals["other_logit"] - signals["topk_logit"]
    return margin - np.where(np.isnan(under), 0.0, under)


class Score:
    """The running state of one criterion; O(n_samples) memory."""

    def __init__(self, criterion: Criterion, n_samples: int, n_epochs: int, start: int) -> None:
        self.criterion = criterion
        self.total = np.zeros(n_samples)
        self.mass = np.zeros(n_samples)
        self.n_epochs = n_epochs
        self.start = start

    def update(self, epoch: int, signals: Signals) -> None:
        """Add one epoch; a sample that is NaN there adds nothing to a mean."""
        value = np.asarray(self.criterion.slice(signals), dtype=np.float64)
        seen = ~np.isnan(value)
        if self.criterion.over == "last":
            self.total[:] = 0.0
            self.mass[:] = 0.0
        coefficient = 1.0
        if self.criterion.over == "annealed":
            coefficient = float(annealing_coefficient(epoch, self.n_epochs, self.start))
        np.add(self.total, coefficient * value, out=self.total, where=seen)
        self.mass += coefficient * seen

    def value(self) -> np.ndarray:
        """Return the score so far, shape (N,), float64, NaN where never seen."""
        with np.errstate(invalid="ignore"):
            return self.total / self.mass


def new_scores(
    criteria: Mapping[str, Criterion], n_samples: int, n_epochs: int, start: int
) -> dict[str, Score]:
    """Return an empty running score for each criterion."""
    return {name: Score(c, n_samples, n_epochs, start) for name, c in criteria.items()}


def why_absent(run: "RunReader", criterion: Criterion) -> str | None:
    """Return why this run has no such score, in a clause; None where it may have one."""
    reasons = (run.absent.get(column) for column in criterion.reads)
    return next((reason for reason in reasons if reason), None)


def by_reason(reasons: Mapping[str, str]) -> dict[str, list[str]]:
    """Return what is absent by the reason why, both in the order given."""
    grouped: dict[str, list[str]] = {}
    for what, reason in reasons.items():
        grouped.setdefault(reason, []).append(what)
    return grouped


def without_absent(criteria: Mapping[str, Criterion], run: "RunReader") -> dict[str, Criterion]:
    """Return the criteria that can be computed from what the run's source held."""
    return {name: c for name, c in criteria.items() if why_absent(run, c) is None}


def compute_scores(
    run: "RunReader",
    criteria: Mapping[str, Criterion],
    epoch: int | None = None,
    given_label: int | None = None,
) -> pd.DataFrame:
    """Return one column a criterion, by `sample_id`, reading every epoch once.

    Parameters
    ----------
    run : RunReader
    criteria : mapping of name to Criterion
    epoch : int, optional
        Last epoch used. Default: the last one logged.
    given_label : int, optional
        Only the samples of this class.
    """
    last = run.last_epoch if epoch is None else epoch
    epochs = [number for number in run.epochs() if number <= last]
    sample_id = run.sample_ids(given_label)
    # What one lacks must not be taken for "two classes": IAM without TKUM is another criterion.
    computable = without_absent(criteria, run)
    scores = new_scores(computable, len(sample_id), run.n_epochs, run.annealing_start)
    of_last = [score for score in scores.values() if score.criterion.over == "last"]
    of_all = [score for score in scores.values() if score.criterion.over != "last"]
    for chosen, numbers in ((of_last, epochs[-1:]), (of_all, epochs)):
        columns = sorted({column for score in chosen for column in score.criterion.reads})
        if not columns:
            continue
        for number, signals in run.iterate(columns, numbers, given_label):
            for score in chosen:
                score.update(number, signals)
    nothing = np.full(len(sample_id), np.nan)
    values = {name: scores[name].value() if name in scores else nothing for name in criteria}
    return pd.DataFrame(values, index=pd.Index(sample_id, name="sample_id")).sort_index()
