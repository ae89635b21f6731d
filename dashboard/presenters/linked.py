"""One run's samples as the map, the table and the gallery share them: filters, order, a page."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from dashboard.drawing.outlines import Outline, Plane
from dashboard.figures.maps import map_of
from hmw_core.criteria import MAIN_CRITERIA
from hmw_core.criteria.criterion import Criterion
from hmw_core.criteria.kept import score_table
from hmw_core.criteria.of_run import pick_criterion, title_of
from hmw_core.log.reader import RunReader
from hmw_core.samples.method_parts import Parts, part_columns, parts_of
from hmw_core.samples.origin import origin_of
from hmw_core.samples.sample_table import suspicion_rank
from hmw_core.spreadsheet import csv_bytes

UNKNOWN = -1  # a label that is not known
FEW = 100  # samples; to rank more, all are ranked
KNOWN = {"mislabeled": 1, "clean": 0, "unknown": UNKNOWN}
UNJUDGED = "none"
BOTH, ONLY_FIRST, ONLY_SECOND, NEITHER = "both", "only_first", "only_second", "neither"
AGREEMENTS = (BOTH, ONLY_FIRST, ONLY_SECOND, NEITHER)


class Samples:
    """What is known of each sample, as arrays of shape (N,), row = sample_id; to be read only.

    `given_label`, `true_label` and `predicted_label` are int64 with -1 where unknown,
    `is_mislabeled` int8 with 1, 0, and -1 where unknown. Scores, orders and predictions are read
    when they are first asked for and kept: with a million samples each takes a twentieth of a
    second or more, and a page shows two or three of them.
    """

    def __init__(self, run: RunReader, epoch: int | None = None) -> None:
        self.epoch = run.last_epoch if epoch is None else epoch
        self.n = run.n_samples
        samples = run.samples()
        self.given_label = samples["given_label"].to_numpy(np.int64)
        self.true_label = samples["true_label"].fillna(UNKNOWN).to_numpy(np.int64)
        known = samples["is_mislabeled"]
        self.is_mislabeled = known.astype("Int8").fillna(UNKNOWN).to_numpy(np.int8)
        self._run = run
        self._scores: dict[str, np.ndarray] = {}
        self._ranks: dict[str, np.ndarray] = {}
        self._orders: dict[str, np.ndarray] = {}
        self._parts: dict[str, Parts] = {}

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """Where the numbers come from, for an export."""
        return origin_of(self._run, self.epoch)

    @cached_property
    def predicted_label(self) -> np.ndarray:
        """What the network predicted in the pass of the epoch."""
        found = np.full(self.n, UNKNOWN, np.int64)
        if self.epoch in self._run.epochs():
            logged = self._run.epoch_columns(self.epoch, ["predicted_label"])["predicted_label"]
            found[self._run.sample_ids()] = np.nan_to_num(logged, nan=UNKNOWN)
        return found

    def parts(self, name: str) -> Parts | None:
        """Return into which parts the method put the samples; None if no such column is."""
        if name not in part_columns(self._run):
            return None
        if name not in self._parts:
            self._parts[name] = parts_of(self._run, name, self.epoch)
        return self._parts[name]

    def load(self, criteria: Sequence[str]) -> None:
        """Have the scores of several criteria at hand: together they are one pass over the log."""
        missing = [name for name in criteria if name not in self._scores]
        if missing:
            table = score_table(self._run, missing, self.epoch)
            self._scores |= {name: table[name].to_numpy() for name in missing}

    def score(self, criterion: str) -> np.ndarray:
        """Return a criterion's score, float64, NaN where there is none."""
        self.load([criterion])
        return self._scores[criterion]

    def criterion(self, name: str) -> Criterion:
        """Return a criterion of the run."""
        return pick_criterion(self._run, name)

    def n_scored(self, criterion: str) -> int:
        """Return how many samples have a rank."""
        return int(np.isfinite(self.score(criterion)).sum())

    def order(self, criterion: str) -> np.ndarray:
        """Return all ids, the most suspicious first; those without a score come last.

        Ties go to the smaller `sample_id`.
        """
        if criterion not in self._orders:
            self._orders[criterion] = np.argsort(self._ascending(criterion), kind="stable")
        return self._orders[criterion]

    def rank(self, criterion: str) -> np.ndarray:
        """Return each sample's place in `order`, from 1, int32; 0 where it has no score."""
        if criterion not in self._ranks:
            ranks = np.zeros(self.n, np.int32)
            n_scored = self.n_scored(criterion)
            ranks[self.order(criterion)[:n_scored]] = np.arange(1, n_scored + 1)
            self._ranks[criterion] = ranks
        return self._ranks[criterion]

    def ranks_of(self, criterion: str, sample_ids: np.ndarray) -> np.ndarray:
        """Return `rank` of some samples; of few it costs a tenth of ranking all.

        Parameters
        ----------
        criterion : str
        sample_ids : ndarray of shape (K,), int

        Returns
        -------
        ndarray of shape (K,), int32
        """
        if criterion in self._ranks or len(sample_ids) > FEW:
            return self.rank(criterion)[sample_ids]
        value = self._ascending(criterion)
        wanted, sorted_values = value[sample_ids], np.sort(value)
        before = np.searchsorted(sorted_values, wanted, side="left")
        tied = np.searchsorted(sorted_values, wanted, side="right") - before > 1
        for at in np.flatnonzero(tied):
            before[at] += np.count_nonzero(value[: sample_ids[at]] == wanted[at])
        return np.where(np.isnan(wanted), 0, before + 1).astype(np.int32)

    def _ascending(self, criterion: str) -> np.ndarray:
        """Return what is smallest for the most suspicious, NaN where there is no score."""
        score = self.score(criterion)
        clean = self.criterion(criterion).higher_means == "clean"
        return np.where(np.isfinite(score), score if clean else -score, np.nan)


class Places:
    """Where the map has a run's samples: `sample_id`, `x`, `y` of shape (M,), and how it is made.

    Raises
    ------
    CannotShow
        If there is no map, with the reason.
    """

    def __init__(self, run: RunReader) -> None:
        table = map_of(run)
        self.title = f"{table['axes'].iloc[0]} after epoch {table['map_epoch'].iloc[0]}"
        table = table.loc[table["kind"] == "sample", ["sample_id", "x", "y"]]  # no texts
        self.sample_id = table["sample_id"].to_numpy(np.int64)
        self.x, self.y = table["x"].to_numpy(np.float32), table["y"].to_numpy(np.float32)
        self.n_samples = run.n_samples
        self._last: tuple[tuple[Outline, ...], np.ndarray] | None = None

    @cached_property
    def _plane(self) -> Plane:
        return Plane(self.x, self.y)  # sorted when the first outline asks for it

    def inside(self, outlines: tuple[Outline, ...]) -> np.ndarray:
        """Tell which samples lie in an outline, (N,) bool by sample_id; kept for the next page."""
        if self._last is None or self._last[0] != outlines:
            found = np.zeros(self.n_samples, dtype=bool)
            found[self.sample_id] = self._plane.inside(outlines)
            self._last = (outlines, found)
        return self._last[1]


@dataclass(frozen=True)
class Limit:
    """Only samples whose rank under a criterion is in the first `top`, or whose score is between.

    `low` and `high` are in the unit of the criterion, both ends included; None is no end. `epoch`
    is the last that the score uses; None is that of the page.
    """

    criterion: str
    top: int | None = None
    low: float | None = None
    high: float | None = None
    epoch: int | None = None


@dataclass(frozen=True)
class Agreement:
    """Only samples that both, one, or none of two criteria has among its `top` most suspicious."""

    which: str
    first: str
    second: str
    top: int


@dataclass(frozen=True)
class Filters:
    """What a sample must be to be shown; None asks for nothing.

    Labels may be `UNKNOWN`; `is_mislabeled` is a key of `KNOWN`; `verdict` is a verdict or
    `UNJUDGED`.
    """

    given_label: int | None = None
    true_label: int | None = None
    predicted_label: int | None = None
    is_mislabeled: str | None = None
    verdict: str | None = None
    limit: Limit | None = None
    agreement: Agreement | None = None

    def passed(
        self,
        samples: Samples,
        verdict: Mapping[int, str],
        score_at: Callable[[str, int], np.ndarray] | None = None,
    ) -> np.ndarray:
        """Tell which samples pass all of them, (N,) bool by sample_id.

        Parameters
        ----------
        samples : Samples
        verdict : mapping
            The verdict that stands of each judged sample.
        score_at : callable, optional
            Returns a criterion's score up to an epoch, (N,); for a limit at another epoch.
        """
        passed = np.ones(samples.n, dtype=bool)
        for name in ("given_label", "true_label", "predicted_label"):
            wanted = getattr(self, name)
            if wanted is not None:
                passed &= getattr(samples, name) == wanted
        if self.is_mislabeled is not None:
            passed &= samples.is_mislabeled == KNOWN[self.is_mislabeled]
        if self.verdict is not None:
            unjudged = self.verdict == UNJUDGED
            named = [i for i, said in verdict.items() if unjudged or said == self.verdict]
            judged = np.zeros(samples.n, dtype=bool)
            judged[np.asarray(named, dtype=np.int64)] = True
            passed &= ~judged if unjudged else judged
        if self.limit is not None:
            passed &= _within(samples, self.limit, score_at)
        if self.agreement is not None:
            first = _among_top(samples, self.agreement.first, self.agreement.top)
            second = _among_top(samples, self.agreement.second, self.agreement.top)
            passed &= {
                BOTH: first & second,
                ONLY_FIRST: first & ~second,
                ONLY_SECOND: second & ~first,
                NEITHER: ~first & ~second,
            }[self.agreement.which]
        return passed

    def columns(self) -> list[str]:
        """Return the columns and criteria that they read."""
        names = ("given_label", "true_label", "predicted_label", "is_mislabeled", "verdict")
        columns = [name for name in names if getattr(self, name) is not None]
        if self.limit is not None:
            columns.append(self.limit.criterion)
        if self.agreement is not None:
            columns += [self.agreement.first, self.agreement.second]
        return columns

    def said(self, class_names: Sequence[str]) -> list[str]:
        """Return each of them in words; class names are not escaped."""
        words = []
        for name in ("given_label", "true_label", "predicted_label"):
            label = getattr(self, name)
            if label is not None:
                words.append(f"{name.split('_')[0]} {label_name(label, class_names)}")
        if self.is_mislabeled is not None:
            unknown = self.is_mislabeled == "unknown"
            words.append("true label unknown" if unknown else self.is_mislabeled)
        if self.verdict is not None:
            unjudged = self.verdict == UNJUDGED
            words.append("not judged" if unjudged else f"verdict {self.verdict}")
        if self.limit is not None:
            words += _limit_said(self.limit)
        if self.agreement is not None:
            first, second = (
                title_of(name) for name in (self.agreement.first, self.agreement.second)
            )
            top = f"top {self.agreement.top:,}"
            words.append(
                {
                    BOTH: f"in the {top} of {first} and of {second}",
                    ONLY_FIRST: f"in the {top} of {first}, not of {second}",
                    ONLY_SECOND: f"in the {top} of {second}, not of {first}",
                    NEITHER: f"in the {top} of neither {first} nor {second}",
                }[self.agreement.which]
            )
        return words


def in_order(samples: Samples, shown: np.ndarray, criterion: str, *, first: bool) -> np.ndarray:
    """Return the ids of the samples shown, the most suspicious first, or last if not `first`.

    Samples without a score come last either way.
    """
    order = samples.order(criterion)
    ids = order[shown[order]]
    if first:
        return ids
    n_scored = int(np.isfinite(samples.score(criterion)[ids]).sum())
    return np.concatenate([ids[:n_scored][::-1], ids[n_scored:]])


def rows(
    samples: Samples,
    sample_ids: Sequence[int] | np.ndarray,
    class_names: Sequence[str],
    verdict: Mapping[int, str],
    criteria: Sequence[str],
) -> pd.DataFrame:
    """Return a page of the table: labels by name, verdict, and score and rank by each criterion.

    Null stands where something is unknown.
    """
    ids = np.asarray(sample_ids, dtype=np.int64)
    table = pd.DataFrame({"sample_id": ids})
    for name in ("given_label", "true_label", "predicted_label"):
        labels = getattr(samples, name)[ids]
        table[name] = [None if v == UNKNOWN else label_name(v, class_names) for v in labels]
    table["is_mislabeled"] = pd.array(samples.is_mislabeled[ids], "Int8")
    table["is_mislabeled"] = table["is_mislabeled"].replace(UNKNOWN, pd.NA).astype("boolean")
    table["verdict"] = [verdict.get(int(i)) for i in ids]
    return table.assign(**_ranked_columns(samples, ids, criteria))


def as_csv(samples: Samples, sample_ids: np.ndarray, verdict: Mapping[int, str]) -> bytes:
    """Return the ids of a selection with labels as numbers, verdicts, every score and every rank.

    The last columns say where it came from, the same in each row.
    """
    ids = np.asarray(sample_ids, dtype=np.int64)
    table = pd.DataFrame({"sample_id": ids})
    for name in ("given_label", "true_label", "predicted_label", "is_mislabeled"):
        values = pd.Series(getattr(samples, name)[ids], dtype="Int64")
        table[name] = values.mask(values == UNKNOWN)
    table["verdict"] = pd.array([verdict.get(i) for i in ids.tolist()], dtype="str")
    table = table.assign(**_ranked_columns(samples, ids, list(MAIN_CRITERIA)))
    columns = pa.Table.from_pandas(table, preserve_index=False)
    for name, value in samples.provenance.items():
        columns = columns.append_column(name, pa.repeat(pa.scalar(value), len(ids)))
    return csv_bytes(columns)


def label_name(label: int, class_names: Sequence[str]) -> str:
    """Return a class's name, or `unknown`."""
    return "unknown" if label == UNKNOWN else class_names[label]


def numbers(text: str, n_samples: int) -> list[int] | None:
    """Return the sample ids that a text lists with commas between, each once; None if it does not.

    Examples
    --------
    >>> numbers("3,17,3", 20), numbers("3,20", 20), numbers("x", 20)
    ([3, 17], None, None)
    """
    words = text.split(",") if text else []
    if not all(w.isascii() and w.isdigit() and len(w) < 12 for w in words):
        return None
    ids = list(dict.fromkeys(int(word) for word in words))
    return ids if all(i < n_samples for i in ids) else None


def _ranked_columns(samples: Samples, ids: np.ndarray, criteria: Sequence[str]) -> dict[str, Any]:
    samples.load(criteria)
    columns: dict[str, Any] = {}
    for name in criteria:
        rank = pd.Series(samples.ranks_of(name, ids), dtype="Int64")
        columns[name] = samples.score(name)[ids]
        columns[f"rank_{name}"] = rank.mask(rank == 0)
    return columns


def _within(
    samples: Samples, limit: Limit, score_at: Callable[[str, int], np.ndarray] | None
) -> np.ndarray:
    passed = np.ones(samples.n, dtype=bool)
    if limit.epoch is None or score_at is None:
        score = samples.score(limit.criterion)
        if limit.top is not None:
            passed &= _among_top(samples, limit.criterion, limit.top)
    else:
        score = score_at(limit.criterion, limit.epoch)
        if limit.top is not None:
            ranks = suspicion_rank(pd.Series(score), samples.criterion(limit.criterion))
            passed &= (ranks <= limit.top).fillna(False).to_numpy(bool)
    if limit.low is not None:
        passed &= score >= limit.low
    if limit.high is not None:
        passed &= score <= limit.high
    return passed


def _among_top(samples: Samples, criterion: str, top: int) -> np.ndarray:
    rank = samples.rank(criterion)
    return (rank > 0) & (rank <= top)


def _limit_said(limit: Limit) -> list[str]:
    title = title_of(limit.criterion)
    title += "" if limit.epoch is None else f" up to epoch {limit.epoch}"
    words = [] if limit.top is None else [f"top {limit.top:,} of {title}"]
    if limit.low is not None:
        words.append(f"{title} at least {limit.low:g}")
    if limit.high is not None:
        words.append(f"{title} at most {limit.high:g}")
    return words
