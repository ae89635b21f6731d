"""Which criterion finds mislabeled samples better: four measures under one paired bootstrap.

Shape letters: N clean and M mislabeled samples, K criteria, R resamples.

Every criterion ranks the same samples: those of known true label that all of them have a score
for. What is resampled are samples, see `resampling`: nothing here is about other trainings, seeds
or data sets.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from hmw_core.criteria import CRITERIA_VERSION
from hmw_core.criteria.compute import why_absent
from hmw_core.criteria.kept import score_table
from hmw_core.criteria.of_run import check_given, main_criteria_of, pick_criterion
from hmw_core.errors import UsageError, pick
from hmw_core.laboratory.hard import Hard, decides_hard, hard_clean
from hmw_core.log.cache import kept_table
from hmw_core.log.reader import RunReader
from hmw_core.statistics.ranking import flagged_by, suspicion
from hmw_core.statistics.resampling import DRAWN, measure_resamples

VERSION = 1  # counts up whenever a number in here changes: kept contests of another are not used
MEASURES = {
    "auroc": "AUROC",
    "average_precision": "Average precision",
    "precision": "Precision at the budget",
    "recall": "Recall at the budget",
}
N_RESAMPLES = 1000
NANOSECONDS = 8.0  # a sample, criterion and resample, between a quiet and a busy machine
READS = ("samples.parquet", "signals", "outputs", "features", "method", "scores")


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


def contest_of(
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
        Names of `CRITERIA`. Default: those of `main_criteria_of`.
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
        Raise `KeyError` where the contest is not kept with the run.

    Raises
    ------
    UsageError
        If a criterion is unknown or has no score in this run, a share or budget is out of range,
        or hard samples are to be taken from a run with other samples or labels.
    """
    names = list(main_criteria_of(run)) if criteria is None else list(dict.fromkeys(criteria))
    if not names:
        raise UsageError("a contest needs a criterion")
    for name in names:
        # One whose columns are empty in this log takes part, and its figures are unknown.
        if why_absent(run, pick_criterion(run, name), in_log=False):
            check_given(run, name)
    last = run.last_epoch if epoch is None else epoch

    def compute() -> pd.DataFrame:
        if only_kept:
            raise KeyError("no such contest is kept")
        scores = score_table(run, names, last, given_label)
        return _as_table(of_scores(run, scores, last, hard, budget, n_resamples, seed))

    if n_resamples == 0:
        return _from_table(compute(), names)
    decides = decides_contest(run, names, hard, budget) | {
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


def budget_text(budget: float | int | None) -> str:
    """Return what a budget is, as captions say it."""
    if budget is None:
        return "as many as are mislabeled in the contest"
    if isinstance(budget, float):
        return f"{100 * budget:g} % of the samples in the contest"
    return f"{budget:,} samples"


def of_scores(
    run: RunReader,
    scores: pd.DataFrame,
    epoch: int,
    hard: Hard | None,
    budget: float | int | None,
    n_resamples: int,
    seed: int,
) -> Contest:
    """Return a contest by scores, with hard clean samples by the rule `hard` at an epoch."""
    group = None if hard is None else hard_clean(run, hard, scores, epoch)
    return among(run, scores, group, budget, n_resamples, seed)


def among(
    run: RunReader,
    scores: pd.DataFrame,
    group: pd.Series | None,
    budget: float | int | None,
    n_resamples: int,
    seed: int,
) -> Contest:
    """Return a contest by scores of known samples; with `group`, of hard and mislabeled ones."""
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
    values[scored], drawn[:, scored] = measure_resamples(
        clean, mislabeled, n_flagged, n_resamples, rng
    )
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


def _as_table(contest: Contest) -> pd.DataFrame:
    """Return a contest as a table, so that it can be kept: the samples' own row comes first."""
    own = np.stack(
        [
            contest.values["auroc"],
            contest.values["average_precision"],
            contest.values["precision"] * max(contest.n_flagged, 1),
        ],
        axis=1,
    )
    rows = np.concatenate([own[None], contest.drawn]).reshape(contest.n_resamples + 1, -1)
    table = pd.DataFrame(rows, columns=[str(k) for k in range(rows.shape[1])])
    counts = ("n_clean", "n_mislabeled", "n_flagged", "left_out", "unknown")
    return table.assign(**{name: getattr(contest, name) for name in counts})


def _from_table(table: pd.DataFrame, names: list[str]) -> Contest:
    counts = ("n_clean", "n_mislabeled", "n_flagged", "left_out", "unknown")
    n = {name: int(table[name].iloc[0]) for name in counts}
    drawn = table.drop(columns=list(counts)).to_numpy().reshape(len(table), len(names), len(DRAWN))
    values = pd.DataFrame(drawn[0], index=pd.Index(names, name="criterion"), columns=DRAWN)
    values["precision"] = values["hits"] / max(n["n_flagged"], 1)
    values["recall"] = values["hits"] / max(n["n_mislabeled"], 1)
    return Contest(values[list(MEASURES)], drawn[1:], **n)


def decides_contest(
    run: RunReader, names: list[str], hard: Hard | None, budget: float | int | None
) -> dict[str, Any]:
    """Return what decides every kind of contest, for the key of what is kept."""
    return {
        "version": (VERSION, CRITERIA_VERSION),
        "criteria": names,
        "hard": None if hard is None else asdict(hard),
        "other": None if hard is None else decides_hard(run, hard),
        "budget": budget,
    }
