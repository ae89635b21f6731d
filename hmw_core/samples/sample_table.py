"""One row a sample: labels, prediction, verdict, and every criterion's score and rank."""

from collections.abc import Sequence

import pandas as pd

from hmw_core.criteria.criterion import Criterion
from hmw_core.criteria.kept import score_table
from hmw_core.criteria.of_run import pick_criterion
from hmw_core.log import verdicts
from hmw_core.log.reader import RunReader


def sample_table(
    run: RunReader, criteria: Sequence[str] | None = None, epoch: int | None = None
) -> pd.DataFrame:
    """Return what is known of each sample, by `sample_id`, in data set order.

    Parameters
    ----------
    run : RunReader
    criteria : sequence of str, optional
        Names of `CRITERIA`. Default: those of `MAIN_CRITERIA`.
    epoch : int, optional
        Last epoch used. Default: the last one logged.

    Returns
    -------
    DataFrame
        `given_label`, `true_label`, `is_mislabeled`, `source`, `predicted_label` (after `epoch`),
        `verdict` and `new_label` (the verdict that stands), and for each criterion its score under
        its name and `rank_<name>`, 1 for the most suspicious; null where it has no score.

    Raises
    ------
    UsageError
        If a criterion is unknown.
    """
    table = run.samples().set_index("sample_id")
    scores = score_table(run, criteria, epoch)
    last = run.last_epoch if epoch is None else epoch
    predicted = run.signals(["predicted_label"], epochs=[last]).set_index("sample_id")
    table["predicted_label"] = predicted["predicted_label"].astype("Int64")
    standing = verdicts.read(run).current
    table["verdict"] = standing["verdict"].reindex(table.index)
    table["new_label"] = standing["new_label"].reindex(table.index).astype("Int64")
    for name in scores:
        table[name] = scores[name]
        table[f"rank_{name}"] = suspicion_rank(scores[name], pick_criterion(run, name))
    return table


def suspicion_rank(score: pd.Series, criterion: Criterion) -> pd.Series:
    """Return each sample's place in the order of suspicion, Int64, 1 for the most suspicious.

    Ties go to the smaller `sample_id`; null where there is no score.
    """
    ordered = score.sort_index()
    ranks = ordered.rank(method="first", ascending=criterion.higher_means == "clean")
    return ranks.astype("Int64")
