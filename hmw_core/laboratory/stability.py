"""Whether a criterion says the same of a sample at several epochs, and in trainings of other seeds.

A ranking orders all samples by their scores up to one epoch of one run. A sample that every ranking
flags is steady; a sample that some rankings flag and others do not is ambiguous, which is not the
same as mislabeled: the rankings themselves do not agree on it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from hmw_core.criteria import CRITERIA_VERSION
from hmw_core.criteria.compute import scores_by_epoch
from hmw_core.criteria.criterion import Criterion
from hmw_core.criteria.of_run import pick_criterion
from hmw_core.errors import UsageError
from hmw_core.experiments.seeds import same_labels
from hmw_core.laboratory.agreement import spearman
from hmw_core.log.cache import kept_table
from hmw_core.log.reader import RunReader
from hmw_core.samples.compare import wilson
from hmw_core.samples.sample_table import suspicion_rank
from hmw_core.statistics.ranking import suspicion

VERSION = 1  # counts up when the numbers of the kept tables change
READS = ("samples.parquet", "signals", "outputs", "features", "method")
PARTS = ("steady", "ambiguous", "never")
N_CHECKPOINTS = 5  # rankings of one run
RULE = (
    "A ranking orders all samples by the criterion up to one epoch of one run, and flags the most "
    "suspicious, as many as the budget says; of equal scores the smaller id. Steady: flagged in "
    "every ranking. Ambiguous: in some and not in others. Never: in none. A ranking in which a "
    "sample has no score does not count for it; a sample without any score is in no part."
)


def checkpoints(run: RunReader, n: int = N_CHECKPOINTS, since: int | None = None) -> list[int]:
    """Return `n` evenly spaced epochs from `since` to the last one logged, fewer if there are.

    Default of `since`: the middle of the log, so that the rankings are of the late training.
    """
    if run.last_epoch == 0:
        return []
    first = (
        max(1, (run.last_epoch + 1) // 2) if since is None else min(max(since, 1), run.last_epoch)
    )
    return sorted(set(np.linspace(first, run.last_epoch, n).round().astype(int).tolist()))


def ranks_by_epoch(run: RunReader, criterion: str, at: Sequence[int]) -> pd.DataFrame:
    """Return each sample's rank after each of the epochs, by `sample_id`; kept in the run.

    Columns are the epochs, as text, values Int64, 1 for the most suspicious, null for no score.

    Raises
    ------
    UsageError
        If the criterion is unknown.
    """
    found = pick_criterion(run, criterion)

    def compute() -> pd.DataFrame:
        return pd.DataFrame(
            {
                str(epoch): suspicion_rank(scores[criterion], found)
                for epoch, scores in scores_by_epoch(run, {criterion: found}, at)
            }
        )

    decides = {"criterion": criterion, "at": sorted(set(at)), **_decides(run)}
    return kept_table(run, "ranks", decides, compute, reads=READS)


def rankings(runs: Sequence[RunReader], criterion: str, n_epochs: int) -> pd.DataFrame:
    """Return the rankings at one run's late epochs, or at the last one of several runs.

    Of one run, `ranks_by_epoch` at its `checkpoints`; of several, each at its last epoch, a column
    a run, by name.

    Raises
    ------
    UsageError
        If the criterion is unknown, or the runs differ in samples or given labels.
    """
    first, *others = runs
    if not others:
        return ranks_by_epoch(first, criterion, checkpoints(first, n_epochs))
    strange = next((other for other in others if not same_labels(first, other)), None)
    if strange is not None:
        raise UsageError(
            f"run {strange.name!r} has other samples or given labels than {first.name!r}, so "
            "samples cannot be followed from one to the other"
        )
    return pd.DataFrame(
        {run.name: ranks_by_epoch(run, criterion, [run.last_epoch]).iloc[:, 0] for run in runs}
    )


def steadiness(ranks: pd.DataFrame, budget: int) -> pd.DataFrame:
    """Return how often each sample is flagged; see `RULE`.

    Parameters
    ----------
    ranks : DataFrame
        By `sample_id`, a column a ranking, 1 for the most suspicious, null for no score.
    budget : int
        How many samples each ranking flags, 1 to N.

    Returns
    -------
    DataFrame
        By `sample_id`: `n_rankings`, those with a score; `n_flagged`, those that flag it; `share`,
        their quotient in [0, 1]; `n_flips`, how often a ranking flags otherwise than the one
        before it, in the order of the columns; `part`, of `PARTS`, null without any ranking;
        `mean_rank`.

    Raises
    ------
    UsageError
        If the budget is out of range.
    """
    if not 1 <= budget <= max(len(ranks), 1):
        raise UsageError(f"the number of flagged samples is 1 to {len(ranks)}, not {budget}")
    values = ranks.to_numpy(dtype=np.float64, na_value=np.nan)
    scored, flagged = ~np.isnan(values), values <= budget
    n_rankings, n_flagged = scored.sum(axis=1), flagged.sum(axis=1)
    share = np.divide(n_flagged, n_rankings, out=np.full(len(ranks), np.nan), where=n_rankings > 0)
    part = np.where(share == 1.0, "steady", np.where(share == 0.0, "never", "ambiguous"))
    total = np.where(scored, values, 0.0).sum(axis=1)
    return pd.DataFrame(
        {
            "n_rankings": n_rankings,
            "n_flagged": n_flagged,
            "share": share,
            "n_flips": _flips(scored, flagged),
            "part": pd.Categorical(pd.Series(part).where(n_rankings > 0), categories=list(PARTS)),
            "mean_rank": np.divide(
                total, n_rankings, out=np.full(len(ranks), np.nan), where=n_rankings > 0
            ),
        },
        index=ranks.index,
    )


def counts(found: pd.DataFrame, is_mislabeled: pd.Series, by: str = "part") -> pd.DataFrame:
    """Return how many samples each part has, and how many of them are mislabeled.

    Parameters
    ----------
    found : DataFrame
        From `steadiness`.
    is_mislabeled : Series of bool or null, by `sample_id`
    by : {"part", "n_flagged"}
        What to count by.

    Returns
    -------
    DataFrame
        By part, or number of rankings that flag: `n_samples`; `n_known`, of known true label;
        `n_mislabeled`; `precision`, their share of `n_known`, with its 95 % interval (Wilson)
        `low`, `high`; NaN where none is known.
    """
    seen = found[found["n_rankings"] > 0]
    keys = PARTS if by == "part" else range(int(found["n_rankings"].max() or 0) + 1)
    rows = []
    for key in keys:
        wrong = is_mislabeled.loc[seen.index[(seen[by] == key).to_numpy(dtype=bool)]]
        n_known, n_wrong = int(wrong.notna().sum()), int(wrong.sum())
        low, high = wilson(n_wrong, n_known)
        share = n_wrong / n_known if n_known else float("nan")
        rows.append((key, len(wrong), n_known, n_wrong, share, low, high))
    columns = [by, "n_samples", "n_known", "n_mislabeled", "precision", "low", "high"]
    return pd.DataFrame(rows, columns=columns).set_index(by)


def ambiguous_order(found: pd.DataFrame) -> np.ndarray:
    """Return the ids of the ambiguous samples, those first on which the rankings are most divided.

    Most divided: `share` nearest to a half; of equal ones more flips, then the smaller mean rank,
    then the smaller id.
    """
    some = found[found["part"].eq("ambiguous").fillna(False)].sort_index()
    divided = (some["share"] - 0.5).abs().to_numpy()
    order = np.lexsort((some["mean_rank"].to_numpy(), -some["n_flips"].to_numpy(), divided))
    return some.index.to_numpy()[order]


def rank_stability(
    run: RunReader, criteria: Sequence[str], at: Sequence[int], budget: int
) -> pd.DataFrame:
    """Return how much of a ranking stays from epoch to epoch, in one pass over the log; kept.

    Parameters
    ----------
    run : RunReader
    criteria : sequence of str
        Names of `CRITERIA`.
    at : sequence of int
        Epochs that are compared, ascending.
    budget : int
        How many samples each flags.

    Returns
    -------
    DataFrame
        A row per criterion and epoch. `rho_before`, `rho_last`: Spearman's rank correlation with
        the epoch before it in `at` (`before`, null for the first) and with the last one;
        `kept_before`, `kept_last`: the share of this epoch's flagged samples that are flagged
        there, too, of equal scores the smaller id; `by_chance`, that share for rankings that have
        nothing in common; `n_samples`, those with a score. NaN where there is nothing to compare.

    Raises
    ------
    UsageError
        If a criterion is unknown.
    """
    picked = {name: pick_criterion(run, name) for name in criteria}

    def compute() -> pd.DataFrame:
        return _rank_stability(run, picked, at, budget)

    decides = {"criteria": list(picked), "at": sorted(set(at)), "budget": budget, **_decides(run)}
    return kept_table(run, "rank-stability", decides, compute, reads=READS)


def _rank_stability(
    run: RunReader, picked: Mapping[str, Criterion], at: Sequence[int], budget: int
) -> pd.DataFrame:
    history: dict[str, list[tuple[int, np.ndarray, np.ndarray]]] = {name: [] for name in picked}
    for epoch, scores in scores_by_epoch(run, picked, at):
        for name, criterion in picked.items():
            turned = suspicion(scores[name], criterion.higher_means)
            rank = suspicion_rank(scores[name], criterion).to_numpy(np.float64, na_value=np.nan)
            history[name].append((epoch, turned.astype(np.float32), rank <= budget))
    rows = []
    for name, seen in history.items():
        last = seen[-1] if seen else None
        for place, (epoch, turned, flagged) in enumerate(seen):
            before = seen[place - 1] if place else None
            n = int(np.sum(~np.isnan(turned)))
            row = {"criterion": name, "epoch": epoch, "before": before[0] if before else None}
            for word, other in (("before", before), ("last", last)):
                row[f"rho_{word}"] = spearman(turned, other[1]) if other else np.nan
                row[f"kept_{word}"] = _kept(flagged, other[2]) if other else np.nan
            rows.append(row | {"by_chance": min(budget / n, 1.0) if n else np.nan, "n_samples": n})
    columns = ["criterion", "epoch", "before", "rho_before", "kept_before", "rho_last"]
    table = pd.DataFrame(rows, columns=[*columns, "kept_last", "by_chance", "n_samples"])
    return table.astype({"before": "Int64"})


def _decides(run: RunReader) -> dict[str, Any]:
    return {"version": [VERSION, CRITERIA_VERSION], "n_epochs": run.n_epochs}


def _flips(scored: np.ndarray, flagged: np.ndarray) -> np.ndarray:
    """Return how often a ranking flags otherwise than the last one before it with a score."""
    flips = np.zeros(len(scored), dtype=np.int64)
    last = np.full(len(scored), -1, dtype=np.int8)  # -1: nothing yet
    for column in range(scored.shape[1]):
        now = flagged[:, column].astype(np.int8)
        flips += scored[:, column] & (last >= 0) & (last != now)
        last = np.where(scored[:, column], now, last)
    return flips


def _kept(flagged: np.ndarray, there: np.ndarray) -> float:
    n = int(flagged.sum())
    return float((flagged & there).sum() / n) if n else float("nan")
