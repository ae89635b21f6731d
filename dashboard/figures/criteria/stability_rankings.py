"""How many looks (epochs or seeds) flag each sample, and how many of these are mislabeled."""

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
from hmw_core.laboratory.stability import N_CHECKPOINTS, counts, looks, run_looks
from hmw_core.log.reader import RunReader


def prepare(
    runs: Sequence[RunReader],
    criterion: str | None = None,
    budget: int | None = None,
    n_epochs: int = N_CHECKPOINTS,
) -> pd.DataFrame:
    """Return, by the number of looks that flag a sample, `stability.counts` and what they are of.

    Of one run, looks are at `n_epochs` epochs of its second half; of several, at the last epoch of
    each. `criterion` is by default IAM, or the first that the log can give.
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
        ranks = run_looks(chosen, name, n_epochs)
    except UsageError as error:
        raise CannotShow(str(error)) from None
    of_one = "epochs " + ", ".join(ranks.columns)
    what = of_one if len(chosen) == 1 else f"{len(chosen)} seeds"
    table = counts(looks(ranks, flagged), run.samples()["is_mislabeled"], "n_flagged")
    if not table["n_samples"].sum():
        raise CannotShow(f"run {run.name!r} has no score of {found.title} to flag samples by")
    return table.reset_index().assign(
        n_looks=ranks.shape[1], criterion=name, title=found.title, budget=flagged, looks=what
    )


def drawing(table: pd.DataFrame) -> Drawing:
    """Draw `prepare`'s table: how many samples, and where it is known how many are mislabeled."""
    first, at = table.iloc[0], table["n_flagged"]
    x = Axis("Looks that flag the sample", whole=True)
    texts = [f"{n:,}" for n in table["n_samples"]]
    bars = Bars(at, table["n_samples"], "clean", texts, hover="flagged by %{x}: %{y:,} samples")
    # From below 1 on, so that no bar's length is an accident of the others.
    y = Axis("Samples", (0.5, 2.0 * float(table["n_samples"].max())), log=True)
    title = f"{first['title']}: {int(first['n_looks'])} looks,\n{first['budget']:,} flagged in each"
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
    title="Samples that every look flags, some do, or none does",
    paper="",
    look_for=(
        "The two ends are verdicts that do not depend on when one looks; what lies between is "
        "ambiguous. Where the true labels are known, the right panel tells how much a single look "
        "at an ambiguous sample is worth."
    ),
    prepare=prepare,
    drawing=drawing,
    many=True,
)
