"""Run -> tidy tables that more than one figure needs: scores, groups, and chosen samples."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from hmw_core.criteria import CRITERIA, CRITERIA_VERSION, MAIN_CRITERIA
from hmw_core.criteria.criterion import Criterion, compute_scores, parts_read
from hmw_core.errors import UsageError, pick
from hmw_core.log.cache import kept_table

if TYPE_CHECKING:
    from hmw_core.log.reader import RunReader

GROUPS = ("clean", "hard", "mislabeled")
HARD_FRACTION = 0.1

# Shown beside every contest of hard clean against mislabeled samples.
HARD_NOTE = (
    "Hard samples are chosen by a criterion, and that criterion then has the hardest time telling "
    "them from mislabeled ones: chosen by last loss, the contest is loaded against last loss."
)

# How `choose_samples` takes each role; shown beside the samples.
RULES = {
    "easy": "the clean sample of median last loss, in the half of the clean ones whose mean loss "
    "is smaller",
    "hard": "the clean sample at the 95th percentile of the clean ones' mean loss",
    "mislabeled": "the mislabeled sample of median mean loss",
    "low": "the sample at the 5th percentile of mean loss; no true label is known",
    "middle": "the sample of median mean loss; no true label is known",
    "high": "the sample at the 95th percentile of mean loss; no true label is known",
    "low margin": "the sample at the 5th percentile of AUM; the log holds no loss",
    "middle margin": "the sample of median AUM; the log holds no loss",
    "high margin": "the sample at the 95th percentile of AUM; the log holds no loss",
}
RANKS = {"low": 0.05, "middle": 0.5, "high": 0.95}


def score_table(
    run: "RunReader",
    criteria: Sequence[str] | None = None,
    epoch: int | None = None,
    given_label: int | None = None,
    first: int = 1,
) -> pd.DataFrame:
    """Return a column of scores per criterion, by `sample_id`: kept ones, or from the log.

    What is computed of all samples is kept with the run, and computed again only when the log or
    the criteria change.

    Parameters
    ----------
    run : RunReader
    criteria : sequence of str, optional
        Names of `CRITERIA`. Default: those of `MAIN_CRITERIA`.
    epoch : int, optional
        Last epoch used. Default: the last one logged.
    given_label : int, optional
        Only the samples of this class.
    first : int
        First epoch used.

    Raises
    ------
    UsageError
        If a criterion is unknown.
    """
    names = list(MAIN_CRITERIA) if criteria is None else criteria
    picked = {name: pick(CRITERIA, name, "criterion") for name in names}
    last = run.last_epoch if epoch is None else epoch
    kept = run.scores(last) if first == 1 else None
    others = {n: c for n, c in picked.items() if kept is None or n not in kept}
    parts = [] if kept is None else [kept[[n for n in picked if n in kept]]]
    if given_label is not None and others and set(others) <= set(MAIN_CRITERIA):
        # One class of these is read faster than all classes are kept.
        parts.append(compute_scores(run, others, last, given_label, first))
    elif others:
        parts.append(_kept_scores(run, others, first, last))
    ids = np.sort(run.sample_ids(given_label))
    return pd.concat([part.loc[ids] for part in parts], axis=1)[list(picked)]


def _kept_scores(
    run: "RunReader", criteria: dict[str, Criterion], first: int, last: int
) -> pd.DataFrame:
    """Return scores of all samples; those of one epoch and window are computed in one pass."""
    made: pd.DataFrame | None = None
    parts = []
    for name in criteria:

        def compute(name: str = name) -> pd.DataFrame:
            nonlocal made
            if made is None:
                made = compute_scores(run, criteria, last, first=first)
            return made[[name]]

        decides = {
            "criterion": name,
            "version": CRITERIA_VERSION,
            "first": first,
            "last": last,
            "n_epochs": run.n_epochs,
            "annealing_start": run.annealing_start,
        }
        reads = ("samples.parquet", *parts_read(criteria[name]))
        epochs = [epoch for epoch in run.epochs() if first <= epoch <= last]
        parts.append(kept_table(run, f"score-{name}", decides, compute, reads=reads, epochs=epochs))
    return pd.concat(parts, axis=1)


def groups(
    run: "RunReader",
    epoch: int | None = None,
    given_label: int | None = None,
    *,
    hard_fraction: float = HARD_FRACTION,
    hard_by: str = "last_loss",
) -> pd.Series:
    """Return the group of each sample, by `sample_id`: `clean`, `hard` or `mislabeled`.

    `hard` are the clean samples that are hard to learn: the share `hard_fraction` of the clean
    ones that the criterion `hard_by` finds most suspicious; by default those of the largest last
    loss. `clean` are the other clean ones.

    Parameters
    ----------
    run : RunReader
    epoch : int, optional
        Last epoch used. Default: the last one logged.
    given_label : int, optional
        Only the samples of this class; the hard ones are then the hardest of the class.
    hard_fraction : float
        Share of the clean samples, in [0, 1].
    hard_by : str
        Name of the criterion that says what is hard.

    Returns
    -------
    Series of categories `GROUPS`
        Null where the true label is unknown.

    Raises
    ------
    UsageError
        If the fraction is out of range or the criterion unknown.
    """
    score = score_table(run, [hard_by], epoch, given_label)[hard_by]
    is_mislabeled = run.samples()["is_mislabeled"].loc[score.index]
    return split_groups(score, CRITERIA[hard_by], is_mislabeled, hard_fraction)


def split_groups(
    score: pd.Series, criterion: Criterion, is_mislabeled: pd.Series, hard_fraction: float
) -> pd.Series:
    """Return `groups`' result from the score of its criterion, both by `sample_id`.

    A fraction above 0 of any clean sample makes at least one hard. Of equal scores the smaller
    `sample_id` counts as harder; a sample without a score is never hard.
    """
    if not 0.0 <= hard_fraction <= 1.0:
        raise UsageError(f"the fraction of hard clean samples is in [0, 1], not {hard_fraction}")
    is_clean = is_mislabeled.eq(False).fillna(False).to_numpy(dtype=bool)
    group = pd.Series(pd.NA, index=score.index, name="group", dtype="object")
    group[is_mislabeled.fillna(False).to_numpy(dtype=bool)] = "mislabeled"
    group[is_clean] = "clean"
    ranked = score[is_clean].dropna().sort_index()
    harder_first = ranked.sort_values(ascending=criterion.higher_means == "clean", kind="stable")
    group[harder_first.index[: math.ceil(hard_fraction * is_clean.sum())]] = "hard"
    return group.astype(pd.CategoricalDtype(GROUPS))


def choose_samples(
    run: "RunReader", given_label: int | None, epoch: int | None = None
) -> pd.DataFrame:
    """Return one telling sample per role among those of a given label, by a fixed rule.

    The rules are those of `RULES`. Losses, and no margin or weight, make the choice, so that no
    figure shows samples that were picked for how well IAM treats them. The median of an even
    number is the smaller of the two in the middle; of equal losses the smaller `sample_id` comes
    first. Only samples with a loss and a known true label can be chosen; where no true label of
    the class is known, the roles are ranks of the mean loss, `low`, `middle` and `high`. A log
    whose source holds no loss has ranks of the AUM instead, if it has that.

    Parameters
    ----------
    run : RunReader
    given_label : int or None
        The class; None for all classes.
    epoch : int, optional
        Last epoch used. Default: the last one logged.

    Returns
    -------
    DataFrame
        Columns `role`, `sample_id`, `rule`. A role that no sample can fill has no row (no
        mislabeled sample in the class, say), and no sample has two roles.
    """
    if "loss" in run.absent:
        return _chosen_by_aum(run, given_label, epoch)
    loss = score_table(run, ["mean_loss", "last_loss"], epoch, given_label).dropna()
    is_mislabeled = run.samples()["is_mislabeled"].loc[loss.index]
    mean = loss["mean_loss"].sort_index().sort_values(kind="stable")
    chosen: dict[str, int] = {}
    if is_mislabeled.isna().all():
        for role, rank in RANKS.items():
            _choose(chosen, role, mean, rank)
    else:
        clean = mean[is_mislabeled.loc[mean.index].eq(False).fillna(False).to_numpy(dtype=bool)]
        easier_half = clean.index[: math.ceil(len(clean) / 2)]
        last = loss["last_loss"].loc[easier_half].sort_index().sort_values(kind="stable")
        wrong = is_mislabeled.loc[mean.index].fillna(False).to_numpy(dtype=bool)
        _choose(chosen, "easy", last, 0.5)
        _choose(chosen, "hard", clean, 0.95)
        _choose(chosen, "mislabeled", mean[wrong], 0.5)
    return _as_table(chosen)


def _chosen_by_aum(run: "RunReader", given_label: int | None, epoch: int | None) -> pd.DataFrame:
    aum = score_table(run, ["aum"], epoch, given_label)["aum"].dropna().sort_index()
    chosen: dict[str, int] = {}
    for role, rank in RANKS.items():
        _choose(chosen, f"{role} margin", aum.sort_values(kind="stable"), rank)
    return _as_table(chosen)


def _as_table(chosen: dict[str, int]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "role": pd.Series(list(chosen), dtype="str"),
            "sample_id": pd.Series(list(chosen.values()), dtype=np.int64),
            "rule": pd.Series([RULES[role] for role in chosen], dtype="str"),
        }
    )


def _choose(chosen: dict[str, int], role: str, ascending: pd.Series, rank: float) -> None:
    """Give `role` to the sample at the share `rank` of `ascending`, unless it has a role."""
    if len(ascending) == 0:
        return
    sample_id = int(ascending.index[max(math.ceil(rank * len(ascending)) - 1, 0)])
    if sample_id not in chosen.values():
        chosen[role] = sample_id
