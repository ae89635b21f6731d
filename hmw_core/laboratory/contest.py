"""Which criterion finds mislabeled samples better: four measures under one paired bootstrap.

Shape letters: N clean and M mislabeled samples, K criteria, R resamples.

Every criterion ranks the same samples: those of known true label that all of them have a score
for. A resample draws N clean and M mislabeled samples with replacement, each from their own, and
all criteria and measures see the same resamples, so that differences pair. What is resampled are
samples: nothing here is about other trainings, seeds or data sets.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from hmw_core.criteria import CRITERIA, CRITERIA_VERSION, MAIN_CRITERIA
from hmw_core.criteria.compute import scores_by_epoch, why_absent
from hmw_core.criteria.kept import score_table
from hmw_core.criteria.of_run import pick_criterion, title_of
from hmw_core.errors import UsageError, pick
from hmw_core.experiments.seeds import same_labels
from hmw_core.log.cache import kept_table
from hmw_core.log.reader import RunReader
from hmw_core.samples.groups import HARD_FRACTION, split_groups
from hmw_core.statistics.intervals import LEVEL, TAIL
from hmw_core.statistics.ranking import flagged_by, suspicion

VERSION = 1  # counts up whenever a number in here changes: kept contests of another are not used
MEASURES = {
    "auroc": "AUROC",
    "average_precision": "Average precision",
    "precision": "Precision at the budget",
    "recall": "Recall at the budget",
}
DRAWN = ("auroc", "average_precision", "hits")
"""What is computed of each resample; `hits`, the mislabeled samples among those flagged, gives
precision and recall, which rank criteria alike since budget and M are the same for all."""
N_RESAMPLES = 1000
CELLS = 200_000  # of resamples x samples held at once: what fits the processor's cache
NANOSECONDS = 8.0  # a sample, criterion and resample, between a quiet and a busy machine
READS = ("samples.parquet", "signals", "outputs", "features", "scores")
MEAN_RANK = "mean_rank"
SHARE_NOTE = (
    "“A is ahead” is the share of resamples of these samples in which A's measure is the higher "
    "one, a tie counting a half. It says how far the choice of samples could turn the result "
    "round; it is not the probability that A is the better criterion in another training, on "
    "other data, or with other settings."
)


@dataclass(frozen=True)
class Hard:
    """Which clean samples are hard to learn: the share of them that a criterion finds worst.

    `by` is a name of `CRITERIA`, or `MEAN_RANK` for the mean of the suspicion ranks by all
    criteria in the contest. `from_run` names a run beside this one, of the same samples and given
    labels, whose log the criterion is taken from; None for the run itself.
    """

    by: str = "last_loss"
    fraction: float = HARD_FRACTION
    from_run: str | None = None


@dataclass(frozen=True)
class Contest:
    """Measures of K criteria on the same samples, and on R resamples of them.

    `values` (K rows, columns `MEASURES`) and `drawn` (R, K, 3, in the order of `DRAWN`) are NaN
    throughout where there is no clean or no mislabeled sample. `left_out` samples of known true
    label lack a score of one of the criteria, `unknown` samples have no known true label.
    """

    values: pd.DataFrame
    drawn: np.ndarray
    n_clean: int
    n_mislabeled: int
    n_flagged: int
    left_out: int
    unknown: int

    @property
    def criteria(self) -> list[str]:
        """Names of the criteria, in the order asked for."""
        return self.values.index.to_list()

    @property
    def without_scores(self) -> list[str]:
        """Names of the criteria that have a score of none of the samples."""
        return self.values.index[self.values["auroc"].isna()].to_list()

    @property
    def n_resamples(self) -> int:
        """How many resamples were drawn."""
        return len(self.drawn)

    def resampled(self, measure: str) -> np.ndarray:
        """Return a measure of each resample and criterion, shape (R, K)."""
        pick(MEASURES, measure, "measure")
        if measure == "precision":
            return self.drawn[:, :, DRAWN.index("hits")] / max(self.n_flagged, 1)
        if measure == "recall":
            return self.drawn[:, :, DRAWN.index("hits")] / max(self.n_mislabeled, 1)
        return self.drawn[:, :, DRAWN.index(measure)]


def hold(
    clean: np.ndarray,
    mislabeled: np.ndarray,
    n_flagged: int,
    n_resamples: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Return what `DRAWN` names, of the samples and of each resample of them.

    Parameters
    ----------
    clean : ndarray of shape (N, K), float
        Suspicion of the clean samples (higher: more suspicious), without NaN.
    mislabeled : ndarray of shape (M, K), float
        The same of the mislabeled samples.
    n_flagged : int
        The budget: how many samples are flagged, 1 to N + M, in the samples and every resample.
    n_resamples : int
    rng : Generator

    Returns
    -------
    values : ndarray of shape (K, 3)
    drawn : ndarray of shape (R, K, 3)
        NaN throughout without a clean or a mislabeled sample.

    Notes
    -----
    A resample is kept as how often it holds each sample, so that each criterion is sorted once
    and a resample costs two cumulative sums. Memory is O(R K + (N + M) K). Samples of equal score
    are flagged together, and share the places of a budget that cuts through them. Source: Efron
    and Tibshirani (1993), stratified and paired bootstrap.
    """
    n_clean, n_criteria = clean.shape
    n_mislabeled = len(mislabeled)
    values = np.full((n_criteria, len(DRAWN)), np.nan)
    drawn = np.full((n_resamples, n_criteria, len(DRAWN)), np.nan)
    if not n_clean or not n_mislabeled:
        return values, drawn
    sorted_once = [_Ranked(clean[:, k], mislabeled[:, k]) for k in range(n_criteria)]
    once = tuple(np.ones((1, n), dtype=np.int32) for n in (n_clean, n_mislabeled))
    for k, ranked in enumerate(sorted_once):
        values[k] = ranked.measure(once[0], once[1], n_flagged)[0]
    at_once = max(1, CELLS // (n_clean + n_mislabeled))
    for first in range(0, n_resamples, at_once):
        n = min(at_once, n_resamples - first)
        counts = [_counts(size, n, rng) for size in (n_clean, n_mislabeled)]
        for k, ranked in enumerate(sorted_once):
            drawn[first : first + n, k] = ranked.measure(counts[0], counts[1], n_flagged)
    return values, drawn


class _Ranked:
    """The order of one criterion, most suspicious first, by which resamples are counted."""

    def __init__(self, clean: np.ndarray, mislabeled: np.ndarray) -> None:
        self.clean_order = np.argsort(-clean, kind="stable")
        self.order = np.argsort(-mislabeled, kind="stable")
        ranked, wrong = -clean[self.clean_order], -mislabeled[self.order]
        self.above = np.searchsorted(ranked, wrong, "left")  # clean samples above each mislabeled
        self.down_to = np.searchsorted(ranked, wrong, "right")  # and those level with it, too
        self.last_tied = np.searchsorted(wrong, wrong, "right") - 1
        self.first_tied = np.searchsorted(wrong, wrong, "left")
        self.has_ties = bool(
            (self.above != self.down_to).any() or (self.first_tied != self.last_tied).any()
        )

    def measure(self, clean: np.ndarray, mislabeled: np.ndarray, n_flagged: int) -> np.ndarray:
        """Return `DRAWN` from how often each resample has each sample: (R, N), (R, M) to (R, 3)."""
        n_resamples = len(clean)
        n_clean, n_mislabeled = int(clean[0].sum()), int(mislabeled[0].sum())
        wrong = np.zeros((n_resamples, clean.shape[1] + 1), dtype=np.int32)
        np.cumsum(np.take(clean, self.clean_order, axis=1), axis=1, out=wrong[:, 1:])
        weight = np.take(mislabeled, self.order, axis=1)
        right = np.cumsum(weight, axis=1, dtype=np.int32)
        down_to = np.take(wrong, self.down_to, axis=1)
        if self.has_ties:
            above = np.take(wrong, self.above, axis=1)
            level = np.take(right, self.last_tied, axis=1)
        else:
            above, level = down_to, right
        as_float = weight.astype(np.float64)
        missed = np.einsum("rm,rm->r", as_float, down_to)
        if self.has_ties:
            missed = (missed + np.einsum("rm,rm->r", as_float, above)) / 2.0
        flagged = level + down_to  # when all down to this mislabeled sample are
        precision = level / np.maximum(flagged, 1)
        measured = np.empty((n_resamples, len(DRAWN)))
        measured[:, 0] = 1.0 - missed / (n_mislabeled * n_clean)
        measured[:, 1] = np.einsum("rm,rm->r", as_float, precision) / n_mislabeled
        measured[:, 2] = self._hits(right, level, above, flagged, n_flagged)
        return measured

    def _hits(
        self,
        right: np.ndarray,
        level: np.ndarray,
        above: np.ndarray,
        flagged: np.ndarray,
        n_flagged: int,
    ) -> np.ndarray:
        """Return the mislabeled samples among the `n_flagged`, expected where ties are cut."""
        rows = np.arange(len(right))
        whole = np.sum(flagged <= n_flagged, axis=1)  # as `flagged` never falls
        hits = np.where(whole > 0, level[rows, whole - 1], 0).astype(np.float64)
        cut = np.minimum(whole, right.shape[1] - 1)  # the first that the budget does not reach
        before = above[rows, cut] + np.where(whole > 0, level[rows, whole - 1], 0)
        places = np.clip(n_flagged - before, 0, None)
        tied = flagged[rows, cut] - before
        wrong_of_tied = level[rows, cut] - hits
        share = np.divide(places, tied, out=np.zeros(len(rows)), where=tied > 0)
        return hits + np.where(whole < right.shape[1], np.minimum(share, 1.0) * wrong_of_tied, 0.0)


def contest(
    run: RunReader,
    criteria: Sequence[str] | None = None,
    epoch: int | None = None,
    given_label: int | None = None,
    *,
    hard: Hard | None = None,
    budget: float | int | None = None,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
    only_kept: bool = False,
) -> Contest:
    """Return how well each criterion finds mislabeled samples, and on resamples of the samples.

    Parameters
    ----------
    run : RunReader
    criteria : sequence of str, optional
        Names of `CRITERIA`. Default: those of `MAIN_CRITERIA`.
    epoch : int, optional
        Last epoch used. Default: the last one logged.
    given_label : int, optional
        Only the samples of this class.
    hard : Hard, optional
        Only hard clean samples against all mislabeled ones. They are chosen once, before the
        resampling, so that no interval contains the chance of that choice. Default: all clean.
    budget : float, int or None
        As `detection.precision_recall_at_budget`'s; a share is of the samples in the contest.
    n_resamples, seed : int
        Of the bootstrap. 0 resamples give the values alone.
    only_kept : bool
        Raise `KeyError` where the contest was not held before and kept with the run.

    Raises
    ------
    UsageError
        If a criterion is unknown or has no score in this run, a share or budget is out of range,
        or hard samples are to be taken from a run with other samples or labels.
    """
    names = list(MAIN_CRITERIA) if criteria is None else list(dict.fromkeys(criteria))
    if not names:
        raise UsageError("a contest needs a criterion")
    for name in names:
        picked = pick_criterion(run, name)
        reason = why_absent(run, picked)
        if reason:
            raise UsageError(f"run {run.name!r} has no {picked.title}: {reason}")
    last = run.last_epoch if epoch is None else epoch

    def compute() -> pd.DataFrame:
        if only_kept:
            raise KeyError("no such contest is kept")
        scores = score_table(run, names, last, given_label)
        return _as_table(_hold(run, scores, last, hard, budget, n_resamples, seed))

    if n_resamples == 0:
        return _from_table(compute(), names)
    decides = _decides(run, names, hard, budget) | {
        "epoch": last,
        "given_label": given_label,
        "resamples": (n_resamples, seed),
    }
    epochs = [number for number in run.epochs() if number <= last]
    return _from_table(
        kept_table(run, "contest", decides, compute, reads=READS, epochs=epochs), names
    )


def seconds_of(n_samples: int, n_criteria: int, n_resamples: int) -> float:
    """Return about how long a contest takes, in seconds, beside reading the scores."""
    return NANOSECONDS * 1e-9 * n_samples * n_resamples * (n_criteria + 1)


def hard_clean(
    run: RunReader, hard: Hard, scores: pd.DataFrame, epoch: int | None = None
) -> pd.Series:
    """Return the group of each sample of `scores`, as `groups.groups`, by the rule `hard`.

    Raises
    ------
    UsageError
        If the rule's criterion is unknown or has no score, the share is out of range, or the
        other run has other samples or given labels.
    """
    wrong = run.samples()["is_mislabeled"].loc[scores.index]
    if hard.by == MEAN_RANK:
        if hard.from_run:
            raise UsageError("the mean rank of the contest's criteria is of this run's own")
        turned = [suspicion(scores[c], pick_criterion(run, c).higher_means) for c in scores]
        ranks = pd.DataFrame({k: v for k, v in enumerate(turned)}, index=scores.index).rank()
        # A loss, as of the mean rank, high is suspicious.
        return split_groups(ranks.mean(axis=1), CRITERIA["last_loss"], wrong, hard.fraction)
    source = run
    if hard.from_run and hard.from_run != run.name:
        source = _beside(run, hard.from_run)
        epoch = None  # the other run's last: what it found hard in the end
    criterion = pick_criterion(source, hard.by)
    reason = why_absent(source, criterion)
    if reason:
        raise UsageError(f"run {source.name!r} has no {criterion.title}: {reason}")
    score = score_table(source, [hard.by], epoch)[hard.by].loc[scores.index]
    return split_groups(score, criterion, wrong, hard.fraction)


def hard_text(hard: Hard | None) -> str:
    """Return which clean samples are in a contest, as titles and captions say it."""
    if hard is None:
        return "all clean"
    by = "the criteria's mean rank" if hard.by == MEAN_RANK else title_of(hard.by)
    source = f" in run {hard.from_run}" if hard.from_run else ""
    return f"the {100 * hard.fraction:g} % of the clean that {by}{source} finds most suspicious"


def measured(held: Contest) -> pd.DataFrame:
    """Return criterion, measure, value and its 95 % interval low, high, a row each of both.

    Percentiles of the resamples. A value of 1 or 0 in every resample gets the exact bound for no
    miss in as many trials as there are: the smaller group for the AUROC, the budget for precision,
    the mislabeled for the others, so that no width of zero claims anything. NaN without resamples.
    """
    trials = {
        "auroc": min(held.n_clean, held.n_mislabeled),
        "average_precision": held.n_mislabeled,
        "precision": held.n_flagged,
        "recall": held.n_mislabeled,
    }
    rows = []
    for measure in MEASURES:
        drawn = held.resampled(measure)
        no_miss = TAIL ** (1.0 / max(trials[measure], 1))
        for k, name in enumerate(held.criteria):
            value = held.values.loc[name, measure]
            low, high = _percentiles(drawn[:, k])
            if low == high == 1.0:
                low = no_miss
            elif low == high == 0.0:
                high = 1.0 - no_miss
            rows.append((name, measure, value, low, high))
    return pd.DataFrame(rows, columns=["criterion", "measure", "value", "low", "high"])


def pairs(held: Contest, measure: str = "auroc") -> pd.DataFrame:
    """Return what every pair of criteria differs by, with intervals alone and for all together.

    Parameters
    ----------
    held : Contest
    measure : str
        Of `MEASURES`.

    Returns
    -------
    DataFrame
        A row per ordered pair of different criteria that have scores. `a`, `b`; `difference`, a's
        measure minus b's, with its own 95 % interval `low`, `high` (percentiles); `together_low`,
        `together_high`, wide enough that all pairs' intervals hold at once with 95 %; `ahead`, the
        share of resamples in which a is above b, a tie counting a half; `result`, `a` or `b` where
        the interval `together` leaves 0 out, `level` where the two agree in every resample,
        else `open`. NaN and `open` without resamples.

    Notes
    -----
    `together`: the difference plus or minus c of its standard errors, c being the 95th percentile,
    over the resamples, of the largest of all pairs' |resampled - found| / standard error. Source:
    Romano and Wolf (2005), "Exact and approximate stepdown methods for multiple hypothesis
    testing", their single step; the bootstrap's correlation of the pairs makes c smaller than
    Bonferroni's.
    """
    known = held.values[measure].notna().to_numpy()
    criteria = held.values.index[known].to_list()
    drawn, value = held.resampled(measure)[:, known], held.values[measure].to_numpy()[known]
    one, two = np.triu_indices(len(value), 1)
    lead = value[one] - value[two]
    lead[np.abs(lead) < 1e-12] = 0.0
    apart = drawn[:, one] - drawn[:, two]  # (R, pairs)
    with np.errstate(invalid="ignore"):
        error = apart.std(axis=0, ddof=1) if len(apart) > 1 else np.full(len(lead), np.nan)
    error = np.where(error < 1e-12, 0.0, error)
    varies = error > 0
    width = 0.0
    if varies.any() and len(apart) > 1:
        largest = np.max(np.abs(apart[:, varies] - lead[varies]) / error[varies], axis=1)
        width = float(np.quantile(largest, LEVEL))
    rows = []
    for p in range(len(lead)):
        low, high = _percentiles(apart[:, p])
        ahead = np.nan
        if len(apart):
            ahead = float(np.mean(np.where(apart[:, p] > 0, 1.0, 0.5 * (apart[:, p] == 0))))
        below, upto = lead[p] - width * error[p], lead[p] + width * error[p]
        names = criteria[one[p]], criteria[two[p]]
        level = bool(len(apart)) and not varies[p] and lead[p] == 0
        result = "level" if level else "a" if below > 0 else "b" if upto < 0 else "open"
        turned = {"a": "b", "b": "a"}.get(result, result)
        rows.append((*names, lead[p], low, high, below, upto, ahead, result))
        rows.append((*names[::-1], -lead[p], -high, -low, -upto, -below, 1.0 - ahead, turned))
    columns = ["a", "b", "difference", "low", "high", "together_low", "together_high"]
    table = pd.DataFrame(rows, columns=[*columns, "ahead", "result"])
    place = {name: k for k, name in enumerate(criteria)}
    table = table.sort_values(["a", "b"], key=lambda names: names.map(place), kind="stable")
    return table.reset_index(drop=True)


def by_epoch(
    run: RunReader,
    criteria: Sequence[str],
    at: Sequence[int],
    *,
    hard: Hard | None = None,
    budget: float | int | None = None,
    n_resamples: int = 200,
    pair: tuple[str, str] | None = None,
) -> pd.DataFrame:
    """Return the measures after each epoch of `at`, and how far `pair` is apart; log read once.

    Returns
    -------
    DataFrame
        `epoch`, `criterion`, `measure`, `value`; and rows whose criterion is null with the
        difference of the pair's first minus its second as `value`, and its own 95 % interval
        `low`, `high`. Which clean samples are hard is decided after the run's last epoch of `at`
        for all of them, so that one contest is followed.
    """
    names = list(dict.fromkeys(criteria))
    group: pd.Series | None = None
    if hard is not None:
        scores = score_table(run, names, max(at))
        group = hard_clean(run, hard, scores, max(at))
    picked = {name: pick_criterion(run, name) for name in names}

    def compute() -> pd.DataFrame:
        rows: list[tuple[int, str | None, str, float, float, float]] = []
        for epoch, scores in scores_by_epoch(run, picked, at):
            held = _among(run, scores, group, budget, n_resamples if pair else 0, 0)
            for measure in MEASURES:
                for name in names:
                    value = held.values.loc[name, measure]
                    rows.append((epoch, name, measure, value, np.nan, np.nan))
                if pair:
                    one, two = (held.criteria.index(name) for name in pair)
                    drawn = held.resampled(measure)
                    lead = held.values[measure].iloc[one] - held.values[measure].iloc[two]
                    low, high = _percentiles(drawn[:, one] - drawn[:, two])
                    rows.append((epoch, None, measure, lead, low, high))
        return pd.DataFrame(rows, columns=["epoch", "criterion", "measure", "value", "low", "high"])

    decides = _decides(run, names, hard, budget) | {
        "at": list(at),
        "resamples": n_resamples,
        "pair": pair,
    }
    return kept_table(run, "contest-by-epoch", decides, compute, reads=READS)


def by_class(
    run: RunReader,
    criteria: Sequence[str],
    epoch: int | None = None,
    *,
    hard: Hard | None = None,
    budget: float | int | None = None,
    n_resamples: int = 200,
) -> pd.DataFrame:
    """Return the measures with 95 % intervals among the samples of each given label.

    Returns
    -------
    DataFrame
        `given_label` (null: all classes in one ranking), `criterion`, `measure`, `value`, `low`,
        `high`, `n_clean`, `n_mislabeled`, `n_flagged`. Hard clean samples are the hardest of the
        class. NaN in a class without a clean or without a mislabeled sample.
    """
    names = list(dict.fromkeys(criteria))
    last = run.last_epoch if epoch is None else epoch

    def compute() -> pd.DataFrame:
        scores = score_table(run, names, last)
        given = run.samples()["given_label"].loc[scores.index]
        parts = []
        for label in (None, *range(run.n_classes)):
            part = scores if label is None else scores[given == label]
            held = _hold(run, part, last, hard, budget, n_resamples, 0)
            parts.append(
                measured(held).assign(
                    given_label=label,
                    n_clean=held.n_clean,
                    n_mislabeled=held.n_mislabeled,
                    n_flagged=held.n_flagged,
                )
            )
        table = pd.concat(parts, ignore_index=True)
        return table.astype({"given_label": "Int64"})

    decides = _decides(run, names, hard, budget) | {"epoch": last, "resamples": n_resamples}
    epochs = [number for number in run.epochs() if number <= last]
    return kept_table(run, "contest-by-class", decides, compute, reads=READS, epochs=epochs)


def by_definition(
    run: RunReader,
    criteria: Sequence[str],
    definitions: Sequence[Hard],
    epoch: int | None = None,
    *,
    budget: float | int | None = None,
) -> pd.DataFrame:
    """Return the measures under several rules for which clean samples are hard, without intervals.

    Returns
    -------
    DataFrame
        `definition` (its place in `definitions`), `criterion`, `measure`, `value`, `n_clean`,
        `n_mislabeled`.
    """
    names = list(dict.fromkeys(criteria))
    last = run.last_epoch if epoch is None else epoch

    def compute() -> pd.DataFrame:
        scores = score_table(run, names, last)
        parts = []
        for place, hard in enumerate(definitions):
            held = _hold(run, scores, last, hard, budget, 0, 0)
            table = measured(held)[["criterion", "measure", "value"]]
            parts.append(
                table.assign(definition=place, n_clean=held.n_clean, n_mislabeled=held.n_mislabeled)
            )
        return pd.concat(parts, ignore_index=True)

    rules = [(asdict(hard), _of_other(run, hard)) for hard in definitions]
    decides = _decides(run, names, None, budget) | {"epoch": last, "rules": rules}
    epochs = [number for number in run.epochs() if number <= last]
    return kept_table(run, "contest-by-rule", decides, compute, reads=READS, epochs=epochs)


def budget_text(budget: float | int | None) -> str:
    """Return what a budget is, as captions say it."""
    if budget is None:
        return "as many as are mislabeled in the contest"
    if isinstance(budget, float):
        return f"{100 * budget:g} % of the samples in the contest"
    return f"{budget:,} samples"


def _hold(
    run: RunReader,
    scores: pd.DataFrame,
    epoch: int,
    hard: Hard | None,
    budget: float | int | None,
    n_resamples: int,
    seed: int,
) -> Contest:
    group = None if hard is None else hard_clean(run, hard, scores, epoch)
    return _among(run, scores, group, budget, n_resamples, seed)


def _among(
    run: RunReader,
    scores: pd.DataFrame,
    group: pd.Series | None,
    budget: float | int | None,
    n_resamples: int,
    seed: int,
) -> Contest:
    """Hold a contest by scores of known samples; with `group`, of the hard and mislabeled ones."""
    marks = run.samples()["is_mislabeled"].loc[scores.index]
    turned = np.column_stack(
        [suspicion(scores[c], pick_criterion(run, c).higher_means) for c in scores]
    )
    known = marks.notna().to_numpy()
    taken = known if group is None else known & group.isin(["hard", "mislabeled"]).to_numpy()
    scored = ~np.isnan(turned[taken]).all(axis=0)
    ranked = taken & ~np.isnan(turned[:, scored]).any(axis=1)
    wrong = marks.fillna(False).to_numpy(dtype=bool)
    clean, mislabeled = (turned[ranked & part][:, scored] for part in (~wrong, wrong))
    n_flagged = flagged_by(budget, len(clean), len(mislabeled))
    rng = np.random.default_rng(seed)
    values = np.full((turned.shape[1], len(DRAWN)), np.nan)
    drawn = np.full((n_resamples, *values.shape), np.nan)
    values[scored], drawn[:, scored] = hold(clean, mislabeled, n_flagged, n_resamples, rng)
    table = pd.DataFrame(values, index=pd.Index(scores.columns, name="criterion"), columns=DRAWN)
    table["precision"] = table["hits"] / max(n_flagged, 1)
    table["recall"] = table["hits"] / max(len(mislabeled), 1)
    return Contest(
        table[list(MEASURES)],
        drawn,
        len(clean),
        len(mislabeled),
        n_flagged,
        int(np.sum(taken & ~ranked)),
        int(np.sum(~known)),
    )


def _as_table(held: Contest) -> pd.DataFrame:
    """Return a contest as a table, so that it can be kept: the samples' own row comes first."""
    own = np.stack(
        [
            held.values["auroc"],
            held.values["average_precision"],
            held.values["precision"] * max(held.n_flagged, 1),
        ],
        axis=1,
    )
    rows = np.concatenate([own[None], held.drawn]).reshape(held.n_resamples + 1, -1)
    table = pd.DataFrame(rows, columns=[str(k) for k in range(rows.shape[1])])
    counts = ("n_clean", "n_mislabeled", "n_flagged", "left_out", "unknown")
    return table.assign(**{name: getattr(held, name) for name in counts})


def _from_table(table: pd.DataFrame, names: list[str]) -> Contest:
    counts = ("n_clean", "n_mislabeled", "n_flagged", "left_out", "unknown")
    n = {name: int(table[name].iloc[0]) for name in counts}
    drawn = table.drop(columns=list(counts)).to_numpy().reshape(len(table), len(names), len(DRAWN))
    values = pd.DataFrame(drawn[0], index=pd.Index(names, name="criterion"), columns=DRAWN)
    values["precision"] = values["hits"] / max(n["n_flagged"], 1)
    values["recall"] = values["hits"] / max(n["n_mislabeled"], 1)
    return Contest(values[list(MEASURES)], drawn[1:], **n)


def _counts(n: int, n_resamples: int, rng: np.random.Generator) -> np.ndarray:
    """Return how often each of n samples is in each resample of n, shape (R, n), int32."""
    drawn = rng.integers(0, n, size=(n_resamples, n)) + n * np.arange(n_resamples)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=n * n_resamples)
    return counts.reshape(n_resamples, n).astype(np.int32)


def _percentiles(drawn: np.ndarray) -> tuple[float, float]:
    """Return the bounds of the 95 % interval, NaN without a resample."""
    if not len(drawn) or np.isnan(drawn).any():
        return math.nan, math.nan
    low, high = np.quantile(drawn, (TAIL, 1.0 - TAIL))
    return float(low), float(high)


def _beside(run: RunReader, name: str) -> RunReader:
    """Return the run of this name in the same folder, if it can stand in for `run`.

    Raises
    ------
    UsageError
        If there is none, or its samples or given labels are others.
    """
    folder = run.folder.parent / name
    if folder.parent != run.folder.parent or name.startswith(".") or not folder.is_dir():
        raise UsageError(f"there is no run {name!r} beside {run.name!r}")
    other = RunReader(folder)
    if not same_labels(run, other):
        raise UsageError(
            f"runs {run.name!r} and {name!r} were not trained on the same samples and given "
            "labels, so that what is hard in one says nothing of the other"
        )
    return other


def _decides(
    run: RunReader, names: list[str], hard: Hard | None, budget: float | int | None
) -> dict[str, Any]:
    """Return what decides every kind of contest, for the key of what is kept."""
    return {
        "version": (VERSION, CRITERIA_VERSION),
        "criteria": names,
        "hard": None if hard is None else asdict(hard),
        "other": None if hard is None else _of_other(run, hard),
        "budget": budget,
    }


def _of_other(run: RunReader, hard: Hard) -> Any:
    """Return what decides the scores of another run, for the key of what is kept."""
    if not hard.from_run or hard.from_run == run.name:
        return None
    other = _beside(run, hard.from_run)
    return other.info.get("created"), other.last_epoch
