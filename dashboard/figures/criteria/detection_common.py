"""What the figures of a contest share: its options and its captions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dashboard.drawing.text import shorten
from dashboard.figures.base import CannotShow
from dashboard.figures.selection import absent_criteria, check_epoch, class_title, in_sentence
from hmw_core.criteria.compute import without_absent
from hmw_core.criteria.of_run import main_criteria_of, pick_criterion, title_of
from hmw_core.errors import pick
from hmw_core.laboratory.contest import MEASURES, Contest, budget_text
from hmw_core.laboratory.hard import Hard, hard_text
from hmw_core.log.reader import RunReader
from hmw_core.samples.groups import HARD_FRACTION


@dataclass(frozen=True)
class Asked:
    """What a contest's figure is about, once its options are checked."""

    names: list[str]
    epoch: int
    hard: Hard | None
    class_name: str
    absent: str


def check_contest(
    run: RunReader,
    criteria: Sequence[str] | None,
    epoch: int | None,
    given_label: int | None,
    hard_by: str | None,
    hard_fraction: float = HARD_FRACTION,
    hard_from: str | None = None,
) -> Asked:
    """Return what is asked for, without the criteria that the log has nothing for.

    Raises
    ------
    CannotShow
        If the run has no such epoch or class, none of the criteria, or does not know both clean
        and mislabeled samples among these.
    """
    last = check_epoch(run, epoch)
    title = class_title(run, given_label)
    names = list(main_criteria_of(run)) if criteria is None else list(dict.fromkeys(criteria))
    picked = {name: pick_criterion(run, name) for name in names}
    lacks = absent_criteria(run, names)
    there = list(without_absent(picked, run))
    if not there:
        raise CannotShow(f"run {run.name!r} has {lacks or 'been asked for no criterion'}")
    samples = run.samples()
    wrong = samples["is_mislabeled"]
    if given_label is not None:
        wrong = wrong[samples["given_label"] == given_label]
    n_clean, n_mislabeled = int(wrong.eq(False).sum()), int(wrong.sum())
    if not n_clean or not n_mislabeled:
        raise CannotShow(
            f"run {run.name!r}, {title}, knows {n_clean} clean and {n_mislabeled} mislabeled "
            "samples; a contest needs true labels with some of both"
        )
    hard = None if hard_by is None else Hard(hard_by, hard_fraction, hard_from)
    return Asked(there, last, hard, title, lacks)


def with_contest(
    table: pd.DataFrame, asked: Asked, contest: Contest, budget: float | int | None
) -> pd.DataFrame:
    """Return a figure's table with what its contest was."""
    table = table.assign(
        n_clean=contest.n_clean,
        n_mislabeled=contest.n_mislabeled,
        n_flagged=contest.n_flagged,
        left_out=contest.left_out,
        unknown=contest.unknown,
        class_name=asked.class_name,
        epoch=asked.epoch,
        contest=hard_text(asked.hard),
        budget=budget_text(budget),
        n_resamples=contest.n_resamples,
    )
    lacks = in_sentence(asked.absent, _without_scores(contest))
    return table.assign(absent=lacks) if lacks else table


def ranked_names(run: RunReader, contest: Contest, measure: str) -> list[str]:
    """Return the criteria that have scores, by a measure, best first.

    Raises
    ------
    CannotShow
        If there is none.
    """
    known = contest.values[measure].dropna().sort_values(ascending=False, kind="stable")
    if known.empty:
        lacks = _without_scores(contest) or "no clean beside mislabeled samples to rank"
        raise CannotShow(f"run {run.name!r} has {lacks}")
    return known.index.to_list()


def _without_scores(contest: Contest) -> str:
    if not contest.without_scores:
        return ""
    titles = ", ".join(f"“{title_of(name)}”" for name in contest.without_scores)
    return f"no {titles} of any sample in the contest"


def contest_title(table: pd.DataFrame) -> list[str]:
    """Return the lines that say which contest a table is of."""
    first = table.iloc[0]
    return [
        f"{first['contest'][0].upper()}{first['contest'][1:]} against mislabeled",
        f"{first['n_clean']:,} against {first['n_mislabeled']:,} · "
        f"{shorten(first['class_name'], 22)} · epoch {first['epoch']}",
    ]


def measure_title(measure: str) -> str:
    """Return a measure's title."""
    return pick(MEASURES, measure, "measure")


def limits_of(values: np.ndarray) -> tuple[float, float]:
    """Return where the colours of a grid end: at its lowest and highest number."""
    known = values[~np.isnan(values)]
    if not len(known):
        return 0.0, 1.0
    low, high = float(known.min()), float(known.max())
    return (low, high) if high - low > 0.01 else (low - 0.01, high)
