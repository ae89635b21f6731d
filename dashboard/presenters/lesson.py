"""The first sentence of a page: what this run shows, from its data, with 95 % intervals."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dashboard.drawing.text import mid_sentence, shorten
from dashboard.figures.selection import class_title
from hmw_core.criteria import MAIN_CRITERIA
from hmw_core.criteria.compute import without_absent
from hmw_core.criteria.kept import score_table
from hmw_core.criteria.of_run import pick_criterion, title_of
from hmw_core.laboratory.duel import paired_difference, suggested_budget
from hmw_core.log.reader import RunReader
from hmw_core.samples.compare import wilson
from hmw_core.samples.groups import HARD_FRACTION, split_groups
from hmw_core.statistics.intervals import auroc_intervals
from hmw_core.statistics.ranking import auroc, flags, suspicion

# Named in every sentence whoever wins, since the paper's claim is about these two.
CLAIM = {"iam": "IAM", "last_loss": "the last loss"}
FEW = 5  # fewer wrong labels, or fewer right ones, say nothing of a criterion
LONGEST = 40  # letters of a class's name
NOTE = (
    "In brackets are 95 % intervals: Wilson's of a count, DeLong's of pairs. They are about "
    "samples like these under this one training, and say nothing of other seeds. Two criteria are "
    "told apart where the paired interval of their difference leaves out 0. Each criterion flags "
    "as many samples as are mislabeled, a number that only true labels tell."
)
NO_EPOCH = "No epoch is finished yet, so nothing is known of any label."
UNKNOWN = "Nobody knows which labels are wrong here"


def lesson(run: RunReader, given_label: int | None = None) -> str:
    """Return how many wrong labels IAM and the last loss find, in a sentence or two.

    Each criterion flags as many samples as are mislabeled. Where another main criterion finds more
    than both, the text names it. Without true labels it says how far IAM and the last loss agree,
    and where nothing can be said, why. `NOTE` explains the intervals.

    Parameters
    ----------
    run : RunReader
    given_label : int, optional
        Only the samples of this class.

    Returns
    -------
    str
        Plain text; the class's name in it is the user's.

    Raises
    ------
    CannotShow
        If the run has no such class.
    """
    where = _where(run, given_label)
    if not run.last_epoch:
        return NO_EPOCH
    scores = _scores(run, list(MAIN_CRITERIA), given_label)
    where = _scored(where, len(scores), len(run.sample_ids(given_label)))
    marks = run.samples()["is_mislabeled"].loc[scores.index]
    if scores.empty:
        return f"{where}, no sample has a score yet."
    if marks.isna().all():
        return _agreement(scores, marks, where)
    known = marks.notna().to_numpy()
    wrong = marks[known].to_numpy(dtype=bool)
    m = int(wrong.sum())
    among = "" if known.all() else f" of the {known.sum():,} samples of known true label"
    if reason := _too_few(m, len(wrong), where, among):
        return reason
    # How much of each mislabeled sample is flagged: 1, 0, or a share where ties are cut.
    flagged = {name: flags(scores[name].to_numpy()[known], m)[wrong] for name in scores}
    found = {name: float(share.sum()) for name, share in flagged.items()}
    best = max(found, key=lambda name: found[name])
    first, *others = [name for name in CLAIM if name in found] or [best]
    said = (
        f"{where}, {_title(first)} finds {round(found[first]):,} of the {m:,} wrong labels{among} "
        f"among its {m:,} most suspicious {_interval(*wilson(round(found[first]), m), m)}"
    )
    for name in others:
        said += f"; {_title(name)} finds {_count(found[name], m)}"
        said += _if_open(flagged[first], flagged[name], ", a difference that may be chance")
    lacks = [title_of(name) for name in CLAIM if name not in found]
    if lacks:
        said += f"; this log has no {' and no '.join(lacks)}"
    rival = max((first, *others), key=lambda name: found[name])
    if found[best] <= found[rival]:
        return f"{said}."
    open_ = _if_open(flagged[best], flagged[rival], f", not told apart from {_title(rival)}")
    return (
        f"{said}. Of all {len(found)} main criteria, {_title(best)} finds the most: "
        f"{_count(found[best], m)}{open_}."
    )


def paper_lesson(
    run: RunReader, given_label: int | None = None, *, hard_by: str = "mean_loss"
) -> str:
    """Return whether the last loss still tells wrong labels from hard clean samples, as IAM does.

    That is the message of Fig. 1. Hard are the `HARD_FRACTION` of the clean samples that the
    criterion `hard_by` finds most suspicious: by default neither of the two compared, since a
    contest is biased against the criterion that chose. Arguments and result are as `lesson`'s.

    Raises
    ------
    CannotShow
        If the run has no such class.
    UsageError
        If `hard_by` is no criterion.
    """
    where = _where(run, given_label)
    if not run.last_epoch:
        return NO_EPOCH
    needed = list(dict.fromkeys([*CLAIM, hard_by]))
    scores = _scores(run, needed, given_label)
    lacks = [title_of(name) for name in needed if name not in scores]
    if lacks:
        return (
            f"This log has no {' and no '.join(lacks)}, so it cannot show whether hard and "
            "mislabeled samples stay apart."
        )
    where = _scored(where, len(scores), len(run.sample_ids(given_label)))
    marks = run.samples()["is_mislabeled"].loc[scores.index]
    if marks.isna().all():
        return (
            f"{UNKNOWN}, so the figures show how samples were learned, and not whether wrong "
            "labels stand out."
        )
    # As a score, `suspicion` is one whose high end is suspicious, whichever end the criterion's is.
    group = split_groups(scores[hard_by], MAIN_CRITERIA["mean_loss"], marks, HARD_FRACTION)
    hard, wrong = (scores[group == name] for name in ("hard", "mislabeled"))
    if reason := _too_few(len(wrong), int(marks.notna().sum()), where, ""):
        return reason
    of = f"the {100 * HARD_FRACTION:g} % of the clean samples that {_title(hard_by)} finds worst"
    if len(hard) < FEW:
        return f"{where}, only {len(hard)} clean samples are hard ({of}), too few to compare with."
    order = ["last_loss", "iam"]  # the difference is taken from the first
    bounds = auroc_intervals(
        hard[order].to_numpy(),
        wrong[order].to_numpy(),
        rng=np.random.default_rng(0),
        method="DeLong",  # at once, also where a bootstrap would take half a second
    )
    is_wrong = np.repeat([False, True], [len(hard), len(wrong)])
    loss, iam = (
        auroc(np.concatenate([hard[name], wrong[name]]), is_wrong, "mislabeled") for name in order
    )
    loss_said, iam_said = (
        f"{_per_cent(value)} % of pairs {_interval(low, high, 100)}"
        for value, low, high in zip((loss, iam), bounds.low, bounds.high, strict=True)
    )
    if bounds.difference_low[1] > 0:
        still = bounds.low[0] > 0.5
        verdict = "IAM separates them better" if still else "the last loss does not separate them"
    elif bounds.difference_high[1] < 0:
        verdict = "the last loss separates them better, unlike in the paper"
    else:
        verdict = "the two are not told apart"
    return (
        f"{where}, IAM ranks a wrong label above a hard clean one in {iam_said}, the last loss in "
        f"{loss_said}; 50 % is chance, and {verdict}. Hard: {of}"
        f"{', a choice biased against it' if hard_by in CLAIM else ''}."
    )


def _where(run: RunReader, given_label: int | None) -> str:
    if given_label is None:
        return "Over all classes"
    return f"In {shorten(class_title(run, given_label), LONGEST)}"


def _scored(where: str, n_scored: int, n: int) -> str:
    """Add how many samples the sentence is about, where an epoch left some of them out."""
    if n_scored in (0, n):
        return where
    return f"{where}, of the {n_scored:,} of {n:,} samples that all compared criteria score"


def _scores(run: RunReader, names: Sequence[str], given_label: int | None) -> pd.DataFrame:
    """Return suspicion (higher: more suspicious) by criterion, of the samples all have one of."""
    there = list(without_absent({name: pick_criterion(run, name) for name in names}, run))
    scores = score_table(run, there, None, given_label).dropna(axis="columns", how="all").dropna()
    turned = {c: suspicion(scores[c], pick_criterion(run, c).higher_means) for c in scores}
    return pd.DataFrame(turned, index=scores.index)


def _too_few(n_wrong: int, n: int, where: str, among: str) -> str:
    """Return why n samples, n_wrong of them mislabeled, compare no criteria; empty if they do."""
    if n_wrong == 0:
        return f"{where}, all {n:,} given labels{among} are right, so there is nothing to find."
    for count, what in ((n_wrong, "wrong"), (n - n_wrong, "right")):
        if count < FEW:
            are = "is" if count == 1 else "are"
            return (
                f"{where}, {count} of {n:,} given labels{among} {are} {what}, too few to compare "
                "criteria."
            )
    return ""


def _agreement(scores: pd.DataFrame, marks: pd.Series, where: str) -> str:
    """Return how many of their most suspicious samples IAM and the last loss share."""
    lacks = [title_of(name) for name in CLAIM if name not in scores]
    if lacks:
        return f"{UNKNOWN}, and this log has no {' and no '.join(lacks)} to compare."
    n_flagged, why = suggested_budget(marks)
    if n_flagged < FEW:
        return f"{UNKNOWN}, and {len(scores):,} samples are too few to compare criteria on."
    one, two = (flags(scores[name].to_numpy(), n_flagged) for name in CLAIM)
    return (
        f"{UNKNOWN}. {where}, IAM and the last loss agree on {round(float(one @ two)):,} of their "
        f"{n_flagged:,} most suspicious samples; unrelated rankings would agree on "
        f"{round(n_flagged**2 / len(scores)):,}."
    )


def _title(name: str) -> str:
    """Return what a criterion is called in the middle of a sentence."""
    return CLAIM.get(name) or mid_sentence(title_of(name))


def _count(found: float, n: int) -> str:
    return f"{round(found):,} {_interval(*wilson(round(found), n), n)}"


def _interval(low: float, high: float, n: int) -> str:
    return f"[{round(n * low):,}, {round(n * high):,}]"


def _per_cent(share: float) -> str:
    return "over 99" if 0.995 <= share < 1 else f"{100 * share:.0f}"


def _if_open(one: np.ndarray, two: np.ndarray, said: str) -> str:
    """Return `said` where two criteria's finds are not told apart: the interval contains 0."""
    only_one, only_two = (round(float((a * (1 - b)).sum())) for a, b in ((one, two), (two, one)))
    low, high = paired_difference(only_one, only_two, len(one))
    return said if low <= 0 <= high else ""
