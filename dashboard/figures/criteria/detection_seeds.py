"""Several seeds of one recipe: each seed's measure, and what a criterion is ahead in each."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dashboard.drawing.marks import Axis, Drawing, Mark, Panel, Points, Rule
from dashboard.figures.base import CannotShow, FigureSpec
from dashboard.figures.criteria.detection_common import (
    check_contest,
    measure_title,
)
from hmw_core.criteria.of_run import title_of
from hmw_core.experiments.proof import t_interval
from hmw_core.laboratory.contest import budget_text, contest_of
from hmw_core.laboratory.hard import hard_text
from hmw_core.log.reader import RunReader
from hmw_core.samples.groups import HARD_FRACTION


def prepare(
    runs: Sequence[RunReader],
    criteria: Sequence[str] | None = None,
    epoch: int | None = None,
    hard_by: str | None = None,
    hard_fraction: float = HARD_FRACTION,
    budget: float | int | None = None,
    measure: str = "auroc",
    reference: str | None = None,
) -> pd.DataFrame:
    """Return what each criterion reaches in each run, and its lead over `reference`.

    Parameters
    ----------
    runs : sequence of RunReader
        Runs of one recipe with different seeds, see `seeds.siblings`. Hard samples are chosen in
        each run by its own log.
    reference : str, optional
        The criterion that differences are to. Default: the best in the mean over the runs.

    Returns
    -------
    DataFrame
        A row per run and criterion, criteria by their mean. `run`, `seed`, `criterion`, `title`,
        `value`; the mean over runs with Student's 95 % interval `mean`, `low`, `high`;
        `difference` to the reference in this run, and over runs `lead`, `lead_low`, `lead_high`;
        `n_runs`, and `n_ahead`, in how many of them it is above the reference. Bounds are NaN
        where the values do not vary.
    """
    name = measure_title(measure)
    if len(runs) < 2:
        raise CannotShow("one run has no spread over seeds; a second of the same recipe is needed")
    asked = [check_contest(r, criteria, epoch, None, hard_by, hard_fraction) for r in runs]
    names = [n for n in asked[0].names if all(n in other.names for other in asked)]
    if not names:
        raise CannotShow("no criterion can be had from all of these runs")
    values = np.array(
        [
            contest_of(run, names, one.epoch, hard=one.hard, budget=budget, n_resamples=0).values[
                measure
            ]
            for run, one in zip(runs, asked, strict=True)
        ]
    )  # (runs, criteria)
    scored = ~np.isnan(values).any(axis=0)
    if not scored.any():
        raise CannotShow("no criterion has scores in all of these runs")
    names, values = [n for n, known in zip(names, scored, strict=True) if known], values[:, scored]
    order = np.argsort(-values.mean(axis=0), kind="stable")
    base = names.index(reference) if reference in names else int(order[0])
    rows = []
    for k in order:
        of_all = t_interval(values[:, k])
        apart = values[:, k] - values[:, base]
        lead = t_interval(apart)
        for r, run in enumerate(runs):
            rows.append(
                {
                    "run": run.name,
                    "seed": run.info.get("seed"),
                    "criterion": names[k],
                    "title": title_of(names[k]),
                    "value": values[r, k],
                    "mean": of_all.mean,
                    "low": of_all.low,
                    "high": of_all.high,
                    "difference": apart[r],
                    "lead": lead.mean,
                    "lead_low": lead.low,
                    "lead_high": lead.high,
                    "n_runs": len(runs),
                    "n_ahead": int(np.sum(apart > 0)),
                }
            )
    made_in = " and ".join(dict.fromkeys(f"{run.pass_name} pass" for run in runs))
    return pd.DataFrame(rows).assign(
        made_in=made_in,
        reference=title_of(names[base]),
        measure=name,
        contest=hard_text(asked[0].hard),
        budget=budget_text(budget),
        epochs=", ".join(str(e) for e in sorted({one.epoch for one in asked})),
    )


def drawing(table: pd.DataFrame) -> Drawing:
    """Draw `prepare`'s table: each seed, and their mean with its interval, a row a criterion."""
    first = table.iloc[0]
    each = table.drop_duplicates("criterion")
    y = Axis("Criterion", names=each["title"].to_list())
    row = table["criterion"].map(each["criterion"].to_list().index)
    value, reference = first["measure"], f"Lead over {first['reference']}"
    panels = []
    for title, axis, seeds, mean, low, high in (
        (value, "Each seed, mean, 95 % interval", "value", "mean", "low", "high"),
        (
            reference,
            "Difference, mean, 95 % interval",
            "difference",
            "lead",
            "lead_low",
            "lead_high",
        ),
    ):
        means = Points(
            each[mean],
            range(len(each)),
            symbol="tick",
            size=18,
            low=each[low],
            high=each[high],
            hover="mean %{x:.4f}, 95 % t interval %{customdata[0]:.4f} to %{customdata[1]:.4f}",
            data=each[[low, high]],
        )
        dots = Points(
            table[seeds],
            row,
            table["criterion"].to_list(),
            symbol="circle",
            size=8,
            alpha=0.8,
            hover="seed %{customdata[0]}: %{x:.4f}",
            data=table["seed"],
        )
        zero: list[Mark] = [Rule(x=0)] if seeds == "difference" else []
        panels.append(Panel([means, dots, *zero], Axis(axis), y, title))
    title = (
        f"{first['contest'][0].upper()}{first['contest'][1:]} against mislabeled\n"
        f"{first['n_runs']} seeds · up to epoch {first['epochs']}, {first['made_in']}"
    )
    return Drawing(panels, title, share_y=True)


FIGURE = FigureSpec(
    title="Over the seeds of one recipe",
    paper="",
    look_for=(
        "Whether the lead has the same sign in every seed: the right panel pairs each seed with "
        "itself, so that a good or bad training does not count. Bars are Student's intervals "
        "over the seeds and hold for trainings like these; of two or three seeds they are very "
        "wide, and rightly so."
    ),
    prepare=prepare,
    drawing=drawing,
    many=True,
    n_runs=2,
)
