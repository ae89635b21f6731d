"""How many rankings (epochs or seeds) flag each sample, and how many of these are mislabeled."""

from collections.abc import Sequence

import pandas as pd

from dashboard.drawing.marks import Axis, Bars, Drawing, Panel, Points
from dashboard.figures.base import CannotShow, FigureSpec
from dashboard.figures.selection import check_epoch
from hmw_core.criteria import MAIN_CRITERIA
from hmw_core.criteria.compute import why_absent, without_absent
from hmw_core.criteria.of_run import pick_criterion
from hmw_core.errors import UsageError
from hmw_core.laboratory.agreement import usual_budget
from hmw_core.laboratory.stability import N_CHECKPOINTS, counts, rankings, steadiness
from hmw_core.log.reader import RunReader


def prepare(
    runs: Sequence[RunReader],
    criterion: str | None = None,
    budget: int | None = None,
    n_epochs: int = N_CHECKPOINTS,
) -> pd.DataFrame:
    """Return `stability.counts` by the number of rankings that flag a sample, and what was ranked.

    Of one run, rankings are at `n_epochs` epochs of its second half; of several, at each one's last
    epoch. `criterion` is by default IAM, or the first that the log can give.
    """
    run = runs[0]
    check_epoch(run)
    name = _default(run) if criterion is None else criterion
    found = pick_criterion(run, name)
    reason = why_absent(run, found)
    if reason:
        raise CannotShow(f"run {run.name!r} has no {found.title}, because {reason}")
    chosen = list({other.folder: other for other in runs}.values())
    flagged = usual_budget(run.samples()["is_mislabeled"]) if budget is None else budget
    flagged = min(flagged, run.n_samples)
    try:
        ranks = rankings(chosen, name, n_epochs)
    except UsageError as error:
        raise CannotShow(str(error)) from None
    of_one = "epochs " + ", ".join(ranks.columns)
    what = of_one if len(chosen) == 1 else f"{len(chosen)} seeds"
    table = counts(steadiness(ranks, flagged), run.samples()["is_mislabeled"], "n_flagged")
    if not table["n_samples"].sum():
        raise CannotShow(f"run {run.name!r} has no score of {found.title} to flag samples by")
    return table.reset_index().assign(
        n_rankings=ranks.shape[1], criterion=name, title=found.title, budget=flagged, rankings=what
    )


def drawing(table: pd.DataFrame) -> Drawing:
    """Draw `prepare`'s table: how many samples, and where it is known how many are mislabeled."""
    first, at = table.iloc[0], table["n_flagged"]
    x = Axis("Rankings that flag the sample", whole=True)
    texts = [f"{n:,}" for n in table["n_samples"]]
    bars = Bars(at, table["n_samples"], "clean", texts, hover="flagged by %{x}: %{y:,} samples")
    # From below 1 on, so that no bar's length is an accident of the others.
    y = Axis("Samples", (0.5, 2.0 * float(table["n_samples"].max())), log=True)
    n = int(first["n_rankings"])
    title = f"{first['title']}: {n} rankings,\n{first['budget']:,} flagged in each"
    panels = [Panel([bars], x, y, title)]
    if table["n_known"].sum():
        points = Points(
            at,
            table["precision"],
            "mislabeled",
            low=table["low"],
            high=table["high"],
            along="y",
            hover="flagged by %{x}: %{customdata[0]:,} of %{customdata[1]:,} mislabeled, %{y:.3f}",
            data=table[["n_mislabeled", "n_known"]],
            symbol="circle",
        )
        y = Axis("Share mislabeled", (-0.03, 1.03))
        panels.append(Panel([points], x, y, "Really mislabeled,\nwith 95 % interval"))
    return Drawing(panels, height=380, aspect=0.75)


def _default(run: RunReader) -> str:
    there = without_absent(MAIN_CRITERIA, run)
    return "iam" if "iam" in there else next(iter(there), "iam")


FIGURE = FigureSpec(
    title="Samples that every ranking flags, some do, or none does",
    paper="",
    look_for=(
        "At the two ends all rankings agree, whenever the score is read; the samples between are "
        "ambiguous. Where the true labels are known, the right panel tells how much a single "
        "ranking of an ambiguous sample is worth."
    ),
    prepare=prepare,
    drawing=drawing,
    many=True,
)
