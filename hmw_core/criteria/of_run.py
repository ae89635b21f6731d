"""The criteria of one run: those of every log, and what its training method keeps of a sample."""

from typing import Literal, cast

import pandas as pd

from hmw_core.criteria import CRITERIA, MAIN_CRITERIA, NAMED, VARIANTS
from hmw_core.criteria.compute import why_absent, without_absent
from hmw_core.criteria.criterion import Criterion
from hmw_core.errors import UsageError, pick
from hmw_core.log.reader import RunReader
from hmw_core.log.schema import MethodColumn

ACRONYMS = ("gmm", "jsd", "elr", "lid", "aum", "hm", "plc", "gce", "incv", "selfie")


def criteria_of(run: RunReader) -> dict[str, Criterion]:
    """Return the criteria that a menu of this run lists, by name.

    They are `CRITERIA`, and a criterion for each column of the run's method that says which end of
    it means mislabeled, such as Co-teaching's `kept` or DivideMix's `gmm_posterior`.
    """
    return CRITERIA | _own(run)


def main_criteria_of(run: RunReader) -> dict[str, Criterion]:
    """Return the criteria that stand in a contest where none is chosen: the main ones, its own."""
    return MAIN_CRITERIA | _own(run)


def _own(run: RunReader) -> dict[str, Criterion]:
    return {
        name: _of_column(column)
        for name, column in run.method_columns.items()
        if column.higher_means is not None and name not in NAMED
    }


def pick_criterion(run: RunReader, name: str) -> Criterion:
    """Return the criterion of this name, also one with another k that no menu lists.

    Raises
    ------
    UsageError
        If the run has no such criterion, a column of another run's method for example; the
        message lists the names that it has.
    """
    return VARIANTS[name] if name in VARIANTS else pick(criteria_of(run), name, "criterion")


def given_criteria(run: RunReader) -> list[str]:
    """Return the names of the menu's criteria that this run can give, IAM first where it can."""
    names = list(without_absent(criteria_of(run), run))
    return sorted(names, key=lambda name: name != "iam")


def check_given(run: RunReader, name: str, score: pd.Series | None = None) -> Criterion:
    """Return `pick_criterion`'s; refuse one that the run cannot give, or gives no sample.

    Parameters
    ----------
    run : RunReader
    name : str
    score : Series, optional
        The criterion's scores of all samples, where they are computed already.

    Raises
    ------
    UsageError
        With the reason, and the names of the criteria that the run can give.
    """
    criterion = pick_criterion(run, name)
    reason = why_absent(run, criterion)
    if reason is None and score is not None and score.isna().all():
        reason = "no sample has a score in the epochs used"
    if reason is None:
        return criterion
    others = ", ".join(other for other in given_criteria(run) if other != name) or "none"
    raise UsageError(f"run {run.name!r} has no {criterion.title}: {reason}; it can give: {others}")


def is_criterion(run: RunReader, name: object) -> bool:
    """Tell whether `pick_criterion` knows this name."""
    return name in NAMED or name in criteria_of(run)


def title_of(name: str) -> str:
    """Return the title of a criterion where no run is at hand; of a method's, its name in words."""
    if name in NAMED:
        return NAMED[name].title
    first, *rest = (w.upper() if w in ACRONYMS else w for w in name.split("_"))
    return " ".join((first[0].upper() + first[1:], *rest))


def with_k(name: str, k: int) -> str:
    """Return the name of a criterion's form with this k of Eq. 6, or the name without one."""
    return f"{name}_k{k}" if f"{name}_k{k}" in VARIANTS else name


def _of_column(column: MethodColumn) -> Criterion:
    """Return a method's column as a criterion."""
    return Criterion(
        title=title_of(column.name),
        reads=(column.name,),
        slice=lambda signals: signals[column.name],
        over=column.over,
        unit=column.unit,
        family="method",
        higher_means=cast(Literal["clean", "mislabeled"], column.higher_means),
        source=f"the run's training method: {column.meaning}, {column.range}",
    )
