"""How HM weights with chosen settings are spread, beside those that the run logged."""

import numpy as np
import pandas as pd

from dashboard.drawing.marks import Axis, Drawing, Panel
from dashboard.figures.base import CannotShow, FigureSpec
from dashboard.figures.dynamics.playground import both, left_out
from dashboard.figures.selection import GROUPS_SHOWN, SHARE, group_steps, group_title, grouped
from hmw_core.laboratory.hm_replay import Settings
from hmw_core.log.reader import RunReader
from hmw_core.samples.groups import HARD_FRACTION

N_BINS = 50
X, Y = "HM weight", "Share of the group (%)"


def prepare(
    run: RunReader,
    settings: Settings | None = None,
    epoch: int | None = None,
    hard_fraction: float = HARD_FRACTION,
) -> pd.DataFrame:
    """Return of (chosen, the run's log), settings in words, group, title, bins, count, share.

    Bins are those of [0, 1], or up to the largest weight where that is above 1. `mean` is the
    group's mean weight.

    Raises
    ------
    CannotShow
        If the run has no such epoch, or its log lacks what the settings need.
    """
    last, found = both(run, settings, epoch)
    group = grouped(run, None, last, hard_fraction)
    largest = max(1.0, *(float(np.nanmax(r.weight, initial=0.0)) for _, r in found.values()))
    edges = np.linspace(0.0, largest, N_BINS + 1)
    parts = []
    for of, (words, replayed) in found.items():
        weight = pd.Series(replayed.weight, index=replayed.sample_id).dropna()
        groups = group.loc[weight.index]
        for name in GROUPS_SHOWN:
            values = weight[groups == name]
            if not len(values):
                continue
            count = np.histogram(values, edges)[0]
            parts.append(
                pd.DataFrame(
                    {
                        "of": of,
                        "settings": words,
                        "group": name,
                        "title": group_title(name, hard_fraction),
                        "bin_left": edges[:-1],
                        "bin_right": edges[1:],
                        "count": count,
                        "share": count / len(values),
                        "n_samples": len(values),
                        "mean": values.mean(),
                    }
                )
            )
    if not parts:
        raise CannotShow(f"no sample of run {run.name!r} has a weight in epoch {last}")
    table = pd.concat(parts, ignore_index=True).assign(epoch=last)
    note = left_out(run, next(iter(found.values()))[1])
    return table.assign(note=note) if note else table


def drawing(table: pd.DataFrame) -> Drawing:
    """Draw `prepare`'s table: a panel the chosen settings and the log's, a histogram a group."""
    x = Axis("HM weight", (0, table["bin_right"].max()))
    panels = []
    for of, part in table.groupby("of", sort=False):
        first = part.iloc[0]
        title = f"{of}, epoch {first['epoch']}\n{first['settings']}"
        panels.append(Panel(group_steps(part), x, SHARE, title))
    return Drawing(panels, share_y=True)


FIGURE = FigureSpec(
    title="How the weights are spread",
    paper="",
    look_for=(
        "Mislabeled samples near 0 and clean ones, the hard ones too, far from it. Where all move "
        "towards 0 together, the training mostly slows down. A low weight is suspicious."
    ),
    prepare=prepare,
    drawing=drawing,
)
