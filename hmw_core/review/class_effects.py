"""What a merge or a renaming of a class would do, counted before anyone confirms it."""

from typing import NamedTuple

import pandas as pd

from hmw_core.log.class_changes import ClassChange, clash
from hmw_core.log.reader import RunReader
from hmw_core.log.verdicts import VerdictLog


class ClassEffect(NamedTuple):
    """What a change of a class does to a run's labels."""

    n_samples: int  # whose label is the class now, given or by a verdict, and so changes
    n_given: int  # of these, were given it and nobody judged them
    by_verdict: dict[str, int]  # of these, by the verdict that stands
    n_taken_out: int  # were given the class, but a person gave them another: they do not change
    why_not: str | None  # why the change cannot be made


def class_effect(run: RunReader, log: VerdictLog, change: ClassChange) -> ClassEffect:
    """Return what a change would do.

    Parameters
    ----------
    run : RunReader
    log : VerdictLog
        Of `verdicts.read`.
    change : ClassChange

    Returns
    -------
    ClassEffect
        Its counts sum up: `n_samples` is `n_given` and all of `by_verdict`.
    """
    given = run.samples().set_index("sample_id")["given_label"]
    affected = log.new_label(given, run.n_classes) == change.label
    verdict = log.current["verdict"].reindex(given.index)[affected]
    counts = {str(k): int(n) for k, n in verdict.value_counts().items()}
    taken = (given == change.label) & ~affected
    return ClassEffect(
        int(affected.sum()),
        int(verdict.isna().sum()),
        counts,
        int(taken.sum()),
        clash(change, log.class_changes, run.class_names),
    )


def sizes(run: RunReader, log: VerdictLog) -> pd.Series:
    """Return how many samples have each class as their label now, by class, int64."""
    given = run.samples().set_index("sample_id")["given_label"]
    counts = log.new_label(given, run.n_classes).value_counts()
    return counts.reindex(range(run.n_classes), fill_value=0)
