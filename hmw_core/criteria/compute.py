"""Criteria run over the epochs of a log, every epoch read once for all of them."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd

from hmw_core.criteria.criterion import Criterion, Signals
from hmw_core.criteria.epoch_signals import OUTPUTS, EpochSignals, stored_columns
from hmw_core.criteria.over_epochs import OVER
from hmw_core.log.reader import RunReader


class Score:
    """The running state of one criterion; O(n_samples) memory.

    Here is the one rule for values that are not finite, the same in every criterion: an epoch in
    which a sample's value is NaN or infinite adds nothing, as if it had not been seen in it.
    """

    def __init__(self, criterion: Criterion, n_samples: int, n_epochs: int, start: int) -> None:
        self.criterion = criterion
        self.state = OVER[criterion.over](n_samples, n_epochs, start)
        self.given_label: np.ndarray | None = None

    def update(self, epoch: int, signals: Signals) -> None:
        """Add one epoch; a sample whose value is not finite there adds nothing."""
        assert self.criterion.slice is not None, f"{self.criterion.title} does not stream"
        if self.criterion.final is not None:
            self.given_label = signals["given_label"]
        with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
            value = np.array(self.criterion.slice(signals), dtype=np.float64)
            value[~np.isfinite(value)] = np.nan
            self.state.update(epoch, value)

    def value(self) -> np.ndarray:
        """Return the score so far, shape (N,), float64, NaN where never seen."""
        value = self.state.value()
        if self.criterion.final is None or self.given_label is None:  # None: no epoch so far
            return value
        return self.criterion.final(value, self.given_label)


def new_scores(
    criteria: Mapping[str, Criterion], n_samples: int, n_epochs: int, start: int
) -> dict[str, Score]:
    """Return an empty running score for each criterion that streams."""
    return {
        name: Score(c, n_samples, n_epochs, start)
        for name, c in criteria.items()
        if c.slice is not None
    }


# Of two classes, and of rows in which two classes are left, these are null, and IAM does without.
MAY_BE_EMPTY = ("topk_logit", "topk_distance")


def why_absent(run: RunReader, criterion: Criterion, in_log: bool = True) -> str | None:
    """Return why this run has no such score, in a clause; None where it may have one.

    Parameters
    ----------
    run : RunReader
    criterion : Criterion
    in_log : bool
        False asks what the run was made for alone, and not what it has logged so far.
    """
    stored = _stored(run, criterion)
    for column in criterion.reads + tuple(sorted(stored)):
        if run.absent.get(column):
            return run.absent[column]
    empty = run.empty_columns.difference(MAY_BE_EMPTY) if in_log else frozenset()
    for column in sorted(stored & empty):
        return f"its log holds no {column}"
    for column in OUTPUTS:
        if column in stored and column not in run.output_columns():
            return f"its outputs hold no {column} (a training with `--outputs full` logs them)"
    if "features" in criterion.reads and not run.feature_epochs():
        return "no features were logged"
    return None if criterion.lacks is None else criterion.lacks(run)


def _stored(run: RunReader, criterion: Criterion) -> set[str]:
    """Return the columns of this run's log that a criterion is made of."""
    held = run.output_columns() if "probabilities" in criterion.reads else ()
    return stored_columns(criterion.reads, held)


def parts_read(criterion: Criterion) -> tuple[str, ...]:
    """Return which of `signals`, `outputs`, `features` and `method` a criterion is made from."""
    if criterion.family == "method":
        return ("method",)
    stored = stored_columns(criterion.reads)
    parts = {
        "signals": bool(stored - {*OUTPUTS, "features"}) or criterion.whole is not None,
        "outputs": not stored.isdisjoint(OUTPUTS),
        "features": "features" in stored,
    }
    of_members = {part for c in (criterion.members or {}).values() for part in parts_read(c)}
    return tuple(part for part, is_read in parts.items() if is_read or part in of_members)


def by_reason(reasons: Mapping[str, str]) -> dict[str, list[str]]:
    """Return what is absent by the reason why, both in the order given."""
    grouped: dict[str, list[str]] = {}
    for what, reason in reasons.items():
        grouped.setdefault(reason, []).append(what)
    return grouped


def without_absent(
    criteria: Mapping[str, Criterion], run: RunReader, in_log: bool = True
) -> dict[str, Criterion]:
    """Return the criteria that a run has no reason to lack, see `why_absent`."""
    return {name: c for name, c in criteria.items() if why_absent(run, c, in_log) is None}


def score_of(
    criterion: Criterion, run: RunReader, epoch: int | None = None, first: int = 1
) -> pd.Series:
    """Return the score by `sample_id` from the epochs `first` to `epoch` (default: the last).

    NaN where a sample was never seen, or where the log lacks what the criterion reads.
    """
    return compute_scores(run, {"score": criterion}, epoch, first=first)["score"]


def compute_scores(
    run: RunReader,
    criteria: Mapping[str, Criterion],
    epoch: int | None = None,
    given_label: int | None = None,
    first: int = 1,
) -> pd.DataFrame:
    """Return one column a criterion, by `sample_id`, reading every epoch once.

    Parameters
    ----------
    run : RunReader
    criteria : mapping of name to Criterion
    epoch : int, optional
        Last epoch used. Default: the last one logged.
    given_label : int, optional
        Only the samples of this class; what a criterion makes of all samples together is still
        made of all.
    first : int
        First epoch used.
    """
    last = run.last_epoch if epoch is None else epoch
    return next(scores_by_epoch(run, criteria, [last], first, given_label))[1]


def scores_by_epoch(
    run: RunReader,
    criteria: Mapping[str, Criterion],
    at: Sequence[int],
    first: int = 1,
    given_label: int | None = None,
) -> Iterator[tuple[int, pd.DataFrame]]:
    """Yield the scores after each epoch of `at`, ascending, in one pass over the log.

    Parameters
    ----------
    run : RunReader
    criteria : mapping of name to Criterion
    at : sequence of int
        Epochs after which the scores are wanted; each uses the epochs from `first` up to it.
    first, given_label
        As `compute_scores`'.

    Yields
    ------
    epoch : int
    scores : DataFrame
        One column a criterion, by `sample_id`; NaN where it has no score.
    """
    # What one lacks must not be taken for "two classes": IAM without TKUM is another criterion.
    computable = without_absent(criteria, run)
    parts = _with_members(computable, run)
    all_together = given_label is not None and any(
        c.slice is None or c.final is not None for c in parts
    )
    part = None if all_together else given_label
    ids = run.sample_ids(part)
    settings = len(ids), run.n_epochs, run.annealing_start
    scores = {c: Score(c, *settings) for c in parts if c.slice is not None}
    wanted = sorted(set(at))

    def value(criterion: Criterion, epoch: int) -> np.ndarray:
        if criterion in scores:
            return scores[criterion].value()
        if criterion.whole is not None:
            return criterion.whole(run, first, epoch)[ids]
        assert criterion.combine is not None, f"{criterion.title} has no way to be computed"
        there = without_absent(criterion.members or {}, run)
        return criterion.combine(pd.DataFrame({n: value(c, epoch) for n, c in there.items()}))

    passed = _stream(run, list(scores.values()), wanted, first, part)
    for epoch in wanted:
        next(passed)
        values = {name: value(c, epoch) for name, c in computable.items()}
        table = pd.DataFrame(values, index=pd.Index(ids, name="sample_id"), columns=list(criteria))
        table = table.astype(np.float64).sort_index()
        yield (
            epoch,
            table if part == given_label else table.loc[np.sort(run.sample_ids(given_label))],
        )


def _with_members(criteria: Mapping[str, Criterion], run: RunReader) -> list[Criterion]:
    """Return each criterion once, and each that these are made from and the run has."""
    found = list(criteria.values())
    for criterion in criteria.values():
        found += _with_members(without_absent(criterion.members or {}, run), run)
    return list(dict.fromkeys(found))


def _stream(
    run: RunReader,
    scores: Sequence[Score],
    at: Sequence[int],
    first: int,
    given_label: int | None,
) -> Iterator[None]:
    """Bring the scores up to each epoch of `at`, and pause there."""
    labels = run.samples()["given_label"].to_numpy()[run.sample_ids(given_label)]
    plan = _plan(run, scores, at, first)

    def read(epoch: int, due: Sequence[Score]) -> EpochSignals:
        columns = {name for score in due for name in _stored(run, score.criterion)}
        stored = run.epoch_columns(epoch, sorted(columns), given_label)
        # By class: what runs along the classes is then ten times as fast.
        by_class = {name: np.asfortranarray(values) for name, values in stored.items()}
        return EpochSignals({**by_class, "given_label": labels})

    # The next epoch is read while this one is computed: both cores work.
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="log-reader") as reader:
        coming = reader.submit(read, *plan[0]) if plan else None
        position = 0
        for stop in at:
            while position < len(plan) and plan[position][0] <= stop:
                assert coming is not None, "an epoch is read before it is computed"
                epoch, due = plan[position]
                signals = coming.result()
                position += 1
                if position < len(plan):
                    coming = reader.submit(read, *plan[position])
                for score in due:
                    score.update(epoch, signals)
            yield


def _plan(
    run: RunReader, scores: Sequence[Score], at: Sequence[int], first: int
) -> list[tuple[int, list[Score]]]:
    """Return which scores each epoch is read for; what needs the last alone skips the others."""
    epochs = [epoch for epoch in run.epochs() if first <= epoch <= max(at, default=0)]
    with_outputs = set(run.output_epochs())
    due: dict[int, list[Score]] = {epoch: [] for epoch in epochs}
    for score in scores:
        usable = epochs
        if "outputs" in parts_read(score.criterion):
            usable = [epoch for epoch in epochs if epoch in with_outputs]
        if score.criterion.over == "last":
            ends = {max((e for e in usable if e <= stop), default=None) for stop in at}
            usable = [epoch for epoch in usable if epoch in ends]
        for epoch in usable:
            due[epoch].append(score)
    return [(epoch, group) for epoch, group in due.items() if group]
