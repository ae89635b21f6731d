"""Which true label became which given one: as designed, as measured, and as a training believes.

Every matrix here is ``T[i, j] = P(given = j, true = i)`` as counts first, (C, C): rows are the true
(or believed) label, columns the given one. Shape letters: N samples, C classes.
"""

from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import softmax

from hmw_core.class_limit import check_classes
from hmw_core.criteria.kept import score_table
from hmw_core.criteria.of_run import pick_criterion
from hmw_core.errors import UsageError
from hmw_core.log.cache import kept_table
from hmw_core.log.reader import RunReader
from hmw_core.noise import apply_noise
from hmw_core.samples.compare import Z
from hmw_core.samples.sample_table import suspicion_rank
from hmw_core.samples.suggestions import suggested_label

VERSION = 1  # counts up whenever what is kept in a run's cache changes
CLASS_MAPS = ("asymmetric", "superclass_shift", "block_shift", "pair_flip")

SUGGESTION_RULE = (
    "Flagged samples count as their suggested label, all others as their given one. So the number "
    "of flags decides how much lies beside the diagonal; only where it lies is found out."
)
CONFIDENT_RULE = (
    "Cleanlab's confident joint: a sample counts for the likeliest of the classes whose mean "
    "probability over the epochs reaches the average that samples of that given label have; "
    "counts are then scaled to the given labels. Cleanlab asks for probabilities on held-out data, "
    "and these are of the samples trained on: a network that has memorised its labels believes "
    "them, so look at an early epoch too."
)
INTERVAL_RULE = (
    "95 % intervals (Wilson) say how sure a share is for so many samples of its row, as if every "
    "believed label were right; what the beliefs get wrong is not in them."
)


class Shares(NamedTuple):
    """A row's counts as shares in [0, 1] with their 95 % intervals, (C, C); NaN in empty rows."""

    share: np.ndarray
    low: np.ndarray
    high: np.ndarray


class MatrixError(NamedTuple):
    """How far an estimated matrix is from the true one, over rows that both have.

    `mean_absolute` is over all cells, in [0, 1]. `total_variation` is half the sum of the absolute
    differences of a row, in [0, 1]: the share of the row that lies in wrong cells; its mean weighs
    rows by their true samples. `of_flips` is the same of the rows without their diagonal, scaled
    to 1: whether flips go to the right classes, whatever their number. `worst` is the row of the
    largest total variation.
    """

    mean_absolute: float = float("nan")
    total_variation: float = float("nan")
    of_flips: float = float("nan")
    worst: int = -1
    worst_total_variation: float = float("nan")


def pair_counts(true_label: Any, given_label: Any, n_classes: int) -> np.ndarray:
    """Return how many samples of each true label have each given one, (C, C) int64.

    A sample whose true label is null does not count.

    Raises
    ------
    UsageError
        If there are too many classes for a matrix.
    """
    check_classes(n_classes, "a matrix of true by given labels")
    true = pd.Series(true_label).reset_index(drop=True)
    known = true.notna().to_numpy()
    given = np.asarray(given_label, dtype=np.int64)[known]
    cell = true[known].to_numpy(dtype=np.int64) * n_classes + given
    return np.bincount(cell, minlength=n_classes**2).reshape(n_classes, n_classes)


def row_shares(counts: np.ndarray) -> Shares:
    """Return each cell as a share of its row.

    Notes
    -----
    Source: Wilson (1927), interval of a share.
    """
    n = counts.sum(axis=1, keepdims=True).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = counts / n
        middle = (share + Z**2 / (2 * n)) / (1 + Z**2 / n)
        half = Z / (1 + Z**2 / n) * np.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    return Shares(share, np.clip(middle - half, 0.0, 1.0), np.clip(middle + half, 0.0, 1.0))


def measured_counts(run: RunReader) -> np.ndarray | None:
    """Return the counts from the true labels that are known, or None where none is."""
    samples = run.samples()
    if samples["true_label"].isna().all():
        return None
    return pair_counts(samples["true_label"], samples["given_label"], run.n_classes)


def designed_shares(run: RunReader) -> np.ndarray | None:
    """Return the matrix that the run's noise was designed to have, (C, C), rows sum to 1.

    None where the noise has no such matrix: human labels, none, and `instance`, whose chances
    differ from sample to sample.
    """
    noise = run.info.get("noise") or {}
    name, rate, n = noise.get("name"), noise.get("rate"), run.n_classes
    if rate is None or not 0 <= rate <= 1:
        return None
    keep = np.eye(n)
    if name == "symmetric":
        return (1 - rate) * keep + rate / n
    if name == "symmetric_exclusive":
        return (1 - rate) * keep + rate / (n - 1) * (1 - keep)
    if name in CLASS_MAPS:
        names = run.class_names
        try:
            # At rate 1 every label moves, which leaves nothing to chance.
            moved = apply_noise(name, np.arange(n), 1.0, n, np.random.default_rng(0),
                                class_names=names).given_label  # fmt: skip
        except UsageError:
            return None  # no class map for these names: somebody else's noise of that name
        return (1 - rate) * keep + rate * np.eye(n)[moved]
    return None


def noted_shares(run: RunReader) -> np.ndarray | None:
    """Return the matrix that `run.json` notes as measured when the noise was drawn, or None."""
    noted = (run.info.get("noise") or {}).get("transition_matrix")
    matrix = np.asarray(noted if noted is not None else [], dtype=np.float64)
    return matrix if matrix.shape == (run.n_classes, run.n_classes) else None


def method_shares(run: RunReader) -> np.ndarray | None:
    """Return the matrix that the run's training method believes in, (C, C), rows sum to 1.

    None where it has none, or none yet.
    """
    noted = run.method_facts.get("transition_matrix")
    matrix = np.asarray(noted if noted is not None else [], dtype=np.float64)
    return matrix if matrix.shape == (run.n_classes, run.n_classes) else None


def suggestions_of_all(run: RunReader, epoch: int | None = None) -> pd.Series:
    """Return `suggestions.suggested_label` of every sample, by `sample_id`, kept with the run."""
    last = run.last_epoch if epoch is None else epoch
    table = kept_table(
        run,
        "suggested-labels",
        {"version": VERSION, "epoch": last},
        lambda: suggested_label(run, range(run.n_samples), last).to_frame(),
        epochs=[number for number in run.epochs() if number <= last],
    )
    return table["suggested_label"].astype("Int64")


def believed_by_suggestions(
    run: RunReader, budget: int, criterion: str = "iam", epoch: int | None = None
) -> pd.DataFrame:
    """Return the label each sample is believed to have, flagged ones as suggested.

    Parameters
    ----------
    run : RunReader
    budget : int
        How many of the most suspicious samples are flagged, 1 to N.
    criterion : str
        Of `CRITERIA`: what ranks them.
    epoch : int, optional
        Last epoch used. Default: the last one logged.

    Returns
    -------
    DataFrame
        By `sample_id`: `given_label`; `believed_label` (Int64), null for a flagged sample that no
        epoch predicted to be anything but its given label; `rank` (Int64).

    Raises
    ------
    UsageError
        If the budget is out of range, the criterion unknown, or there is no epoch.
    """
    found = pick_criterion(run, criterion)
    _check_epoch(run, epoch)
    if not 1 <= budget <= run.n_samples:
        raise UsageError(f"the number of flagged samples is 1 to {run.n_samples}, not {budget}")
    rank = suspicion_rank(score_table(run, [criterion], epoch)[criterion], found)
    table = run.samples().set_index("sample_id")[["given_label"]]
    table["rank"] = rank
    flagged = table["rank"].le(budget).fillna(False).astype(bool)
    believed = table["given_label"].astype("Int64")
    table["believed_label"] = believed.mask(flagged, suggestions_of_all(run, epoch))
    return table


def has_cleanlab() -> bool:
    """Tell whether the package cleanlab can be imported."""
    return find_spec("cleanlab") is not None


def believed_confidently(run: RunReader, epoch: int | None = None) -> pd.DataFrame:
    """Return the label each sample is believed to have by confident learning, see CONFIDENT_RULE.

    Returns
    -------
    DataFrame
        By `sample_id`: `given_label`, `believed_label` (Int64), null where no class reaches its
        threshold or the sample was never seen.

    Raises
    ------
    UsageError
        If cleanlab is not installed, the run keeps no logits of all classes, or a class has no
        sample.
    """
    _check_epoch(run, epoch)
    last = run.last_epoch if epoch is None else epoch
    epochs = [number for number in run.output_epochs() if number <= last]
    if not has_cleanlab():
        raise UsageError(
            "the confident joint needs the package cleanlab, which is not installed: "
            "pip install cleanlab"
        )
    if not epochs or "logits" not in run.output_columns():
        raise UsageError(
            f"run {run.name!r} keeps no logits of all classes up to epoch {last}, which the "
            "confident joint is made of"
        )
    given = run.samples()["given_label"].to_numpy()
    empty = np.setdiff1d(np.arange(run.n_classes), given)
    if len(empty):
        raise UsageError(
            f"no sample of run {run.name!r} is given the class "
            f"{run.class_names[empty[0]]!r}, so that the confident joint has no threshold for it"
        )
    kept = kept_table(
        run,
        "confident-labels",
        {"version": VERSION, "epoch": last},
        lambda: _confident(run, epochs).to_frame(),
        reads=("outputs", "samples.parquet"),
        epochs=epochs,
    )
    return pd.DataFrame(
        {"given_label": given, "believed_label": kept["believed_label"].astype("Int64")}
    ).rename_axis("sample_id")


def confident_counts(believed: pd.DataFrame, n_classes: int) -> np.ndarray:
    """Return the confident joint, (C, C), calibrated: columns sum to the given labels' counts.

    `believed` is from `believed_confidently`. The cells are estimates, and no whole numbers.

    Notes
    -----
    Source: Northcutt, Jiang and Chuang (2021), Eq. 3; `calibrate_confident_joint` of cleanlab.
    """
    from cleanlab.count import calibrate_confident_joint

    counts = pair_counts(believed["believed_label"], believed["given_label"], n_classes)
    # Cleanlab's rows are the given labels, and one without a confident sample cannot be scaled.
    joint = counts.T + np.diag((counts.sum(axis=0) == 0).astype(np.int64))
    return calibrate_confident_joint(joint, believed["given_label"].to_numpy()).T


def matrix_error(estimate: np.ndarray, truth: np.ndarray, weight: np.ndarray) -> MatrixError:
    """Return how far an estimate is from the truth, both as shares of rows, (C, C).

    `weight` (C,) are the true samples of each row. Rows with a NaN in either are left out; all
    results are NaN (and the worst row -1) where none is left.
    """
    rows = ~(np.isnan(estimate).any(axis=1) | np.isnan(truth).any(axis=1)) & (weight > 0)
    if not rows.any():
        return MatrixError()
    off = np.abs(estimate - truth)
    variation = off.sum(axis=1) / 2
    worst = int(np.argmax(np.where(rows, variation, -1.0)))
    one, two = (_without_diagonal(matrix) for matrix in (estimate, truth))
    flips = np.abs(one - two).sum(axis=1) / 2
    has_flips = rows & ~np.isnan(flips)
    return MatrixError(
        float(off[rows].mean()),
        float(np.average(variation[rows], weights=weight[rows])),
        float(np.average(flips[has_flips], weights=weight[has_flips]))
        if has_flips.any()
        else float("nan"),
        worst,
        float(variation[worst]),
    )


def _without_diagonal(matrix: np.ndarray) -> np.ndarray:
    """Return the rows without their diagonal, summing to 1; NaN where nothing is beside it."""
    off = np.where(np.eye(len(matrix), dtype=bool), 0.0, matrix)
    total = off.sum(axis=1, keepdims=True)
    return off / np.where(total > 0, total, np.nan)


def _confident(run: RunReader, epochs: list[int]) -> pd.Series:
    from cleanlab.count import get_confident_thresholds

    order = run.sample_ids()
    total, seen = np.zeros((run.n_samples, run.n_classes)), np.zeros(run.n_samples)
    for number in epochs:
        logits = run.epoch_columns(number, ["logits"])["logits"]
        there = ~np.isnan(logits).any(axis=1)
        total[order[there]] += softmax(logits[there].astype(np.float64), axis=1)
        seen[order[there]] += 1
    rows = np.flatnonzero(seen)
    probability = total[rows] / seen[rows, None]
    given = run.samples()["given_label"].to_numpy()[rows]
    thresholds = get_confident_thresholds(given, probability)
    reached = probability >= thresholds - 1e-6  # as cleanlab's own comparison
    # As cleanlab: the only class that reaches its threshold, or of several the likeliest of all.
    several = reached.sum(axis=1) > 1
    best = np.where(several, probability.argmax(axis=1), reached.argmax(axis=1))
    believed = pd.Series(pd.NA, index=pd.RangeIndex(run.n_samples), dtype="Int64")
    believed.iloc[rows] = pd.array(best, dtype="Int64")
    believed.iloc[rows[~reached.any(axis=1)]] = pd.NA
    return believed.rename("believed_label").rename_axis("sample_id")


def _check_epoch(run: RunReader, epoch: int | None) -> None:
    if run.last_epoch == 0:
        raise UsageError(f"run {run.name!r} has no finished epoch yet, so it believes nothing")
    if epoch is not None and not 1 <= epoch <= run.last_epoch:
        raise UsageError(f"run {run.name!r} has the epochs 1 to {run.last_epoch}, not {epoch}")
