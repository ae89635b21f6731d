"""How good a criterion is by the samples that a person judged, where no true label is known.

Only the audit tells: its samples were drawn at random from all. The samples that a ranking brought
up, and those of a selection, were shown because some criterion suspected them; among them that
criterion looks good, and every other is judged by samples that it did not choose. What they said
still counts where it is a full count: in the front of a queue that ranked review has passed
through, every sample is known, and only the rest has to be estimated. See `remaining` for that
split, for its exact interval, and for why the front does not depend on the audit.

A verdict is taken as the truth: keep means clean, relabel means mislabeled. `unsure` and `skip` say
nothing and are left out, as if they were unsure by chance; if they hide more errors than the rest,
all numbers here are too kind.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from hmw_core.criteria import NAMED
from hmw_core.criteria.criterion import Criterion
from hmw_core.criteria.kept import score_table
from hmw_core.criteria.of_run import criteria_of
from hmw_core.log import verdicts
from hmw_core.log.reader import RunReader
from hmw_core.log.verdicts import VerdictLog
from hmw_core.review.queue import audit_sample
from hmw_core.review.remaining import estimate
from hmw_core.samples.compare import wilson
from hmw_core.samples.sample_table import suspicion_rank
from hmw_core.statistics.intervals import auroc_intervals
from hmw_core.statistics.ranking import auroc, suspicion

MEANS_WRONG = {"keep": False, "relabel": True}


def judged_streams(log: VerdictLog) -> pd.DataFrame:
    """Return how many verdicts of each stream stand and what they say, by `stream`.

    A sample counts in the stream of its last verdict: `n_keep`, `n_relabel`, `n_unsure` (unsure
    or skipped), and `share_wrong`, relabel over keep and relabel, NaN where there is neither.
    """
    rows = []
    for stream in verdicts.STREAMS:
        said = log.current.loc[log.current["stream"].eq(stream), "verdict"]
        keep, relabel = int(said.eq("keep").sum()), int(said.eq("relabel").sum())
        share = relabel / (keep + relabel) if keep + relabel else float("nan")
        rows.append((stream, keep, relabel, len(said) - keep - relabel, share))
    columns = ["stream", "n_keep", "n_relabel", "n_unsure", "share_wrong"]
    return pd.DataFrame(rows, columns=columns).set_index("stream")


def audited(log: VerdictLog, audit: np.ndarray) -> pd.Series:
    """Return what the audit says of each sample it judged, by `sample_id`, in the order drawn.

    Parameters
    ----------
    log : VerdictLog
    audit : (N,) int
        Every sample in the random order of `review.audit_sample`.

    Returns
    -------
    Series of nullable bool
        Whether the label was wrong; null for unsure and skip. The samples are the first of the
        random order, all judged in whichever stream, up to the last one that the audit judged:
        those are a random sample of all, and no verdict behind a gap is.
    """
    of_audit = set(log.table.loc[log.table["stream"].eq("audit"), "sample_id"])
    judged = set(log.current.index)
    whole = next((k for k, i in enumerate(audit) if i not in judged), len(audit))
    own = [k for k in range(whole) if audit[k] in of_audit]
    front = audit[: own[-1] + 1] if own else audit[:0]
    said = log.current["verdict"].reindex(front).map(MEANS_WRONG).astype("boolean")
    return said.rename_axis("sample_id").rename("is_mislabeled")


def audit_estimates(
    run: RunReader,
    scores: pd.DataFrame,
    budget: int,
    *,
    log: VerdictLog | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Return what the audit says of each criterion.

    Parameters
    ----------
    run : RunReader
    scores : DataFrame
        A column a criterion of the run, by `sample_id`.
    budget : int
        How many samples a criterion flags; of equal scores the smaller id.
    log : VerdictLog, optional
        Default: the run's review log as it stands.
    seed : int
        Of `review.audit_sample`.

    Returns
    -------
    DataFrame
        By `criterion`. Of the flagged samples: `n_flagged`; `n_known`, those with a verdict that
        says something; `n_random`, those of them that the audit drew; `n_unresolved`, reached by
        ranked review but unsure or skipped, and left out; `precision`, their mislabeled share,
        with the exact 95 % interval `precision_low`, `precision_high`. Of the wrong samples that
        the audit found, `n_wrong`: `recall`, the share that is flagged, with Wilson's interval
        `recall_low`, `recall_high`.
        Of the judged samples of the audit, `n_judged`: `auroc` with its 95 % interval
        `auroc_low`, `auroc_high`. NaN where the verdicts do not tell it.

    Raises
    ------
    UsageError
        If the budget or seed is out of range.
    """
    log = verdicts.read(run) if log is None else log
    order = audit_sample(run, seed)["sample_id"].to_numpy()
    said = audited(log, order).dropna().astype(bool)
    labels = run.samples()["given_label"].to_numpy()
    by = log.table.loc[log.table["stream"].eq("ranked"), "criterion"].dropna().unique()
    known = NAMED | criteria_of(run)
    names = [name for name in by if name in known]
    missing = [name for name in names if name not in scores]
    reviewed = pd.concat([scores, score_table(run, missing)], axis=1) if missing else scores
    queues = [_queue(reviewed[name], known[name]) for name in names]
    rows = []
    for name in scores:
        flagged = np.sort(_queue(scores[name], known[name])[: _n_flagged(scores[name], budget)])
        rows.append({
            "criterion": name,
            **_precision(log, order, queues, flagged, labels),
            **_recall(said, flagged),
            **_auroc(scores[name], known[name], said),
        })  # fmt: skip
    return pd.DataFrame(rows).set_index("criterion") if rows else pd.DataFrame()


def _queue(score: pd.Series, criterion: Criterion) -> np.ndarray:
    """Return all ids, most suspicious first, those without a score last, as `review.queue`."""
    rank = suspicion_rank(score, criterion)
    return rank.sort_values(kind="stable").index.to_numpy()


def _n_flagged(score: pd.Series, budget: int) -> int:
    return min(budget, int(score.notna().sum()))


def _precision(
    log: VerdictLog,
    order: np.ndarray,
    queues: Sequence[np.ndarray],
    flagged: np.ndarray,
    labels: np.ndarray,
) -> dict[str, float]:
    """Return the errors among the flagged samples as `remaining` counts them in any other scope."""
    scope = [part[np.isin(part, flagged)] for part in (order, *queues)]
    found = estimate(log, scope[0], scope[1:], labels)
    told = found.n_samples - found.n_unresolved
    row: dict[str, float] = {
        "n_flagged": found.n_samples,
        "n_known": found.n_judged,
        "n_random": found.n_audited,
        "n_unresolved": found.n_unresolved,
    }
    for name, left in (("", found.estimate), ("_low", found.low), ("_high", found.high)):
        known = told > 0 and left is not None
        row[f"precision{name}"] = (found.n_found + (left or 0)) / told if known else float("nan")
    return row


def _recall(said: pd.Series, flagged: np.ndarray) -> dict[str, float]:
    wrong = said.index[said.to_numpy(dtype=bool)]
    hits = int(np.isin(wrong, flagged).sum())
    low, high = wilson(hits, len(wrong))
    recall = hits / len(wrong) if len(wrong) else float("nan")
    return {"n_wrong": len(wrong), "recall": recall, "recall_low": low, "recall_high": high}


def _auroc(score: pd.Series, criterion: Criterion, said: pd.Series) -> dict[str, float]:
    turned = suspicion(score.reindex(said.index), criterion.higher_means)[:, None]
    wrong = said.to_numpy(dtype=bool)
    found = auroc_intervals(turned[~wrong], turned[wrong], rng=np.random.default_rng(0))
    return {
        "n_judged": len(said),
        "auroc": auroc(turned[:, 0], wrong, "mislabeled"),
        "auroc_low": float(found.low[0]),
        "auroc_high": float(found.high[0]),
    }
