"""The stages of a run whose method trains several times: their names and their epochs."""

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from hmw_core.criteria.kept import score_table
from hmw_core.errors import UsageError
from hmw_core.log.reader import RunReader


class StageEpochs(NamedTuple):
    """A stage, and its first and last logged epoch."""

    name: str
    first: int
    last: int


def stages_of(run: RunReader) -> list[StageEpochs]:
    """Return the stages of a run in their order; empty for a method that trains once.

    A name that comes again after another stage is a stage of its own.
    """
    metrics = (run if run.network == 1 else RunReader(run.folder)).metrics()
    if "stage" not in metrics:
        return []
    found: list[StageEpochs] = []
    for epoch, name in zip(metrics["epoch"].tolist(), metrics["stage"], strict=True):
        if pd.isna(name):
            continue
        if found and (found[-1].name, found[-1].last) == (str(name), epoch - 1):
            found[-1] = found[-1]._replace(last=epoch)
        else:
            found.append(StageEpochs(str(name), epoch, epoch))
    return found


def scores_in_stage(
    run: RunReader, stage: str, criteria: Sequence[str] | None = None
) -> pd.DataFrame:
    """Return a column of scores per criterion, by `sample_id`, over the epochs of one stage.

    A name that comes several times means the last stage of that name.

    Raises
    ------
    UsageError
        If the run has no such stage, or a criterion is unknown.
    """
    stages = {found.name: found for found in stages_of(run)}
    if stage not in stages:
        names = ", ".join(stages) or "none"
        raise UsageError(f"run {run.name!r} has no stage {stage!r}; it has {names}")
    of = stages[stage]
    return score_table(run, criteria, of.last, first=of.first)
