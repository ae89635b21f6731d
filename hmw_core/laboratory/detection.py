"""How well each criterion finds the mislabeled samples of a run, with intervals."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from hmw_core.criteria.criterion import Criterion
from hmw_core.criteria.kept import score_table
from hmw_core.criteria.of_run import main_criteria_of, pick_criterion
from hmw_core.log.reader import RunReader
from hmw_core.samples.groups import HARD_BY, HARD_FRACTION, split_groups
from hmw_core.statistics.intervals import BOOTSTRAP_UP_TO, auroc_intervals
from hmw_core.statistics.ranking import (
    auroc,
    average_precision,
    precision_recall_at_budget,
    suspicion,
)


def detect(
    run: RunReader,
    criteria: Sequence[str] | None = None,
    epoch: int | None = None,
    given_label: int | None = None,
    *,
    hard_fraction: float = HARD_FRACTION,
    hard_by: str = HARD_BY,
    budget: float | int | None = None,
    n_resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Return how well each criterion finds mislabeled samples, among all and among hard ones.

    Parameters
    ----------
    run : RunReader
    criteria : sequence of str, optional
        Names of `CRITERIA`. Default: those of `main_criteria_of`.
    epoch : int, optional
        Last epoch used. Default: the last one logged.
    given_label : int, optional
        Only the samples of this class; the hard ones are then the hardest of the class.
    hard_fraction : float
        Which share of the clean samples is hard to learn.
    hard_by : str
        The criterion that says so, as `groups.groups`'. A contest whose clean samples were chosen
        by a criterion is by that very choice the hardest for it: see `contest` for other rules
        before concluding.
    budget : float, int or None
        See `precision_recall_at_budget`. Default: as many as are mislabeled.
    n_resamples, seed : int
        Of the bootstrap, see `intervals.auroc_intervals`; every criterion sees the same resamples.

    Returns
    -------
    DataFrame
        A row per contest and criterion. `criterion`; `contest`, `all` (every clean sample against
        every mislabeled one) or `hard clean` (only the hard clean ones against them); `n_clean`
        and `n_mislabeled`, those ranked; `auroc` with its 95 % interval `auroc_low`, `auroc_high`
        and how that was made, `interval` (`bootstrap` or `DeLong`); `average_precision`;
        `precision`, `recall` and `n_flagged` at the budget; `difference`, the AUROC minus that
        of the first criterion, with its paired 95 % interval `difference_low`, `difference_high`.
        Chance is 0.5 for the AUROC, the contest's mislabeled fraction for both precisions.

    Raises
    ------
    UsageError
        If a criterion is unknown, or a fraction or budget out of range.
    """
    names = list(main_criteria_of(run)) if criteria is None else list(criteria)
    needed = dict.fromkeys([*names, hard_by])  # each once, in order
    scores = score_table(run, list(needed), epoch, given_label)
    picked = {name: pick_criterion(run, name) for name in needed}
    wrong = run.samples().loc[scores.index, "is_mislabeled"]
    group = split_groups(scores[hard_by], picked[hard_by], wrong, hard_fraction)
    rng = np.random.default_rng(seed)
    method = "DeLong" if len(scores) > BOOTSTRAP_UP_TO else "bootstrap"
    tables = []
    for contest, clean in (("all", ["clean", "hard"]), ("hard clean", ["hard"])):
        chosen = group.isin([*clean, "mislabeled"])
        is_mislabeled = group[chosen] == "mislabeled"
        criteria_of = {name: picked[name] for name in names}
        table = _contest(
            scores[chosen], criteria_of, is_mislabeled, budget, method, n_resamples, rng
        )
        table.insert(1, "contest", contest)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _contest(
    scores: pd.DataFrame,
    criteria: Mapping[str, Criterion],
    is_mislabeled: pd.Series,
    budget: float | int | None,
    method: str,
    n_resamples: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    wrong = is_mislabeled.to_numpy(dtype=bool)
    turned = np.column_stack([suspicion(scores[n], c.higher_means) for n, c in criteria.items()])
    intervals = auroc_intervals(
        turned[~wrong], turned[wrong], n_resamples=n_resamples, rng=rng, method=method
    )
    aurocs = [auroc(turned[:, k], wrong, "mislabeled") for k in range(len(criteria))]
    rows = []
    for k, name in enumerate(criteria):
        seen = ~np.isnan(turned[:, k])
        found = precision_recall_at_budget(turned[:, k], wrong, "mislabeled", budget)
        rows.append({
            "criterion": name,
            "n_clean": int(np.sum(seen & ~wrong)),
            "n_mislabeled": int(np.sum(seen & wrong)),
            "auroc": aurocs[k],
            "auroc_low": intervals.low[k],
            "auroc_high": intervals.high[k],
            "interval": method,
            "average_precision": average_precision(turned[:, k], wrong, "mislabeled"),
            **found._asdict(),
            "difference": aurocs[k] - aurocs[0],
            "difference_low": intervals.difference_low[k],
            "difference_high": intervals.difference_high[k],
        })  # fmt: skip
    return pd.DataFrame(rows)
