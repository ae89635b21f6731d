"""Groups of samples: clean, hard and mislabeled ones, and one telling sample of each."""

import math

import numpy as np
import pandas as pd

from hmw_core.criteria.criterion import Criterion
from hmw_core.criteria.kept import score_table
from hmw_core.criteria.of_run import pick_criterion, title_of
from hmw_core.errors import UsageError
from hmw_core.log.reader import RunReader

GROUPS = ("clean", "hard", "mislabeled")
HARD_FRACTION = 0.1
# What says which clean samples are hard to learn. The last loss of a network that memorises is
# close to 0 for all of them, so it would choose by chance; the mean over the epochs is large for
# what was learned late. A choice by a criterion is loaded against that criterion and its kin.
HARD_BY = "mean_loss"

# Shown beside every contest of hard clean against mislabeled samples.
HARD_NOTE = (
    "Hard samples are chosen by a criterion, and that criterion then has the hardest time telling "
    "them from mislabeled ones: chosen by last loss, the contest is biased against last loss."
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


def groups(
    run: RunReader,
    epoch: int | None = None,
    given_label: int | None = None,
    *,
    hard_fraction: float = HARD_FRACTION,
    hard_by: str = HARD_BY,
) -> pd.Series:
    """Return the group of each sample, by `sample_id`: `clean`, `hard` or `mislabeled`.

    `hard` are the clean samples that are hard to learn: the share `hard_fraction` of the clean
    ones that the criterion `hard_by` finds most suspicious; by default those of the largest mean
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
    return split_groups(score, pick_criterion(run, hard_by), is_mislabeled, hard_fraction)


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
    run: RunReader,
    given_label: int | None,
    epoch: int | None = None,
    *,
    hard_by: str = HARD_BY,
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
    hard_by : str
        As `groups`': the hard sample is the one in the middle of its hard ones, the worst tenth.

    Returns
    -------
    DataFrame
        Columns `role`, `sample_id`, `rule`. A role that no sample can fill has no row (no
        mislabeled sample in the class, say), and no sample has two roles.
    """
    if "loss" in run.absent:
        return _chosen_by_aum(run, given_label, epoch)
    names = list(dict.fromkeys(["mean_loss", "last_loss", hard_by]))
    loss = score_table(run, names, epoch, given_label).dropna()
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
        _choose(chosen, "hard", _easiest_first(run, loss.loc[clean.index], hard_by), 0.95)
        _choose(chosen, "mislabeled", mean[wrong], 0.5)
    return _as_table(chosen, hard_by)


def _easiest_first(run: RunReader, scores: pd.DataFrame, hard_by: str) -> pd.Series:
    ascending = pick_criterion(run, hard_by).higher_means == "mislabeled"
    return scores[hard_by].sort_index().sort_values(ascending=ascending, kind="stable")


def _chosen_by_aum(run: RunReader, given_label: int | None, epoch: int | None) -> pd.DataFrame:
    aum = score_table(run, ["aum"], epoch, given_label)["aum"].dropna().sort_index()
    chosen: dict[str, int] = {}
    for role, rank in RANKS.items():
        _choose(chosen, f"{role} margin", aum.sort_values(kind="stable"), rank)
    return _as_table(chosen)


def _as_table(chosen: dict[str, int], hard_by: str = HARD_BY) -> pd.DataFrame:
    rules = RULES
    if hard_by != HARD_BY:
        by = title_of(hard_by)
        rules = rules | {"hard": f"the clean sample at the 95th percentile of suspicion by {by}"}
    return pd.DataFrame(
        {
            "role": pd.Series(list(chosen), dtype="str"),
            "sample_id": pd.Series(list(chosen.values()), dtype=np.int64),
            "rule": pd.Series([rules[role] for role in chosen], dtype="str"),
        }
    )


def _choose(chosen: dict[str, int], role: str, ascending: pd.Series, rank: float) -> None:
    """Give `role` to the sample at the share `rank` of `ascending`, unless it has a role."""
    if len(ascending) == 0:
        return
    sample_id = int(ascending.index[max(math.ceil(rank * len(ascending)) - 1, 0)])
    if sample_id not in chosen.values():
        chosen[role] = sample_id
