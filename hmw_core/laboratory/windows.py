"""Which epochs a criterion should look at, and what choosing them without true labels costs.

A window is a first and a last epoch; a criterion's score in it uses these epochs only. With true
labels an oracle can name the window of the largest AUROC. Nobody who needs the criterion has that
oracle, so beside it stand rules that see no true label of a training sample, and the price of each:
the oracle's AUROC minus its own. The oracle picks the best of many windows by the very samples it
is measured on, so a part of its lead is luck: it is therefore also measured on samples that it has
not seen.

Shape letters: N samples, R splits.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from hmw_core.criteria import CRITERIA, CRITERIA_VERSION
from hmw_core.criteria.criterion import Criterion, scores_by_epoch, without_absent
from hmw_core.errors import UsageError, pick
from hmw_core.laboratory.agreement import spearman
from hmw_core.log.cache import kept_table
from hmw_core.log.reader import RunReader
from hmw_core.samples.compare import Z
from hmw_core.statistics.intervals import auroc_intervals
from hmw_core.statistics.ranking import auroc, suspicion

VERSION = 2  # counts up when the numbers of `window_table` change
FIRST = (0.0, 0.25, 0.5, 0.75)  # windows begin after these shares of the epochs
N_LAST = 10  # last epochs, evenly spaced
N_SPLITS = 20  # R, random halves of the samples
N_RANKED = 10_000  # samples, drawn once, by which windows are compared with the ensemble

# How a window is chosen; shown beside the choices. The first needs true labels.
RULES = {
    "oracle": "Oracle: the window of the largest AUROC. It needs the true labels.",
    "whole": "Whole log: all epochs (for a criterion of one epoch: the last). The default "
    "everywhere in this dashboard.",
    "steady": "Steadiest: the window whose ranking is most like that of the same window one step "
    "earlier (Spearman). Long windows share most of their epochs, so the rule favours them.",
    "two groups": "Two groups: the window whose scores one cut divides best, by the share of their "
    "variance that lies between the two sides (Otsu, 1979). A normal distribution has 0.64, a "
    "uniform one 0.75, two points 1.",
    "ensemble": "Ensemble: the window whose ranking is most like the mean rank over all windows "
    "of all criteria compared here (Spearman).",
    "test accuracy": "Test accuracy: from the first epoch to that of the best test accuracy (for "
    "a criterion of one epoch: that epoch). It needs a test set, and is as right as its labels.",
}
GRID_RULE = (
    f"Windows that are tried: first epochs after {', '.join(f'{s:.0%}' for s in FIRST)} of the "
    f"log, up to each of {N_LAST} evenly spaced last epochs; each of these epochs alone; and all "
    "epochs up to the best test accuracy. A criterion that is read off one epoch has the single "
    "epochs only: the last loss, and the HM weight, which has gathered those before it."
)
ORACLE = "oracle"
MEASURES = {"steady": "steadiness", "two groups": "two_groups", "ensemble": "ensemble"}


class NotKept(UsageError):
    """The table of windows has not been computed yet."""


class Window(NamedTuple):
    """Epochs from `first` to `last`, and the window one step earlier that it is compared with."""

    first: int
    last: int
    earlier: tuple[int, int] | None = None


def last_epochs(n_epochs: int) -> list[int]:
    """Return the candidates for the last epoch: `N_LAST`, evenly spaced, the last among them."""
    return sorted({-(-n_epochs * step // N_LAST) for step in range(1, N_LAST + 1)} - {0})


def windows_of(criterion: Criterion, n_epochs: int, best_test: int | None = None) -> list[Window]:
    """Return the windows that are tried, the whole log first, longer ones before shorter.

    A criterion of one epoch has one window for each of `last_epochs`. The others have, for each
    first epoch (`FIRST`), the windows up to each of these, and each of these epochs alone. The
    epochs up to `best_test` are one more.
    """
    lasts = last_epochs(n_epochs)
    before = dict(zip(lasts[1:], lasts, strict=False))
    alone = [
        Window(last, last, (before[last], before[last]) if last in before else None)
        for last in lasts
    ]
    if criterion.over == "last":
        found = alone
        extra = [] if best_test is None else [Window(best_test, best_test)]
    else:
        firsts = sorted({1 + round(share * n_epochs) for share in FIRST})
        found = [
            Window(first, last, (first, before[last]) if before.get(last, 0) >= first else None)
            for first in firsts
            for last in lasts
            if first <= last
        ]
        begun = {(window.first, window.last) for window in found}
        found += [window for window in alone if (window.first, window.last) not in begun]
        extra = [] if best_test is None else [Window(1, best_test)]
    known = {(window.first, window.last) for window in found}
    found += [window for window in extra if (window.first, window.last) not in known]
    return sorted(found, key=lambda w: (w.last != n_epochs, w.first - w.last, w.last))


def best_test_epoch(run: RunReader) -> int | None:
    """Return the first epoch of the best test accuracy, None where none is logged."""
    metrics = run.metrics()
    accuracy = metrics["test_accuracy"]
    return None if accuracy.isna().all() else int(metrics.loc[accuracy.idxmax(), "epoch"])


def seconds_of(run: RunReader, criteria: Sequence[str]) -> float:
    """Return about how long `window_table` takes on a free machine, in seconds.

    16 s were seen for 318 windows of 50,000 samples and 100 epochs (two cores).
    """
    n = sum(len(windows_of(CRITERIA[name], run.last_epoch)) for name in criteria)
    return 0.5 + 1e-6 * n * run.n_samples


def window_table(
    run: RunReader,
    criteria: Sequence[str],
    *,
    n_splits: int = N_SPLITS,
    seed: int = 0,
    compute: bool = True,
) -> pd.DataFrame:
    """Return what each window of each criterion is worth; kept in the run once computed.

    Parameters
    ----------
    run : RunReader
    criteria : sequence of str
        Names of `CRITERIA`; one that the log has nothing for has no row.
    n_splits, seed : int
        Random halves for `choices`, drawn apart among clean and mislabeled samples.
    compute : bool
        False: raise `NotKept` instead of computing.

    Returns
    -------
    DataFrame
        A row per criterion and window in which it has scores. `criterion`, `first`, `last`,
        `is_whole` (the default);
        `n_clean`, `n_mislabeled`, those ranked; `auroc` with its 95 % interval `low`, `high` and
        its lead over the whole log, `difference`, `difference_low`, `difference_high` (paired,
        DeLong); all NaN where true labels do not tell them. What needs no label: `steadiness`,
        Spearman's correlation with the window one step earlier
        (the same first epoch, or the one epoch alone); `two_groups`, Otsu's share of the
        variance; `ensemble`, Spearman's correlation with the mean rank over all windows of all
        these criteria (of at most `N_RANKED` samples); `is_best_test`. `half_<r>a`, `half_<r>b`:
        the AUROC in each half of split r.

    Raises
    ------
    UsageError
        If a criterion is unknown, or the run has no whole epoch.
    NotKept
        See `compute`.
    """
    picked = {name: pick(CRITERIA, name, "criterion") for name in criteria}
    if run.last_epoch == 0:
        raise UsageError(f"run {run.name!r} has no finished epoch yet, so it has no windows")
    there = without_absent(picked, run)
    best = best_test_epoch(run)
    decides = {
        "version": [VERSION, CRITERIA_VERSION],
        "criteria": list(there),
        "n_epochs": [run.last_epoch, run.n_epochs],
        "best_test": best,
        "splits": [n_splits, seed],
        "grid": [*FIRST, N_LAST, N_RANKED],
    }

    def make() -> pd.DataFrame:
        if not compute:
            raise NotKept(f"the windows of run {run.name!r} have not been computed yet")
        return _window_table(run, there, best, n_splits, seed)

    reads = ("samples.parquet", "signals", "outputs", "features")
    return kept_table(run, "windows", decides, make, reads=reads)


def choices(table: pd.DataFrame) -> pd.DataFrame:
    """Return the window that each rule of `RULES` chooses for each criterion, and its cost.

    Parameters
    ----------
    table : DataFrame
        From `window_table`.

    Returns
    -------
    DataFrame
        A row per criterion and rule that can choose. `criterion`, `rule`, `first`, `last`, `auroc`,
        `low`, `high`; `cost`, the oracle's AUROC minus this one, both on all samples; and the same
        with the oracle's choice made on one half of the samples and both measured on the other,
        the mean over both halves of all splits: `unseen_auroc`, `unseen_cost` with its 95 %
        interval `unseen_cost_low`, `unseen_cost_high`. For the oracle,
        `unseen_auroc` is what its choices come to where they are measured, and `unseen_cost` is
        0. Of equal windows the whole log is taken, else the longest.

    Notes
    -----
    The oracle's `auroc` minus its `unseen_auroc` is its optimism: what it owes to picking the best
    of many by the samples it is measured on. Half the samples are fewer to choose by, which makes
    `unseen_cost` a little too small. The interval is the mean and 1.96 standard deviations over the
    halves: of random halves these estimate the standard error of the whole. Sources: Varma and
    Simon (2006), Bias in error estimation when using cross-validation for model selection; Shao
    and Wu (1989), A general theory for jackknife variance estimation (deleting half).
    """
    halves = [name for name in table if name.startswith("half_")]
    rows = []
    for name, part in table.groupby("criterion", sort=False):
        known = bool(part["auroc"].notna().any())
        places = {
            "oracle": _best(part["auroc"]) if known else None,
            "whole": int(np.argmax(part["is_whole"])) if part["is_whole"].any() else None,
            **{rule: _best(part[measure]) for rule, measure in MEASURES.items()},
            "test accuracy": int(np.argmax(part["is_best_test"]))
            if part["is_best_test"].any()
            else None,
        }
        values = part[halves].to_numpy().reshape(len(part), -1, 2)  # (windows, R, 2)
        for rule, place in places.items():
            if place is None:
                continue
            row = part.iloc[place]
            found = {key: row[key] for key in ("first", "last", "auroc", "low", "high")}
            cost = part["auroc"].max() - row["auroc"] if known else np.nan
            unseen = _unseen(values, None if rule == ORACLE else place)
            rows.append({"criterion": name, "rule": rule, **found, "cost": cost, **unseen})
    columns = ["criterion", "rule", "first", "last", "auroc", "low", "high", "cost"]
    columns += ["unseen_auroc", "unseen_cost", "unseen_cost_low", "unseen_cost_high"]
    return pd.DataFrame(rows, columns=columns).astype({"first": "int64", "last": "int64"})


def otsu_share(values: np.ndarray) -> float:
    """Return the largest share of the variance that one cut puts between its two sides.

    In [0, 1]; NaN for fewer than two finite values or a constant. Source: Otsu (1979), A threshold
    selection method from gray-level histograms, Eqs. 12-18, on the values in place of a histogram.

    Examples
    --------
    >>> otsu_share(np.array([0.0, 0.0, 1.0, 1.0]))
    1.0
    """
    ranked = np.sort(values[np.isfinite(values)])
    n = len(ranked)
    if n < 2 or ranked[0] == ranked[-1]:
        return float("nan")
    ranked = (ranked - ranked.mean()) / ranked.std()
    below = np.arange(1, n)
    total = np.cumsum(ranked)[:-1]  # the mean of all is 0
    between = (total / n) ** 2 * n * n / (below * (n - below))
    at_a_step = ranked[1:] > ranked[:-1]  # equal values stay on one side
    return float(min(between[at_a_step].max(), 1.0))


def split_aurocs(
    suspicious: np.ndarray, is_mislabeled: np.ndarray, halves: np.ndarray
) -> np.ndarray:
    """Return the AUROC in each half and in its complement.

    Parameters
    ----------
    suspicious : ndarray of shape (N,)
        Higher is more suspicious; a NaN is left out.
    is_mislabeled : ndarray of shape (N,), bool
    halves : ndarray of shape (N, R), bool

    Returns
    -------
    ndarray of shape (R, 2), float64
        NaN where a half has no clean or no mislabeled sample.
    """
    order = np.argsort(suspicious, kind="stable")[: int(np.sum(~np.isnan(suspicious)))]
    ranked, wrong, inside = suspicious[order], is_mislabeled[order], halves[order]
    others = ranked[wrong]
    left, right = np.searchsorted(ranked, others, "left"), np.searchsorted(ranked, others, "right")
    found = np.full((halves.shape[1], 2), np.nan)
    for side, members in enumerate((inside, ~inside)):
        below = np.zeros((len(ranked) + 1, halves.shape[1]), dtype=np.int32)
        np.cumsum(members & ~wrong[:, None], axis=0, out=below[1:])
        mine = members[wrong]
        won = np.einsum("mr,mr->r", mine.astype(np.float64), (below[left] + below[right]) / 2.0)
        pairs = below[-1].astype(np.float64) * mine.sum(axis=0)
        np.divide(won, pairs, out=found[:, side], where=pairs > 0)
    return found


def stratified_halves(
    is_mislabeled: np.ndarray, n_splits: int, rng: np.random.Generator
) -> np.ndarray:
    """Return R random halves, (N, R) bool, with half of the clean and of the mislabeled in each."""
    halves = np.zeros((len(is_mislabeled), n_splits), dtype=bool)
    for group in (np.flatnonzero(is_mislabeled), np.flatnonzero(~is_mislabeled)):
        for split in range(n_splits):
            halves[rng.permutation(group)[: len(group) // 2], split] = True
    return halves


def _window_table(
    run: RunReader,
    criteria: dict[str, Criterion],
    best_test: int | None,
    n_splits: int,
    seed: int,
) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    labels = run.samples()["is_mislabeled"]
    known = labels.notna().to_numpy(dtype=bool)
    wrong = labels.fillna(False).to_numpy(dtype=bool)
    tells = bool(wrong[known].any() and not wrong[known].all())
    halves = stratified_halves(wrong[known], n_splits, rng)
    drawn = np.sort(rng.permutation(run.n_samples)[:N_RANKED])
    last = run.last_epoch
    plan = {name: windows_of(c, last, best_test) for name, c in criteria.items()}
    whole = _turned(next(scores_by_epoch(run, criteria, [last]))[1], criteria) if criteria else {}
    rows: dict[tuple[str, int, int], dict[str, float]] = {}
    ranks: dict[tuple[str, int, int], np.ndarray] = {}
    for first in sorted({window.first for windows in plan.values() for window in windows}):
        mine = {n: [w for w in ws if w.first == first] for n, ws in plan.items()}
        reading = {name: criteria[name] for name, windows in mine.items() if windows}
        at = sorted({window.last for windows in mine.values() for window in windows})
        for epoch, scores in scores_by_epoch(run, reading, at, first):
            turned = _turned(scores, reading)
            for name, windows in mine.items():
                if epoch not in [window.last for window in windows]:
                    continue
                key = (name, first, epoch)
                if np.isnan(turned[name]).all():
                    continue
                ranks[key] = _ranks(turned[name][drawn])
                rows[key] = {"two_groups": otsu_share(turned[name])}
                if tells:
                    rows[key] |= _measured(
                        turned[name][known], whole[name][known], wrong[known], halves
                    )
    middle = _ensemble(ranks, len(drawn))
    table = []
    for name, windows in plan.items():
        one_epoch = criteria[name].over == "last"
        for window in windows:
            key = (name, window.first, window.last)
            if key not in rows:
                continue
            other = None if window.earlier is None else ranks.get((name, *window.earlier))
            table.append(
                {
                    "criterion": name,
                    "first": window.first,
                    "last": window.last,
                    "is_whole": window.last == last and (one_epoch or window.first == 1),
                    "is_best_test": window.last == best_test
                    and window.first == (best_test if one_epoch else 1),
                    "steadiness": np.nan if other is None else spearman(ranks[key], other),
                    "ensemble": spearman(ranks[key], middle),
                    **rows[key],
                }
            )
    columns = ["criterion", "first", "last", "is_whole", "is_best_test", "n_clean", "n_mislabeled"]
    columns += ["auroc", "low", "high", "difference", "difference_low", "difference_high"]
    columns += ["steadiness", "two_groups", "ensemble"]
    columns += [f"half_{r}{side}" for r in range(1, n_splits + 1) for side in "ab"]
    return pd.DataFrame(table, columns=columns)


def _turned(scores: pd.DataFrame, criteria: dict[str, Criterion]) -> dict[str, np.ndarray]:
    return {name: suspicion(scores[name], c.higher_means) for name, c in criteria.items()}


def _ranks(values: np.ndarray) -> np.ndarray:
    """Return ranks in (0, 1], ties at their mean, NaN for no score; float32, as many are held."""
    return pd.Series(values).rank(pct=True).to_numpy(np.float32)


def _ensemble(ranks: dict[tuple[str, int, int], np.ndarray], n: int) -> np.ndarray:
    """Return the mean rank over the criteria of the mean over their windows."""
    by_name: dict[str, list[np.ndarray]] = {}
    for (name, _, _), rank in ranks.items():
        by_name.setdefault(name, []).append(rank)
    return _mean([_mean(found, n) for found in by_name.values()], n)


def _mean(found: list[np.ndarray], n: int) -> np.ndarray:
    total, count = np.zeros(n), np.zeros(n)
    for values in found:
        seen = ~np.isnan(values)
        total[seen] += values[seen]
        count += seen
    return np.divide(total, count, out=np.full(n, np.nan), where=count > 0)


def _measured(
    turned: np.ndarray, whole: np.ndarray, wrong: np.ndarray, halves: np.ndarray
) -> dict[str, float]:
    """Return what true labels say of a window."""
    both = np.column_stack([turned, whole])
    intervals = auroc_intervals(
        both[~wrong], both[wrong], 1, rng=np.random.default_rng(0), method="DeLong"
    )
    value = auroc(turned, wrong, "mislabeled")
    scored = ~np.isnan(turned)
    row = {
        "n_clean": int(np.sum(scored & ~wrong)),
        "n_mislabeled": int(np.sum(scored & wrong)),
        "auroc": value,
        "low": intervals.low[0],
        "high": intervals.high[0],
        "difference": value - auroc(whole, wrong, "mislabeled"),
        "difference_low": intervals.difference_low[0],
        "difference_high": intervals.difference_high[0],
    }
    for split, (one, two) in enumerate(split_aurocs(turned, wrong, halves), start=1):
        row |= {f"half_{split}a": one, f"half_{split}b": two}
    return row


def _best(values: pd.Series) -> int | None:
    """Return the place of the largest value, the first of equal ones."""
    numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
    return None if np.isnan(numbers).all() else int(np.nanargmax(numbers))


def _unseen(values: np.ndarray, place: int | None) -> dict[str, float]:
    """Return AUROC and cost where the oracle has not looked; `place` None is the oracle's own."""
    keys = ("unseen_auroc", "unseen_cost", "unseen_cost_low", "unseen_cost_high")
    usable = ~np.isnan(values).all(axis=0).any(axis=1)
    if not usable.any():
        return dict.fromkeys(keys, float("nan"))
    halves = values[:, usable]
    chosen = np.nanargmax(halves, axis=0)  # (R, 2), by each half
    other = halves[:, :, ::-1]  # each window in the half that was not looked at
    oracle = np.take_along_axis(other, chosen[None], axis=0)[0]
    mine = oracle if place is None else other[place]
    cost = oracle - mine
    half = Z * float(cost.std())
    found = (mine.mean(), cost.mean(), cost.mean() - half, cost.mean() + half)
    return {key: float(value) for key, value in zip(keys, found, strict=True)}
