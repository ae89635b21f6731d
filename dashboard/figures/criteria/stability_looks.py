"""How many looks (epochs or seeds) flag each sample, and how many of these are mislabeled."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure

from dashboard.drawing.panels import paper_panels, screen_panels
from dashboard.drawing.style import GROUP_COLOURS, SKY
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


def draw(table: pd.DataFrame) -> go.Figure:
    """Draw `prepare`'s table for the screen."""
    known = _knows(table)
    figure = screen_panels(_titles(table), height=380)
    figure.add_bar(
        x=table["n_flagged"],
        y=table["n_samples"],
        marker={"color": SKY},
        showlegend=False,
        text=[f"{n:,}" for n in table["n_samples"]],
        hovertemplate="flagged by %{x}: %{y:,} samples<extra></extra>",
        row=1,
        col=1,
    )
    # From below 1 on, so that no bar's length is an accident of the others.
    heights = [float(np.log10(limit)) for limit in _limits(table)]
    figure.update_yaxes(title="Samples", type="log", dtick=1, range=heights, row=1, col=1)
    if known:
        figure.add_scatter(
            x=table["n_flagged"],
            y=table["precision"],
            error_y={
                "type": "data",
                "symmetric": False,
                "array": table["high"] - table["precision"],
                "arrayminus": table["precision"] - table["low"],
            },
            mode="markers",
            marker={"size": 10, "color": GROUP_COLOURS["mislabeled"]},
            showlegend=False,
            customdata=table[["n_mislabeled", "n_known"]].to_numpy(),
            hovertemplate="flagged by %{x}: %{customdata[0]:,} of %{customdata[1]:,} mislabeled, "
            "%{y:.3f}<extra></extra>",
            row=1,
            col=2,
        )
        figure.update_yaxes(title="Share mislabeled", range=[-0.03, 1.03], row=1, col=2)
    figure.update_xaxes(title="Looks that flag the sample", dtick=_step(table))
    return figure


def typeset(table: pd.DataFrame, width: float) -> Figure:
    """Typeset `prepare`'s table for a file of `width` inches."""
    titles = _titles(table)
    with paper_panels(width, len(titles), 0.75) as (figure, all_axes):
        all_axes[0].bar(table["n_flagged"], table["n_samples"], color=SKY)
        all_axes[0].set_yscale("log")
        all_axes[0].set_ylim(*_limits(table))
        all_axes[0].set_ylabel("Samples")
        if _knows(table):
            rows = table.dropna(subset=["precision"])
            error = np.abs(rows[["low", "high"]].to_numpy().T - rows["precision"].to_numpy())
            all_axes[1].errorbar(
                rows["n_flagged"],
                rows["precision"],
                yerr=error,
                fmt="o",
                markersize=4,
                color=GROUP_COLOURS["mislabeled"],
            )
            all_axes[1].set_ylim(-0.03, 1.03)
            all_axes[1].set_ylabel("Share mislabeled")
        for axes, title in zip(all_axes, titles, strict=True):
            axes.set_title(title.replace("<br>", "\n"))
            axes.set_xlabel("Looks that flag the sample")
            axes.set_xticks(range(0, int(table["n_looks"].iloc[0]) + 1, _step(table)))
    return figure


def _default(run: RunReader) -> str:
    there = without_absent(MAIN_CRITERIA, run)
    return "iam" if "iam" in there else next(iter(there), "iam")


def _knows(table: pd.DataFrame) -> bool:
    return bool(table["n_known"].sum())


def _titles(table: pd.DataFrame) -> list[str]:
    first = table.iloc[0]
    counted = (
        f"{first['title']}: {int(first['n_looks'])} looks,<br>{first['budget']:,} flagged in each"
    )
    wrong = "Really mislabeled,<br>with 95 % interval"
    return [counted, wrong] if _knows(table) else [counted]


def _limits(table: pd.DataFrame) -> tuple[float, float]:
    return 0.5, 2.0 * float(table["n_samples"].max())


def _step(table: pd.DataFrame) -> int:
    return max(1, int(table["n_looks"].iloc[0]) // 10)


FIGURE = FigureSpec(
    title="Samples that every look flags, some do, or none does",
    paper="",
    look_for=(
        "The two ends are verdicts that do not depend on when one looks; what lies between is "
        "ambiguous. Where the true labels are known, the right panel tells how much a single look "
        "at an ambiguous sample is worth."
    ),
    prepare=prepare,
    draw=draw,
    typeset=typeset,
    many=True,
)
