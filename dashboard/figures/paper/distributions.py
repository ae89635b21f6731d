"""Fig. 1: how clean, hard and mislabeled samples are spread under any criteria."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dashboard.drawing.marks import Axis, Drawing, Panel, Steps
from dashboard.figures.base import CannotShow, FigureSpec
from dashboard.figures.selection import (
    GROUPS_SHOWN,
    SHARE,
    absent_criteria,
    absent_hard,
    check_epoch,
    class_title,
    group_title,
    grouped,
    in_sentence,
    of_class,
    of_pass,
)
from hmw_core.criteria.compute import without_absent
from hmw_core.criteria.kept import score_table
from hmw_core.criteria.of_run import pick_criterion
from hmw_core.log.reader import RunReader
from hmw_core.samples.groups import HARD_BY, HARD_FRACTION

N_BINS = 40
LOSS_FLOOR = 1e-7  # nat: about the smallest cross entropy above 0 that float32 logits give


def prepare(
    run: RunReader,
    criteria: Sequence[str] = ("last_loss", "iam"),
    given_label: int | None = None,
    epoch: int | None = None,
    hard_fraction: float = HARD_FRACTION,
    hard_by: str = HARD_BY,
) -> pd.DataFrame:
    """Return a histogram of each criterion and group, over bins that all groups share.

    Columns criterion, title, unit, higher_means, scale, group, bin_left, bin_right, count, share
    (per cent of the group's samples with a score), n_samples (those with one), n_without_score,
    class_name, epoch, hard_fraction, hard_by. The bins span all finite scores, none cut off. Those
    of a loss are even on a logarithmic axis (`scale`), since a network that memorises has nearly
    all losses close to 0; a loss below `LOSS_FLOOR` counts as that. A criterion that the
    run's source lacks has no row, and `absent` says so.
    """
    last = check_epoch(run, epoch)
    title = class_title(run, given_label)
    lacks = absent_criteria(run, criteria)
    scores = score_table(run, criteria, epoch, given_label)
    if lacks:
        scores = scores[list(without_absent({n: pick_criterion(run, n) for n in criteria}, run))]
        if scores.empty:
            raise CannotShow(f"run {run.name!r} has {lacks}")
    group = grouped(run, given_label, last, hard_fraction, hard_by)
    parts = []
    for name in scores:
        known = np.isfinite(scores[name])
        if not known.any():
            raise CannotShow(f"run {run.name!r} logs nothing that {name} can be computed from")
        criterion = pick_criterion(run, str(name))
        scale = "log" if criterion.unit == "nat" else "linear"
        score = scores[name].clip(lower=LOSS_FLOOR) if scale == "log" else scores[name]
        edges = _edges(score[known].to_numpy(), scale)
        for label in GROUPS_SHOWN:
            of_group = group == label
            if not of_group.any():
                continue
            values = score[known & of_group]
            count = np.histogram(values, edges)[0]
            parts.append(
                pd.DataFrame(
                    {
                        "criterion": name,
                        "title": criterion.title,
                        "unit": criterion.unit,
                        "higher_means": criterion.higher_means,
                        "scale": scale,
                        "group": label,
                        "bin_left": edges[:-1],
                        "bin_right": edges[1:],
                        "count": count,
                        "share": 100 * count / max(len(values), 1),
                        "n_samples": len(values),
                        "n_without_score": int(of_group.sum()) - len(values),
                    }
                )
            )
    table = pd.concat(parts, ignore_index=True)
    table = table.assign(class_name=title, epoch=last, hard_fraction=hard_fraction, hard_by=hard_by)
    table["pass"] = run.pass_name
    lacks = in_sentence(lacks, absent_hard(run))
    return table.assign(absent=lacks) if lacks else table


def drawing(table: pd.DataFrame) -> Drawing:
    """Draw `prepare`'s table: a panel a criterion, a histogram a group."""
    panels = []
    for _, shown in table.groupby("criterion", sort=False):
        first = shown.iloc[0]
        marks = []
        for group, part in shown.groupby("group", sort=False):
            name = group_title(str(group), first["hard_fraction"], first["hard_by"])
            edges = [*part["bin_left"], part["bin_right"].iloc[-1]]
            title = f"{name} ({part['n_samples'].iloc[0]:,})"
            marks.append(Steps(edges, part["share"], str(group), title))
        axis = f"{first['title']} ({first['unit']}), higher: {first['higher_means']}"
        x = Axis(axis, log=first["scale"] == "log")
        panels.append(Panel(marks, x, SHARE, str(first["title"])))
    when = f"epoch {table['epoch'].iloc[0]}, {of_pass(table)}"
    return Drawing(panels, " · ".join(filter(None, [of_class(table), when])))


def _edges(values: np.ndarray, scale: str) -> np.ndarray:
    """Return the bins' edges, even on the axis; a single value stands in the middle of them."""
    if scale == "log":
        edges = 10 ** _edges(np.log10(values), "linear")
        # Rounding must not leave the smallest or largest score outside.
        edges[0], edges[-1] = min(edges[0], values.min()), max(edges[-1], values.max())
        return edges
    low, high = float(values.min()), float(values.max())
    if not high - low > 1e-9 * max(abs(low), abs(high)):
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, N_BINS + 1)


FIGURE = FigureSpec(
    title="Distributions of clean, hard and mislabeled samples",
    paper="",
    look_for=(
        "How far the hard clean samples lie over the mislabeled ones: where they overlap, no "
        "threshold of this criterion can part them. The legend says which clean ones count as "
        "hard; under the criterion that chose them they must overlap most."
    ),
    title_unknown="Distribution of the samples",
    look_for_unknown=(
        "Whether there are two humps, and a gap between them to cut at. No true label is known, so "
        "nothing here says which side is mislabeled."
    ),
    prepare=prepare,
    drawing=drawing,
)
