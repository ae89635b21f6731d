"""In which order given labels are fitted: by class and epoch, the memorisation onset, when to stop.

All predictions are those of the training pass. Shape letters: E epochs, C classes, N samples, G
groups, B blocks of samples, R resamples.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import bdtr

from hmw_core.errors import UsageError
from hmw_core.laboratory.memorised import fitted
from hmw_core.log.cache import kept_table
from hmw_core.log.reader import RunReader
from hmw_core.statistics.resampling import TAIL

VERSION = 1  # of the definitions below: another number computes kept tables anew
GROUPS = ("clean", "mislabeled", "unknown")
BLOCKS = 50
LEVEL = 0.05
RESAMPLES = 1000
MOST_ROWS = 500_000  # of `learning_table`: 300 bytes each, and several times that when drawn
SMOOTHED, PATIENCE = 3, 10  # epochs

ONSET_RULE = (
    "Memorisation onset: the first epoch from which on, at every later epoch too, the share of "
    "mislabeled samples predicted as their wrong given label is above chance by the stated level "
    "or more. Chance is the share of clean samples of the same true class that are predicted as "
    "that same wrong label at the same epoch, so common confusions do not count. It is a little "
    "low, because clean samples were trained on their true label; and labels that people give "
    "wrongly to pictures that look like them count as memorised too early. Near the last epoch it "
    "rests on few epochs. Interval: 95 %, "
    f"bootstrap over samples within classes, in {BLOCKS} random blocks a class."
)
MEDIAN_RULE = (
    "Median: the epoch by which half of all samples of the group, those never fitted included "
    "(censored at the last epoch, as in Kaplan and Meier), had been predicted so at least once; "
    "none where fewer than half ever were. Interval: 95 %, from order statistics. Predictions at "
    "random fit one in as many samples as there are classes at each epoch, so first fits come "
    "early; “for good” means from then on at every epoch up to the last."
)


@dataclass(frozen=True)
class Onset:
    """An epoch, or infinity where the share never stays above the level, and its 95 % interval."""

    epoch: float
    low: float
    high: float
    n_mislabeled: int


def learning_table(run: RunReader) -> pd.DataFrame:
    """Return how many samples are fitted, by epoch and given label, kept with the run.

    Returns
    -------
    DataFrame
        Sorted by `epoch` and `given_label`. Counts: `seen_<group>`, `fitted_<group>` (predicted as
        the given label), `ever_<group>` (at this epoch or before), for `GROUPS`; `true` and
        `ever_true` of the mislabeled ones predicted as their true label; `changed` of `compared`,
        all samples whose prediction is not that of the epoch before. `chance` is the number of
        mislabeled samples that would be fitted by confusion alone, see `ONSET_RULE` (one in C where
        no clean sample of the true class was seen); `block_<b>` what was fitted less that chance,
        by random blocks of samples.

    Raises
    ------
    UsageError
        If the log holds no predictions, or has no epoch yet.
    """
    absent = run.absent.get("predicted_label")
    if absent:
        raise UsageError(f"run {run.name!r} does not say when a label was fitted: {absent}")
    if run.last_epoch == 0:
        raise UsageError(f"run {run.name!r} has no finished epoch yet, so nothing was fitted")
    rows = run.n_classes * len(run.epochs())
    if rows > MOST_ROWS:
        raise UsageError(
            f"the learning order has a row for each class and epoch, up to {MOST_ROWS:,}, and run "
            f"{run.name!r} would have {rows:,}"
        )
    return kept_table(
        run,
        "learning-order",
        {"version": VERSION, "blocks": BLOCKS},
        lambda: _learning_table(run),
        reads=("samples.parquet", "signals"),
    )


def _learning_table(run: RunReader) -> pd.DataFrame:
    order = run.sample_ids()
    samples = run.samples().loc[order]
    given = samples["given_label"].to_numpy()
    group = _groups(samples)
    n = run.n_classes
    wrong = np.flatnonzero(group == 1)
    true = samples["true_label"].to_numpy(dtype=np.int64, na_value=-1)[wrong]
    wrong_given = given[wrong]
    clean = group == 0
    cell = group * n + given  # (N,), group and class
    blocks = blocks_of(order, given)[wrong]
    ever = np.zeros(len(order), dtype=bool)
    ever_true = np.zeros(len(wrong), dtype=bool)
    before = np.full(len(order), np.nan)
    parts = []
    for epoch, signals in run.iterate(["predicted_label"]):
        predicted = signals["predicted_label"].astype(np.float64)
        seen = ~np.isnan(predicted)
        is_fit = predicted == given
        ever |= is_fit
        is_true = predicted[wrong] == true
        ever_true |= is_true
        compared = seen & ~np.isnan(before)
        changed = compared & (predicted != before)
        before = np.where(seen, predicted, before)
        part = clean & seen
        chance = _confused(given[part], predicted[part].astype(np.int64), true, wrong_given, n)
        expected = np.where(seen[wrong], chance, 0.0)
        excess = is_fit[wrong] - expected
        counts = {
            f"{what}_{name}": count
            for what, mask in (("seen", seen), ("fitted", is_fit), ("ever", ever))
            for name, count in zip(GROUPS, _count(cell[mask], 3 * n).reshape(3, n), strict=True)
        }
        counts |= {
            "true": _count(wrong_given[is_true], n),
            "ever_true": _count(wrong_given[ever_true], n),
            "changed": _count(given[changed], n),
            "compared": _count(given[compared], n),
            "chance": np.bincount(wrong_given, expected, n),
        }
        sums = np.bincount(blocks, excess, n * BLOCKS).reshape(n, BLOCKS).astype(np.float32)
        table = pd.DataFrame({"epoch": epoch, "given_label": np.arange(n), **counts})
        names = [f"block_{b}" for b in range(BLOCKS)]
        parts.append(pd.concat([table, pd.DataFrame(sums, columns=names)], axis=1))
    return pd.concat(parts, ignore_index=True)


def blocks_of(sample_id: np.ndarray, given_label: np.ndarray) -> np.ndarray:
    """Return each sample's block, numbered through all classes: the same in every pass."""
    drawn = np.random.default_rng(0).integers(0, BLOCKS, int(sample_id.max(initial=0)) + 1)
    return given_label * BLOCKS + drawn[sample_id]


def _confused(
    label: np.ndarray, predicted: np.ndarray, true: np.ndarray, other: np.ndarray, n: int
) -> np.ndarray:
    """Return for each pair the share of clean samples of class `true` that is predicted as `other`.

    `label` and `predicted` are those of the clean samples. Only the pairs that occur are counted.
    """
    pairs, counts = np.unique(label * n + predicted, return_counts=True)
    asked = true * n + other
    at = np.minimum(np.searchsorted(pairs, asked), len(pairs) - 1)
    found = np.where(pairs[at] == asked, counts[at], 0) if len(pairs) else np.zeros(len(asked))
    totals = _count(label, n)[true]
    return np.where(totals > 0, found / np.maximum(totals, 1), 1.0 / n)


def _groups(samples: pd.DataFrame) -> np.ndarray:
    """Return the place in `GROUPS` of each sample, (N,)."""
    return samples["is_mislabeled"].astype("Int64").to_numpy(dtype=np.int64, na_value=2)


def _count(cells: np.ndarray, n: int) -> np.ndarray:
    return np.bincount(cells, minlength=n)


def shares(table: pd.DataFrame, run: RunReader, *, by_class: bool = False) -> pd.DataFrame:
    """Return the curves: epoch, given_label (-1 for all), line, kind, share, n_samples.

    Parameters
    ----------
    table : DataFrame
        `learning_table`'s.
    run : RunReader
    by_class : bool
        Whether each class has its own, or all together.

    Returns
    -------
    DataFrame
        `kind` is `now` (of the samples seen in the epoch) or `ever` (of all samples of the group);
        `line` is `clean`, `mislabeled` or `unknown` (fitted to the given label), `true`
        (mislabeled, predicted as the true label) or `chance`. Groups without a sample have no row.
    """
    sizes = group_sizes(run)  # (G, C)
    counts = table.drop(columns=[c for c in table if c.startswith("block_")])
    if not by_class:
        counts = counts.groupby("epoch", as_index=False).sum().assign(given_label=-1)
        sizes = sizes.sum(axis=1, keepdims=True)
    rows = []
    kinds: list[tuple[str, str, str, int]] = [
        (f"{column}_{name}", name, kind, number)
        for number, name in enumerate(GROUPS)
        for column, kind in (("fitted", "now"), ("ever", "ever"))
    ]
    kinds += [("true", "true", "now", 1), ("ever_true", "true", "ever", 1)]
    kinds += [("chance", "chance", "now", 1)]
    for column, line, kind, number in kinds:
        size = sizes[number][counts["given_label"] if by_class else 0]
        total = counts[f"seen_{GROUPS[number]}"] if kind == "now" else size
        part = counts[["epoch", "given_label"]].assign(
            line=line, kind=kind, share=counts[column] / np.where(total, total, np.nan)
        )
        rows.append(part.assign(n_samples=size)[part["share"].notna().to_numpy()])
    return pd.concat(rows, ignore_index=True)


def group_sizes(run: RunReader) -> np.ndarray:
    """Return how many samples each group has in each class of given label, (G, C)."""
    samples = run.samples()
    cell = _groups(samples) * run.n_classes + samples["given_label"].to_numpy()
    return _count(cell, 3 * run.n_classes).reshape(3, run.n_classes)


def onsets(
    table: pd.DataFrame, run: RunReader, level: float = LEVEL, n_resamples: int = RESAMPLES
) -> dict[int, Onset]:
    """Return the memorisation onset of each class with mislabeled samples, and of all, as -1.

    See `ONSET_RULE`. Empty where no sample is known to be mislabeled.
    """
    names = [f"block_{b}" for b in range(BLOCKS)]
    n_classes = run.n_classes
    sums = table[names].to_numpy(dtype=np.float64).reshape(-1, n_classes, BLOCKS)  # (E, C, B)
    seen = table["seen_mislabeled"].to_numpy(float).reshape(-1, n_classes)  # (E, C)
    samples = run.samples()
    wrong = samples["is_mislabeled"].fillna(False).to_numpy(dtype=bool)
    blocks = blocks_of(np.arange(run.n_samples), samples["given_label"].to_numpy())
    sizes = _count(blocks[wrong], n_classes * BLOCKS).reshape(n_classes, BLOCKS)
    epochs = table["epoch"].unique()
    rng = np.random.default_rng(0)
    found: dict[int, Onset] = {}
    all_excess = np.zeros(len(epochs))
    all_drawn = np.zeros((n_resamples, len(epochs)))  # (R, E)
    for label in np.flatnonzero(sizes.sum(axis=1)):
        n = int(sizes[label].sum())
        unseen = np.where(seen[:, label] > 0, n / np.maximum(seen[:, label], 1), np.nan)
        excess = sums[:, label].sum(axis=1) * unseen  # (E,)
        draws = rng.multinomial(BLOCKS, np.full(BLOCKS, 1 / BLOCKS), n_resamples)  # (R, B)
        weight = np.maximum(draws @ sizes[label], 1e-9)[:, None]
        drawn = (draws @ sums[:, label].T) * unseen / weight * n  # (R, E), a sum over n samples
        all_excess += excess
        all_drawn += drawn
        found[int(label)] = _onset(excess / n, drawn / n, epochs, level, n)
    if not found:
        return {}
    n = int(sizes.sum())
    return {-1: _onset(all_excess / n, all_drawn / n, epochs, level, n)} | found


def _onset(
    excess: np.ndarray, drawn: np.ndarray, epochs: np.ndarray, level: float, n: int
) -> Onset:
    at = _first_for_good(np.vstack([excess, drawn]) >= level, epochs)
    low, high = np.quantile(at[1:], (TAIL, 1 - TAIL), method="inverted_cdf")
    return Onset(float(at[0]), float(low), float(high), n)


def _first_for_good(above: np.ndarray, epochs: np.ndarray) -> np.ndarray:
    """Return the first epoch from which on each row stays true; infinity where the last is not."""
    stays = np.logical_and.accumulate(above[:, ::-1], axis=1)[:, ::-1]
    return np.where(stays.any(axis=1), epochs[stays.argmax(axis=1)], np.inf)


def medians(table: pd.DataFrame, run: RunReader) -> pd.DataFrame:
    """Return the median epochs of learning, by class and for all (-1); see `MEDIAN_RULE`.

    Returns
    -------
    DataFrame
        given_label, line (as `shares`), event (`first` or `for good`), median, low, high
        (epochs; infinity where not reached by the last epoch, NaN where too few samples bound it),
        n_samples, n_never.
    """
    epochs = table["epoch"].unique()
    sizes = group_sizes(run)
    cumulative = {
        (line, "first"): table[column].to_numpy().reshape(-1, run.n_classes)
        for line, column in (*((g, f"ever_{g}") for g in GROUPS), ("true", "ever_true"))
    }
    since = fitted(run)["first_memorised"].to_numpy(dtype=float, na_value=np.inf)  # by sample_id
    samples = run.samples()
    group = _groups(samples)
    label = samples["given_label"].to_numpy()
    for number, name in enumerate(GROUPS):
        inside = (group == number) & np.isfinite(since)
        row = np.searchsorted(epochs, since[inside])
        cells = _count(row * run.n_classes + label[inside], len(epochs) * run.n_classes)
        counts = cells.reshape(-1, run.n_classes).cumsum(axis=0)
        cumulative[name, "for good"] = counts
    rows = []
    for (line, event), counts in cumulative.items():
        of = sizes[1 if line == "true" else GROUPS.index(line)]
        for label_of, count, n in (
            (-1, counts.sum(axis=1), of.sum()),
            *((c, counts[:, c], of[c]) for c in range(run.n_classes)),
        ):
            if n:
                at = [_reached(count, rank, epochs) for rank in _ranks(int(n))]
                rows.append((label_of, line, event, *at, int(n), int(n - count[-1])))
    columns = ["given_label", "line", "event", "median", "low", "high", "n_samples", "n_never"]
    return pd.DataFrame(rows, columns=columns)


def _ranks(n: int) -> tuple[int, int, int]:
    """Return the ranks of the median and of its 95 % interval; 0 and n + 1 bound nothing."""
    low = int(np.count_nonzero(bdtr(np.arange(n, dtype=float), n, 0.5) <= TAIL))
    return -(-n // 2), low, n + 1 - low


def _reached(count: np.ndarray, rank: int, epochs: np.ndarray) -> float:
    """Return the first epoch by which `rank` samples have been fitted, infinity if none is."""
    if rank < 1:
        return float("nan")
    reached = np.flatnonzero(count >= rank)
    return float(epochs[reached[0]]) if len(reached) else float("inf")


def prediction_changes(table: pd.DataFrame) -> pd.DataFrame:
    """Return epoch, share of predictions changed since the epoch before, and its moving average.

    From epoch 2 on; `smoothed` is the mean of the last `SMOOTHED` shares, NaN before there are.
    """
    sums = table.groupby("epoch", as_index=False)[["changed", "compared"]].sum()
    sums = sums[sums["compared"] > 0]
    share = sums["changed"] / sums["compared"]
    return pd.DataFrame(
        {"epoch": sums["epoch"], "changed": share, "smoothed": share.rolling(SMOOTHED).mean()}
    ).reset_index(drop=True)


def label_wave(table: pd.DataFrame) -> int | None:
    """Return the epoch to stop at by the predictions alone, None where none is found.

    The first epoch whose smoothed share of changed predictions is not undercut within the next
    `PATIENCE` epochs, all of them logged.

    Source: Label Wave, Yuan, Feng and Liu (2024), "Early Stopping Against Label Noise Without
    Validation Data": the first local minimum of the moving average of prediction changes. How long
    a minimum must stand is our choice.
    """
    known = prediction_changes(table).dropna()
    values = known["smoothed"].to_numpy()
    lowest = np.minimum.accumulate(values) if len(values) else values
    for at, value in enumerate(values):
        later = values[at + 1 : at + 1 + PATIENCE]
        if value == lowest[at] and len(later) == PATIENCE and (later >= value).all():
            return int(known["epoch"].iloc[at])
    return None


def stopping(
    table: pd.DataFrame, run: RunReader, onset: Onset | None, noise_rate: float | None = None
) -> pd.DataFrame:
    """Return where each rule would have stopped this run, and what that costs.

    Parameters
    ----------
    table : DataFrame
        `learning_table`'s.
    run : RunReader
    onset : Onset, optional
        That of all classes.
    noise_rate : float, optional
        Share of wrong labels, for the rule that needs it.

    Returns
    -------
    DataFrame
        rule, needs, is_oracle, epoch (null where the rule finds none), test_accuracy, cost (below
        the best logged test accuracy, both as shares; NaN where none is logged), and
        mislabeled_fitted, the share of mislabeled samples fitted at that epoch.
    """
    metrics = run.metrics().set_index("epoch")
    test, train = metrics["test_accuracy"], metrics["train_accuracy"]
    rules: list[tuple[str, str, bool, int | None]] = []
    best = int(test.idxmax()) if test.notna().any() else None
    if best is not None:
        rules.append(("Best test accuracy", "the test accuracy of every epoch", True, best))
    if onset is not None:
        before = int(onset.epoch) - 1 if 1 < onset.epoch < np.inf else None
        rules.append(
            ("Last epoch before the onset", "the true labels of the training set", True, before)
        )
    if noise_rate is not None:
        passed = train[train >= 1 - noise_rate]
        at = int(passed.index[0]) if len(passed) else None
        rules.append(
            (
                f"Train accuracy reaches {100 * (1 - noise_rate):.1f} %",
                "the share of wrong labels",
                run.has_true_label,
                at,
            )
        )
    rules.append(("Predictions settle (Label Wave)", "nothing", False, label_wave(table)))
    rules.append(("The last epoch", "nothing", False, run.last_epoch))
    found = pd.DataFrame(rules, columns=["rule", "needs", "is_oracle", "epoch"])
    found["epoch"] = found["epoch"].astype("Int64")
    found["test_accuracy"] = found["epoch"].map(test).astype(float)
    found["cost"] = (test.max() if best is not None else np.nan) - found["test_accuracy"]
    now = shares(table, run)
    now = now[(now["line"] == "mislabeled") & (now["kind"] == "now")].set_index("epoch")["share"]
    found["mislabeled_fitted"] = found["epoch"].map(now).astype(float)
    return found
