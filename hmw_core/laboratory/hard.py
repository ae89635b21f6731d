"""Which clean samples are hard to learn, by a criterion of this run or of a run beside it."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from hmw_core.criteria import CRITERIA
from hmw_core.criteria.kept import score_table
from hmw_core.criteria.of_run import check_given, pick_criterion, title_of
from hmw_core.errors import UsageError
from hmw_core.experiments.seeds import same_labels
from hmw_core.file_names import is_folder_name
from hmw_core.log.reader import RunReader
from hmw_core.samples.groups import HARD_FRACTION, split_groups
from hmw_core.statistics.ranking import suspicion

MEAN_RANK = "mean_rank"


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
    criterion = check_given(source, hard.by)
    score = score_table(source, [hard.by], epoch)[hard.by].loc[scores.index]
    return split_groups(score, criterion, wrong, hard.fraction)


def hard_text(hard: Hard | None) -> str:
    """Return which clean samples are in a contest, as titles and captions say it."""
    if hard is None:
        return "all clean"
    by = "the criteria's mean rank" if hard.by == MEAN_RANK else title_of(hard.by)
    source = f" in run {hard.from_run}" if hard.from_run else ""
    return f"the {100 * hard.fraction:g} % of the clean that {by}{source} finds most suspicious"


def _beside(run: RunReader, name: str) -> RunReader:
    """Return the run of this name in the same folder, if it can stand in for `run`.

    Raises
    ------
    UsageError
        If there is none, or its samples or given labels are others.
    """
    folder = run.folder.parent / name
    if not is_folder_name(name) or not folder.is_dir():
        raise UsageError(f"there is no run {name!r} beside {run.name!r}")
    other = RunReader(folder)
    if not same_labels(run, other):
        raise UsageError(
            f"runs {run.name!r} and {name!r} were not trained on the same samples and given "
            "labels, so that what is hard in one says nothing of the other"
        )
    return other


def decides_hard(run: RunReader, hard: Hard) -> Any:
    """Return what decides the scores of another run, for the key of what is kept."""
    if not hard.from_run or hard.from_run == run.name:
        return None
    other = _beside(run, hard.from_run)
    return other.info.get("created"), other.last_epoch
