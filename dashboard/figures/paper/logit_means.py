"""Signals by epoch of a few samples, or their means over groups of samples: Fig. 2's two views."""

from collections.abc import Sequence

import pandas as pd

from dashboard.figures.base import CannotShow
from dashboard.figures.selection import (
    GROUP_TITLES,
    GROUPS_SHOWN,
    absent_columns,
    absent_hard,
    check_epoch,
    chosen_samples,
    class_title,
    grouped,
    in_sentence,
    one_class,
    sample_title,
)
from hmw_core.errors import UsageError
from hmw_core.log.reader import RunReader
from hmw_core.samples.groups import HARD_BY


def logit_means(
    run: RunReader,
    columns: Sequence[str],
    given_label: int | None,
    sample_ids: Sequence[int] | None,
    group: str | None,
    hard_by: str = HARD_BY,
) -> pd.DataFrame:
    """Return panel (a role or group), title, n_samples, class_name, pass, epoch and `columns`.

    And `absent`, where the run's source lacks the logit that TKUM needs.

    With `group` None a panel is a sample, with ``"mean"`` the mean over a group of the class; the
    hard ones are then those of `groups.groups` at the last epoch, by the criterion `hard_by`.

    Raises
    ------
    CannotShow
        If the run has no epoch, or not these samples, or no logits.
    UsageError
        If `group` is neither.
    """
    last = check_epoch(run)
    given_label = one_class(run, given_label, sample_ids) if group is None else given_label
    where = class_title(run, given_label)
    lacks = absent_columns(run, {"given_logit": "logits"})
    if lacks:
        raise CannotShow(f"run {run.name!r} has {lacks}")
    if group not in (None, "mean"):
        raise UsageError(f"group is 'mean' or none at all, not {group!r}")
    if group is None:
        chosen = chosen_samples(run, given_label, sample_ids, None, hard_by)
        titles = [
            sample_title(row.role, row.sample_id, row.given_name, row.true_name)
            for row in chosen.itertuples()
        ]
        chosen = chosen.assign(panel=chosen["role"], title=titles, n_samples=1)
        signals = run.signals(columns, sample_id=chosen["sample_id"].tolist())
        table = chosen.merge(signals, on="sample_id")
    else:
        members = grouped(run, given_label, last, hard_by=hard_by).rename("group").reset_index()
        sizes = members["group"].value_counts()
        found = [name for name in GROUPS_SHOWN if name in sizes.index]
        titles = [f"{GROUP_TITLES[name]}, mean of {sizes[name]:,}" for name in found]
        chosen = pd.DataFrame({"panel": found, "title": titles, "n_samples": sizes[found].values})
        means = run.mean_signals(columns, members).drop(columns="n_samples")
        table = chosen.merge(means, left_on="panel", right_on="group")
    table = table.assign(class_name=where, **{"pass": run.pass_name})
    table = table[["panel", "title", "n_samples", "class_name", "pass", "epoch", *columns]]
    lacks = absent_columns(run, {"topk_logit": "TKUM"})
    if group is not None:
        lacks = in_sentence(lacks, absent_hard(run))
    return table.assign(absent=lacks) if lacks else table
