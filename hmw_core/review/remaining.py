"""How many label errors are left, from a ranked review and a random audit beside it.

The audit is what makes the estimate: the samples that a ranking brings up are no random ones, so
how many of them were wrong says nothing about the rest.

Let V be the samples of the scope that no ranked review has reached, M their number, n those of
them that the audit judged, and k the wrong ones of these. The audit follows a random order that
knows nothing of the ranking, so the n are drawn from V at random without replacement, and k is
hypergeometric. The point estimate of the errors in V is M k / n. Its interval is the exact one:
every total K for which both P(X >= k | K) and P(X <= k | K) are above 2.5 %. Errors of V that
are already found are then taken off both.

What is reached must not depend on who is in the audit, or the n are no random sample of the rest:
a ranked review passes over what the audit has judged. So reached is the whole front of the queue,
up to the last sample that ranked review judged with none before it left unjudged, and audited
samples inside it are part of it. In the same way the audit is the front of its random order,
whichever stream the verdicts in it came from.

Verdicts are taken as right; `unsure` and `skip` say nothing. The interval is that of one look: who
looks after every verdict and stops at the first that pleases stops too early a little more often.

Source: Buonaccorsi (1987), A note on confidence intervals for proportions in finite populations,
The American Statistician 41(3); for large M it becomes that of Clopper and Pearson (1934).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import pandas as pd
from scipy.special import gammaln

from hmw_core.criteria.of_run import is_criterion
from hmw_core.log import verdicts
from hmw_core.log.reader import RunReader
from hmw_core.log.verdicts import VerdictLog
from hmw_core.review.queue import audit_sample, queue
from hmw_core.statistics.resampling import TAIL

RECENT = 100  # ranked reviews whose yield is told
TOLERANCE = 0.01  # share of the samples that may stay wrong
WORTH = 0.10  # one error in ten pictures is worth going on for

RULE = (
    "Stop when, with 95 % confidence, no more than {tolerance:.1%} of the samples are still wrong; "
    f"go on when more than that surely are, or when the last {RECENT} ranked reviews found an "
    f"error in at least {WORTH:.0%}; otherwise audit more, until one or the other is sure."
)


@dataclass(frozen=True)
class Remaining:
    """What is known of the label errors that are left in the scope.

    `estimate`, `low` and `high` count errors in the samples that have no verdict or one that says
    nothing; they are None where no audit says anything. `low` and `high` are the 95 % interval.
    """

    n_samples: int  # in the scope
    n_judged: int  # with a verdict that stands and says whether the label was wrong
    n_found: int  # errors among them
    n_reached: int  # in the front of the queue that ranked review has reached
    n_unresolved: int  # of those, left unsure or skipped: not in the estimate
    n_audited: int  # of the audit, outside that front, with a verdict that counts: n
    n_audited_wrong: int  # k
    n_audited_unsure: int  # of the audit, outside that front, left unsure or skipped: not counted
    n_audited_behind_gap: int  # of the audit, behind a sample of its order without a verdict
    estimate: float | None
    low: int | None
    high: int | None
    n_recent: int  # ranked reviews that `recent_yield` is of, at most `RECENT`
    recent_yield: float | None  # share of errors among them
    notes: list[str]  # a sentence for each kind of verdict that is not counted
    rule: str
    action: str = ""  # "go on", "stop" or "audit more"
    recommendation: str = ""  # one sentence


def remaining_errors(
    run: RunReader,
    *,
    given_label: int | None = None,
    epoch: int | None = None,
    seed: int = 0,
    tolerance: float = TOLERANCE,
) -> Remaining:
    """Return how many label errors the run, or one class of it, still has, and what to do next.

    The rankings are those of the criteria that the log's ranked verdicts name, over all classes
    and class by class.

    Parameters
    ----------
    run : RunReader
    given_label : int, optional
        Only this class.
    epoch : int, optional
        Last epoch of the rankings. Default: the last one logged.
    seed : int
        Of `review.audit_sample`.
    tolerance : float
        Share of the scope's samples that may stay wrong, in [0, 1].

    Raises
    ------
    UsageError
        If the class is unknown or the seed negative.
    """
    log = verdicts.read(run)
    audit = audit_sample(run, seed, given_label=given_label)["sample_id"].to_numpy()
    ranked = log.table.loc[log.table["stream"].eq("ranked"), "criterion"]
    queues = [
        queue(run, name, given_label=given_label, epoch=epoch)["sample_id"].to_numpy()
        for name in ranked.dropna().unique()
        if is_criterion(run, name)
    ]
    labels = run.samples()["given_label"].to_numpy()
    return estimate(log, audit, queues, labels, tolerance=tolerance)


def estimate(
    log: VerdictLog,
    audit: np.ndarray,
    queues: Sequence[np.ndarray],
    given_label: np.ndarray,
    *,
    tolerance: float = TOLERANCE,
) -> Remaining:
    """Return `remaining_errors`' result from the orders in which samples were shown.

    Parameters
    ----------
    log : VerdictLog
    audit : (N,) int
        Every `sample_id` of the scope in the random order of the audit.
    queues : sequence of (N,) int
        The same ids in the order of each ranking that was reviewed by.
    given_label : int, by `sample_id`
        A queue may have been worked through class by class.
    tolerance : float
    """
    n_ids = len(given_label)
    current = log.current
    is_judged = np.zeros(n_ids, dtype=bool)
    is_judged[current.index] = True
    was_wrong = np.full(n_ids, np.nan)  # NaN: not known
    was_wrong[current.index] = _was_wrong(current["verdict"])
    in_stream = {
        stream: _mask(n_ids, log.table.loc[log.table["stream"].eq(stream), "sample_id"])
        for stream in ("ranked", "audit")
    }
    in_scope = _mask(n_ids, audit)
    is_reached = np.zeros(n_ids, dtype=bool)
    for order in queues:
        for part in (order, *_by_class(order, given_label)):
            is_reached[_front(part, is_judged, in_stream["ranked"])] = True
    front = _front(audit, is_judged, in_stream["audit"])
    outside = was_wrong[front[~is_reached[front]]]
    rest = was_wrong[in_scope & ~is_reached]  # V
    n, k = int(np.sum(~np.isnan(outside))), int(np.nansum(outside))
    found, known = int(np.nansum(rest)), int(np.sum(~np.isnan(rest)))
    estimated, low, high = None, None, None
    if len(rest) == known:  # nothing is left to estimate
        estimated, low, high = 0.0, 0, 0
    elif n:
        bounds = total_interval(k, n, len(rest))
        low, high = (min(max(bound - found, 0), len(rest) - known) for bound in bounds)
        estimated = float(np.clip(len(rest) * k / n - found, low, high))
    recent = _recent(log.table, in_scope)
    unresolved = int(np.isnan(was_wrong[is_reached]).sum())
    behind = int(np.sum(in_stream["audit"][audit]) - np.sum(in_stream["audit"][front]))
    notes = _notes(unresolved, len(outside) - n, behind, audit[~is_judged[audit]][:1])
    found_so_far = Remaining(
        n_samples=len(audit),
        n_judged=int(np.sum(~np.isnan(was_wrong[audit]))),
        n_found=int(np.nansum(was_wrong[audit])),
        n_reached=int(is_reached.sum()),
        n_unresolved=unresolved,
        n_audited=n,
        n_audited_wrong=k,
        n_audited_unsure=len(outside) - n,
        n_audited_behind_gap=behind,
        estimate=estimated,
        low=low,
        high=high,
        n_recent=len(recent),
        recent_yield=float(recent.mean()) if len(recent) else None,
        notes=notes,
        rule=RULE.format(tolerance=tolerance),
    )
    action, sentence = _advice(found_so_far, tolerance)
    return replace(found_so_far, action=action, recommendation=sentence)


@lru_cache(maxsize=10_000)
def total_interval(k: int, n: int, n_population: int) -> tuple[int, int]:
    """Return the exact 95 % interval of the errors in a population, of which n drawn had k.

    Examples
    --------
    >>> total_interval(0, 100, 10_000)
    (0, 360)
    >>> total_interval(3, 3, 3)
    (3, 3)
    """
    possible = range(k, n_population - (n - k) + 1)
    low = bisect_right(possible, TAIL, key=lambda total: _tails(k, n, n_population, total)[1])
    past = bisect_left(possible, -TAIL, key=lambda total: -_tails(k, n, n_population, total)[0])
    return possible[low], possible[past - 1]


def _tails(k: int, n: int, n_population: int, total: int) -> tuple[float, float]:
    """Return P(X <= k) and P(X >= k) of the errors X among n drawn, if `total` are there."""
    # Not scipy.stats.hypergeom: that takes a second to import, and trips over an absent torch.
    x = np.arange(max(0, n - (n_population - total)), min(n, total) + 1)
    ways = _log_comb(total, x) + _log_comb(n_population - total, n - x)
    probability = np.exp(ways - _log_comb(n_population, n))
    return float(probability[x <= k].sum()), float(probability[x >= k].sum())


def _log_comb(n: int, k: int | np.ndarray) -> np.ndarray:
    return gammaln(n + 1) - gammaln(np.add(k, 1)) - gammaln(np.subtract(n + 1, k))


def _mask(n: int, ids: np.ndarray | pd.Series) -> np.ndarray:
    mask = np.zeros(n, dtype=bool)
    mask[np.asarray(ids, dtype=np.int64)] = True
    return mask


def _was_wrong(verdict: pd.Series) -> np.ndarray:
    """Return 1 for a label that was wrong, 0 for a right one, NaN where nobody could say."""
    words = verdict.to_numpy(dtype=object)
    return np.where(words == "relabel", 1.0, np.where(words == "keep", 0.0, np.nan))


def _by_class(order: np.ndarray, given_label: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the part of the order that each class has, in that order."""
    labels = given_label[order]
    by_class = np.argsort(labels, kind="stable")
    yield from np.split(order[by_class], np.flatnonzero(np.diff(labels[by_class])) + 1)


def _front(order: np.ndarray, is_judged: np.ndarray, in_stream: np.ndarray) -> np.ndarray:
    """Return the first samples of the order, all judged, up to the last one of this stream.

    Not up to the last one judged: the streams would then feed each other's front, and being in
    the audit would decide who is reached.
    """
    unjudged = np.flatnonzero(~is_judged[order])
    whole = order[: unjudged[0]] if len(unjudged) else order
    own = np.flatnonzero(in_stream[whole])
    return whole[: own[-1] + 1] if len(own) else whole[:0]


def _recent(table: pd.DataFrame, in_scope: np.ndarray) -> np.ndarray:
    """Return 1 for an error, 0 for none, of the last ranked reviews that say which."""
    ranked = table[table["stream"].eq("ranked") & in_scope[table["sample_id"].to_numpy()]]
    last = ranked.drop_duplicates("sample_id", keep="last")
    wrong = _was_wrong(last["verdict"])
    return wrong[~np.isnan(wrong)][-RECENT:]


def _notes(unresolved: int, unsure: int, behind: int, gap: np.ndarray) -> list[str]:
    notes = []
    if unresolved:
        notes.append(
            f"{unresolved:,} of the samples that ranked review has reached were left unsure or "
            "skipped; errors among them are not in the estimate."
        )
    if unsure:
        notes.append(f"{unsure:,} audited samples were left unsure or skipped and do not count.")
    if behind:
        notes.append(
            f"{behind:,} audit verdicts do not count yet: sample {gap[0]}, which comes before "
            "them in the random order, has none."
        )
    return notes


def _advice(known: Remaining, tolerance: float) -> tuple[str, str]:
    """Return what to do and one sentence that says why, by `RULE`."""
    left = known.n_samples - known.n_judged - known.n_unresolved
    recent = known.recent_yield
    pays = recent is not None and recent >= WORTH
    of_recent = (
        f"the last {known.n_recent} ranked reviews found errors in {recent or 0:.0%} of them"
    )
    if known.estimate is None or known.low is None or known.high is None:
        if pays:
            return "go on", f"Go on: {of_recent}; how many are left only an audit can tell."
        return "audit more", (
            "Audit first: until random samples are judged, nothing tells how many errors are left."
        )
    if left == 0:
        return "stop", "Stop: every sample has been looked at."
    interval = f"{known.low:,} to {known.high:,} errors are left in {left:,} samples"
    bound = tolerance * known.n_samples
    if known.high <= bound:
        return "stop", f"Stop: with 95 % confidence {interval}, no more than may stay."
    if known.low > bound and recent is not None and recent <= known.estimate / left:
        return "go on", (
            f"Go on, but by another criterion: {interval}, and {of_recent}, no more than random "
            "samples would have."
        )
    if known.low > bound:
        return "go on", f"Go on: with 95 % confidence {interval}, more than may stay."
    if pays:
        return "go on", f"Go on: {of_recent}, and {interval}."
    return "audit more", (
        f"Audit more first: with 95 % confidence {interval}, and the {bound:,.0f} that may stay "
        "lie in between."
    )
