"""Two criteria on the same samples at one budget: what both flag, what only one does, who is right.

`A` and `B` are the two criteria. Each flags the `budget` samples it finds most suspicious, so that
both make as many flags, and what one finds beyond the other is a matter of the samples that only
one of them flags.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from hmw_core.criteria.kept import score_table
from hmw_core.criteria.of_run import check_given
from hmw_core.errors import UsageError
from hmw_core.log import verdicts
from hmw_core.log.reader import RunReader
from hmw_core.samples.compare import PARTS, Z, flagged_parts, part_counts, wilson
from hmw_core.samples.sample_table import suspicion_rank

QUADRANTS = (*PARTS, "neither")
SHARE = 0.05  # of the samples are flagged where nobody knows how many are mislabeled
N_BUDGETS = 40  # of a curve
CURVES = ("A", "B", "only A", "only B")

RULE = (
    "Both criteria flag the same number of samples. Of the mislabeled samples that exactly one of "
    "them flags, each should find one half if the two were equally good: an exact two-sided test "
    "(McNemar's), and Tango's interval of the difference. The intervals are about samples under "
    "this one training, not about other seeds."
)


class Contest(NamedTuple):
    """Which of two criteria flags more mislabeled samples at one budget, among known labels.

    `difference` is A's precision minus B's over the same budget, with its 95 % interval; `p` is
    McNemar's exact one. NaN where no true label is known.
    """

    n_flagged: int  # by each
    found_by_a_only: int  # mislabeled samples that only A flags
    found_by_b_only: int
    precision_a: float = math.nan
    precision_b: float = math.nan
    difference: float = math.nan
    low: float = math.nan
    high: float = math.nan
    p: float = math.nan

    @property
    def better(self) -> str:
        """Return `A`, `B`, or an empty text where test or interval leaves it open."""
        if not self.p < 0.05:
            return ""
        return "A" if self.low > 0 else "B" if self.high < 0 else ""


def paired_criteria(run: RunReader, a: str, b: str, epoch: int | None = None) -> pd.DataFrame:
    """Return each sample's score and rank by two criteria, as `compare.paired_scores` does.

    Parameters
    ----------
    run : RunReader
    a, b : str
        Two of `CRITERIA`.
    epoch : int, optional
        Last epoch used. Default: the last one logged.

    Returns
    -------
    DataFrame
        By `sample_id`, in data set order: `score_a`, `score_b` (unit of the criterion, null where
        there is none), `rank_a`, `rank_b` (Int64, 1 for the most suspicious), `given_label`, and
        `is_mislabeled_a`, `is_mislabeled_b` (nullable; the same twice, as `flagged_parts` asks).

    Raises
    ------
    UsageError
        If the criteria are the same or unknown, or the run has no whole epoch, not this one, or
        not what a criterion reads.
    """
    if a == b:
        raise UsageError(f"a duel is between two criteria, not {a!r} and itself")
    if run.last_epoch == 0:
        raise UsageError(f"run {run.name!r} has no finished epoch yet, so it has no scores")
    if epoch is not None and not 1 <= epoch <= run.last_epoch:
        raise UsageError(f"run {run.name!r} has the epochs 1 to {run.last_epoch}, not {epoch}")
    for name in (a, b):
        check_given(run, name)
    scores = score_table(run, [a, b], epoch).sort_index()
    chosen = {name: check_given(run, name, scores[name]) for name in (a, b)}
    samples = run.samples().set_index("sample_id")
    columns = {
        "score_a": scores[a],
        "score_b": scores[b],
        "rank_a": suspicion_rank(scores[a], chosen[a]),
        "rank_b": suspicion_rank(scores[b], chosen[b]),
        "given_label": samples["given_label"],
        "is_mislabeled_a": samples["is_mislabeled"],
        "is_mislabeled_b": samples["is_mislabeled"],
    }
    return pd.DataFrame(columns).rename_axis("sample_id")


def suggested_budget(is_mislabeled: pd.Series) -> tuple[int, str]:
    """Return how many samples to flag at first, 1 to N, and why, in a clause.

    As many as are mislabeled where that is known of all, which only an oracle knows; otherwise
    `SHARE` of the samples.
    """
    n_wrong = int(is_mislabeled.sum())
    if is_mislabeled.notna().all() and n_wrong:
        return n_wrong, "as many as are mislabeled, which only known true labels tell"
    why = "none is mislabeled" if is_mislabeled.notna().all() else "true labels are not all known"
    return max(round(SHARE * len(is_mislabeled)), 1), f"{100 * SHARE:g} % of the samples, as {why}"


def quadrants(pairs: pd.DataFrame, budget: int) -> pd.DataFrame:
    """Return the part of every sample: `flagged_parts`' table, with `neither` at its end.

    Raises
    ------
    UsageError
        If the budget is out of range.
    """
    parts = flagged_parts(pairs, budget)
    rest = pairs.drop(index=parts["sample_id"])
    kept = rest[["rank_a", "rank_b"]].assign(part="neither", is_mislabeled=rest["is_mislabeled_a"])
    # Nearest to being flagged first; a sample that no criterion ranks comes last.
    best = kept[["rank_a", "rank_b"]].min(axis=1).fillna(len(pairs) + 1)
    kept = kept.iloc[np.argsort(best.to_numpy(dtype=np.int64), kind="stable")]
    return pd.concat([parts, kept.reset_index()[parts.columns]], ignore_index=True)


def quadrant_counts(parts: pd.DataFrame) -> pd.DataFrame:
    """Return `compare.part_counts` of `quadrants`' table, with a row for `neither`.

    `precision` of `neither` is the share of the samples that nobody flags and that are mislabeled
    all the same.
    """
    counts = part_counts(parts)
    known = parts.loc[parts["part"] == "neither", "is_mislabeled"]
    n_known, n_wrong = int(known.notna().sum()), int(known.sum())
    share = n_wrong / n_known if n_known else math.nan
    counts.loc["neither"] = [len(known), n_known, n_wrong, share, *wilson(n_wrong, n_known)]
    whole = {name: int for name in ("n_samples", "n_known", "n_mislabeled")}
    return counts.astype(whole).loc[list(QUADRANTS)]


def contest(counts: pd.DataFrame) -> Contest:
    """Return which criterion is better at the budget, from `quadrant_counts`; see `RULE`.

    Notes
    -----
    Source: McNemar (1947), exact; the interval is `paired_difference`'s of the two recalls, times
    the number of mislabeled samples over the budget. Both are for samples like these under this
    one training, and say nothing of other seeds.
    """
    both, only_a, only_b = (counts.loc[part] for part in PARTS)
    known = [int(both["n_known"] + part["n_known"]) for part in (only_a, only_b)]
    found = int(only_a["n_mislabeled"]), int(only_b["n_mislabeled"])
    n_flagged = int(both["n_samples"] + max(only_a["n_samples"], only_b["n_samples"]))
    if not all(known):
        return Contest(n_flagged, found[0], found[1])
    precision = [
        (int(both["n_mislabeled"]) + hits) / n for hits, n in zip(found, known, strict=True)
    ]
    n_wrong = int(counts["n_mislabeled"].sum())
    per_flag = n_wrong / (sum(known) / 2)  # both flag as many, of which as many are known or nearly
    low, high = (per_flag * bound for bound in paired_difference(*found, n_wrong))
    p = float(binomtest(found[0], sum(found)).pvalue) if sum(found) else 1.0
    one, two = precision
    return Contest(n_flagged, found[0], found[1], one, two, one - two, low, high, p)


def paired_difference(only_a: int, only_b: int, n: int) -> tuple[float, float]:
    """Return the 95 % interval of the difference of two shares of the same `n` things.

    Parameters
    ----------
    only_a, only_b : int
        How many count in the first share only, and in the second only.
    n : int
        How many there are; (0, 0) where there is none.

    Notes
    -----
    Source: Tango (1998), score interval: all differences that the score test does not reject.
    """
    if n == 0:
        return 0.0, 0.0

    def score(difference: float) -> float:
        # The chance of `only_b` that is likeliest under this difference: root of a quadratic.
        linear = (2 * n - only_a + only_b) * difference - only_a - only_b
        constant = -only_b * difference * (1.0 - difference)
        chance = (math.sqrt(max(linear**2 - 8 * n * constant, 0.0)) - linear) / (4 * n)
        variance = n * (2 * chance + difference * (1.0 - difference))
        gap = only_a - only_b - n * difference
        return gap / math.sqrt(variance) if variance > 1e-12 else math.copysign(math.inf, gap)

    middle = (only_a - only_b) / n
    bounds = []
    for end in (-1.0, 1.0):
        near, far = middle, end
        for _ in range(60):  # halving: the score falls as the difference grows
            between = (near + far) / 2
            inside = abs(score(between)) < Z
            near, far = (between, far) if inside else (near, between)
        bounds.append(near)
    return bounds[0], bounds[1]


def budget_curve(pairs: pd.DataFrame, budgets: Sequence[int] | None = None) -> pd.DataFrame:
    """Return the precision of both criteria, and of what only one flags, budget by budget.

    Parameters
    ----------
    pairs : DataFrame
        From `paired_criteria`.
    budgets : sequence of int, optional
        Each 1 to N. Default: about `N_BUDGETS` of equal distance up to all samples, and the
        number of mislabeled ones where that is known of all.

    Returns
    -------
    DataFrame
        A row per budget and curve of `CURVES`: `budget`, `curve`, `n_samples`, `n_known`,
        `n_mislabeled`, `precision` (NaN where nothing is known), `low`, `high` (95 %, Wilson).
    """
    n = len(pairs)
    if budgets is None:
        grid = set(np.unique(np.linspace(0, n, N_BUDGETS + 1).round().astype(int)).tolist()) - {0}
        if n and pairs["is_mislabeled_a"].notna().all():
            grid.add(max(int(pairs["is_mislabeled_a"].sum()), 1))
        budgets = sorted(grid)
    ranks = [pairs[f"rank_{side}"].fillna(n + 1).to_numpy(dtype=np.int64) for side in ("a", "b")]
    known = pairs["is_mislabeled_a"].notna().to_numpy()
    wrong = pairs["is_mislabeled_a"].fillna(False).to_numpy(dtype=bool)
    rows = []
    for budget in budgets:
        in_a, in_b = (rank <= budget for rank in ranks)
        members = dict(zip(CURVES, (in_a, in_b, in_a & ~in_b, in_b & ~in_a), strict=True))
        for curve, chosen in members.items():
            n_known, n_wrong = int(np.sum(chosen & known)), int(np.sum(chosen & wrong))
            share = n_wrong / n_known if n_known else math.nan
            rows.append((budget, curve, int(chosen.sum()), n_known, n_wrong, share,
                         *wilson(n_wrong, n_known)))  # fmt: skip
    names = ["budget", "curve", "n_samples", "n_known", "n_mislabeled", "precision", "low", "high"]
    return pd.DataFrame(rows, columns=names)


def reviewed_counts(run: RunReader, parts: pd.DataFrame) -> pd.DataFrame:
    """Return what people said of each part, by `part`, in the order of `QUADRANTS`.

    `n_judged` have a standing verdict that says whether the label is right; `n_wrong` of them
    were given another label; `n_unsure` were left unsure or skipped. `share` is `n_wrong` over
    `n_judged` with its 95 % interval `low`, `high` (Wilson), NaN where nobody judged: true of the
    part only if those judged are a random sample of it.
    """
    said = verdicts.read(run).current["verdict"]
    verdict = parts["sample_id"].map(said)
    rows = []
    for part in QUADRANTS:
        of_part = verdict[parts["part"] == part]
        n_wrong = int(of_part.eq("relabel").sum())
        n_judged = n_wrong + int(of_part.eq("keep").sum())
        n_unsure = int(of_part.isin(["unsure", "skip"]).sum())
        share = n_wrong / n_judged if n_judged else math.nan
        rows.append((part, n_judged, n_wrong, n_unsure, share, *wilson(n_wrong, n_judged)))
    names = ["part", "n_judged", "n_wrong", "n_unsure", "share", "low", "high"]
    return pd.DataFrame(rows, columns=names).set_index("part")
