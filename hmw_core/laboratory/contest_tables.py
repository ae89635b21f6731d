"""Contests of criteria as tables: intervals, pairs, epochs, classes and rules for hard samples."""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd

from hmw_core.class_limit import check_classes
from hmw_core.criteria.compute import scores_by_epoch
from hmw_core.criteria.kept import score_table
from hmw_core.criteria.of_run import pick_criterion
from hmw_core.laboratory.contest import MEASURES, READS, Contest, among, decides_contest, of_scores
from hmw_core.laboratory.hard import Hard, decides_hard, hard_clean
from hmw_core.log.cache import kept_table
from hmw_core.log.reader import RunReader
from hmw_core.statistics.resampling import LEVEL, TAIL, percentiles

SHARE_NOTE = (
    "“A is ahead” is the share of resamples of these samples in which A's measure is the higher "
    "one, a tie counting a half. It says how far the choice of samples could turn the result "
    "round; it is not the probability that A is the better criterion in another training, on "
    "other data, or with other settings."
)


def measured(contest: Contest) -> pd.DataFrame:
    """Return criterion, measure, value and its 95 % interval low, high, a row each of both.

    Percentiles of the resamples. A value of 1 or 0 in every resample gets the exact bound for no
    miss in as many trials as there are: the smaller group for the AUROC, the budget for precision,
    the mislabeled for the others, so that no width of zero claims anything. NaN without resamples.
    """
    trials = {
        "auroc": min(contest.n_clean, contest.n_mislabeled),
        "average_precision": contest.n_mislabeled,
        "precision": contest.n_flagged,
        "recall": contest.n_mislabeled,
    }
    rows = []
    for measure in MEASURES:
        drawn = contest.resampled(measure)
        no_miss = TAIL ** (1.0 / max(trials[measure], 1))
        for k, name in enumerate(contest.criteria):
            value = contest.values.loc[name, measure]
            low, high = percentiles(drawn[:, k])
            if low == high == 1.0:
                low = no_miss
            elif low == high == 0.0:
                high = 1.0 - no_miss
            rows.append((name, measure, value, low, high))
    return pd.DataFrame(rows, columns=["criterion", "measure", "value", "low", "high"])


def pairs(contest: Contest, measure: str = "auroc") -> pd.DataFrame:
    """Return what every pair of criteria differs by, with intervals alone and for all together.

    Parameters
    ----------
    contest : Contest
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
    known = contest.values[measure].notna().to_numpy()
    criteria = contest.values.index[known].to_list()
    drawn, value = contest.resampled(measure)[:, known], contest.values[measure].to_numpy()[known]
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
        low, high = percentiles(apart[:, p])
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
            contest = among(run, scores, group, budget, n_resamples if pair else 0, 0)
            for measure in MEASURES:
                for name in names:
                    value = contest.values.loc[name, measure]
                    rows.append((epoch, name, measure, value, np.nan, np.nan))
                if pair:
                    one, two = (contest.criteria.index(name) for name in pair)
                    drawn = contest.resampled(measure)
                    lead = contest.values[measure].iloc[one] - contest.values[measure].iloc[two]
                    low, high = percentiles(drawn[:, one] - drawn[:, two])
                    rows.append((epoch, None, measure, lead, low, high))
        return pd.DataFrame(rows, columns=["epoch", "criterion", "measure", "value", "low", "high"])

    decides = decides_contest(run, names, hard, budget) | {
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
    check_classes(run.n_classes, "the table of every class")
    names = list(dict.fromkeys(criteria))
    last = run.last_epoch if epoch is None else epoch

    def compute() -> pd.DataFrame:
        scores = score_table(run, names, last)
        given = run.samples()["given_label"].loc[scores.index]
        parts = []
        for label in (None, *range(run.n_classes)):
            part = scores if label is None else scores[given == label]
            contest = of_scores(run, part, last, hard, budget, n_resamples, 0)
            parts.append(
                measured(contest).assign(
                    given_label=label,
                    n_clean=contest.n_clean,
                    n_mislabeled=contest.n_mislabeled,
                    n_flagged=contest.n_flagged,
                )
            )
        table = pd.concat(parts, ignore_index=True)
        return table.astype({"given_label": "Int64"})

    decides = decides_contest(run, names, hard, budget) | {"epoch": last, "resamples": n_resamples}
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
            contest = of_scores(run, scores, last, hard, budget, 0, 0)
            table = measured(contest)[["criterion", "measure", "value"]]
            parts.append(
                table.assign(
                    definition=place, n_clean=contest.n_clean, n_mislabeled=contest.n_mislabeled
                )
            )
        return pd.concat(parts, ignore_index=True)

    rules = [(asdict(hard), decides_hard(run, hard)) for hard in definitions]
    decides = decides_contest(run, names, None, budget) | {"epoch": last, "rules": rules}
    epochs = [number for number in run.epochs() if number <= last]
    return kept_table(run, "contest-by-rule", decides, compute, reads=READS, epochs=epochs)
