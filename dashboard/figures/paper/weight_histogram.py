"""Fig. 6: how the HM weights of clean, hard and mislabeled samples are spread."""

import numpy as np
import pandas as pd

from dashboard.drawing.marks import Axis, Drawing, Panel
from dashboard.figures.base import CannotShow, FigureSpec
from dashboard.figures.selection import (
    GROUPS_SHOWN,
    SHARE,
    check_epoch,
    class_title,
    group_steps,
    group_title,
    grouped,
)
from hmw_core.criteria.kept import score_table
from hmw_core.log.reader import RunReader
from hmw_core.samples.groups import HARD_BY, HARD_FRACTION

N_BINS = 25
SAME = 0.01  # weights this near the logged ones are those, up to half precision in the training


def prepare(
    run: RunReader,
    given_label: int | None = None,
    epoch: int | None = None,
    hard_fraction: float = HARD_FRACTION,
    hard_by: str = HARD_BY,
) -> pd.DataFrame:
    """Return group, its title, bin_left, bin_right, count, share (of the group), and n_samples.

    And what it is about: `of` (a class, or all), `epoch`, and `use`: what the training did with
    these weights in that epoch.

    Raises
    ------
    CannotShow
        If the run has no such class, no whole epoch, or no HM weights.
    """
    last = check_epoch(run, epoch)
    title = class_title(run, given_label)
    weight = score_table(run, ["hm_weight"], last, given_label)["hm_weight"].dropna()
    if weight.empty:
        why = run.absent.get("hm_weight", "its log holds no cosines to the class vectors")
        raise CannotShow(f"run {run.name!r} has no HM weights: {why}")
    group = grouped(run, given_label, last, hard_fraction, hard_by).loc[weight.index]
    edges = np.linspace(0.0, 1.0, N_BINS + 1)
    parts = []
    for name in GROUPS_SHOWN:
        values = weight[group == name]
        if len(values):
            count = np.histogram(values, edges)[0]
            parts.append(
                pd.DataFrame(
                    {
                        "group": name,
                        "title": group_title(name, hard_fraction, hard_by),
                        "bin_left": edges[:-1],
                        "bin_right": edges[1:],
                        "count": count,
                        "share": count / len(values),
                        "n_samples": len(values),
                    }
                )
            )
    return pd.concat(parts, ignore_index=True).assign(
        of=title,
        epoch=last,
        use=_use(run, last),
    )


def _use(run: RunReader, epoch: int) -> str:
    """Say what the training did with the HM weights in this epoch."""
    signals = run.signals(["weight", "hm_weight"], epochs=[epoch]).dropna()
    if signals.empty:
        return "logged only: the run says no weight of its losses"
    used, logged = signals["weight"], signals["hm_weight"]
    if (used == 1).all():
        return "logged only: every loss counted in full"
    if (used - logged).abs().median() < SAME:
        return "used on the loss"
    return "logged only: the losses had other weights"


def drawing(table: pd.DataFrame) -> Drawing:
    """Draw `prepare`'s table: a histogram a group."""
    first = table.iloc[0]
    title = f"{first['of']}, epoch {first['epoch']}; {first['use']}"
    panel = Panel(group_steps(table), Axis("HM weight", (0, 1)), SHARE)
    return Drawing([panel], title, height=380)


FIGURE = FigureSpec(
    title="How HM weights are spread",
    paper="",
    look_for=(
        "Mislabeled samples near 0 and clean ones far from it. Where hard clean samples lie with "
        "the mislabeled, weighting by it holds them back, too."
    ),
    look_for_unknown=(
        "How many samples have a weight near 0: these hardly count in the training. No true label "
        "is known that would say whether they are mislabeled."
    ),
    prepare=prepare,
    drawing=drawing,
)
