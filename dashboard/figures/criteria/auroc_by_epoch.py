"""Fig. 1 in numbers: how well each criterion finds the mislabeled samples, epoch by epoch."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure

from dashboard.drawing.panels import PAPER_DASHES, paper_legend, paper_panels
from dashboard.drawing.style import GREY, criterion_colour, criterion_dash, screen_figure
from dashboard.drawing.text import on_screen, three_digits
from dashboard.figures.base import CannotShow, FigureSpec
from dashboard.figures.selection import absent_criteria, check_epoch
from hmw_core.criteria import MAIN_CRITERIA
from hmw_core.criteria.compute import scores_by_epoch, without_absent
from hmw_core.criteria.of_run import pick_criterion
from hmw_core.log.reader import RunReader
from hmw_core.statistics.ranking import auroc

MOST_COMPUTED = 12  # epochs, where the log lacks the numbers: each ranks all samples anew
AXIS = "AUROC"


def prepare(run: RunReader, criteria: Sequence[str] | None = None) -> pd.DataFrame:
    """Return criterion, title, epoch, auroc in [0, 1], n_clean, n_mislabeled, made.

    `made` is `logged` during training, or `computed` now from the samples of known true label,
    at up to `MOST_COMPUTED` epochs, where the log holds none. A criterion that the log has
    nothing for has no row, and where the run's source lacks it, `absent` says so.
    """
    last = check_epoch(run)
    names = list(MAIN_CRITERIA) if criteria is None else list(criteria)
    titles = {name: pick_criterion(run, name).title for name in names}
    wrong = run.samples()["is_mislabeled"]
    n_mislabeled, n_clean = int(wrong.sum()), int(wrong.eq(False).sum())
    if not n_mislabeled or not n_clean:
        raise CannotShow(
            f"run {run.name!r} knows {n_clean} clean and {n_mislabeled} mislabeled samples; "
            "an AUROC needs true labels with some of both"
        )
    lacks = absent_criteria(run, names)
    names = list(without_absent({name: pick_criterion(run, name) for name in names}, run))
    if not names:
        raise CannotShow(f"run {run.name!r} has {lacks}")
    metrics = run.metrics()
    logged = [name for name in names if _is_logged(metrics, name)]
    parts = [
        pd.DataFrame(
            {"criterion": name, "epoch": metrics["epoch"], "auroc": metrics[f"auroc_{name}"]}
        ).assign(made="logged")
        for name in logged
    ]
    missing = [name for name in names if name not in logged]
    if missing:
        parts.append(_computed(run, missing, last))
    table = pd.concat(parts, ignore_index=True).dropna(subset=["auroc"])
    if table.empty:
        raise CannotShow(f"run {run.name!r} logs nothing that {', '.join(names)} can be read from")
    table["title"] = table["criterion"].map(titles)
    table = table.assign(n_clean=n_clean, n_mislabeled=n_mislabeled)
    table = table[["criterion", "title", "epoch", "auroc", "n_clean", "n_mislabeled", "made"]]
    return table.assign(absent=lacks) if lacks else table


def draw(table: pd.DataFrame) -> go.Figure:
    """Draw `prepare`'s table for the screen."""
    figure = go.Figure()
    for name, part in table.groupby("criterion", sort=False):
        figure.add_scatter(
            x=part["epoch"],
            y=part["auroc"],
            mode="lines" if len(part) > MOST_COMPUTED else "lines+markers",
            name=on_screen(_line_title(part)),
            line={"color": criterion_colour(str(name)), "dash": criterion_dash(str(name))},
            hovertemplate="epoch %{x}: %{y:.3f}",
        )
    figure = screen_figure(figure, height=420)
    figure.add_hline(y=0.5, line={"color": GREY, "width": 1, "dash": "dot"})
    figure.update_layout(legend={"orientation": "v", "x": 1.02, "y": 1, "yanchor": "top"})
    figure.update_layout(title={"text": _counts(table), "font": {"size": 14}, "x": 0.05})
    figure.update_xaxes(title="Epoch")
    figure.update_yaxes(title=AXIS, range=_limits(table))
    return figure


def typeset(table: pd.DataFrame, width: float) -> Figure:
    """Typeset `prepare`'s table for a file of `width` inches."""
    with paper_panels(width, 1, 0.5 if width > 5 else 0.75) as (figure, [axes]):
        for name, part in table.groupby("criterion", sort=False):
            axes.plot(
                part["epoch"],
                part["auroc"],
                PAPER_DASHES[criterion_dash(str(name))],
                marker="" if len(part) > MOST_COMPUTED else ".",
                color=criterion_colour(str(name)),
                label=_line_title(part),
            )
        axes.axhline(0.5, color=GREY, linewidth=0.8, linestyle=":", zorder=0)
        axes.set_ylim(*_limits(table))
        axes.set_title(_counts(table))
        axes.set_xlabel("Epoch")
        axes.set_ylabel(AXIS)
        paper_legend(figure, axes)
    return figure


def _is_logged(metrics: pd.DataFrame, name: str) -> bool:
    column = f"auroc_{name}"
    return column in metrics and bool(metrics[column].notna().any())


def _computed(run: RunReader, names: list[str], last: int) -> pd.DataFrame:
    """Return criterion, epoch, auroc, made at evenly spread epochs; the log is read once."""
    chosen = set(np.linspace(1, last, min(last, MOST_COMPUTED)).round().astype(int).tolist())
    criteria = {name: pick_criterion(run, name) for name in names}
    wrong = run.samples()["is_mislabeled"]
    rows = []
    for epoch, scores in scores_by_epoch(run, criteria, sorted(chosen)):
        known = wrong.loc[scores.index]
        for name, criterion in criteria.items():
            value = auroc(scores[name], known, criterion.higher_means)
            rows.append((name, epoch, value, "computed"))
    return pd.DataFrame(rows, columns=["criterion", "epoch", "auroc", "made"])


def _line_title(part: pd.DataFrame) -> str:
    """Return the criterion with its number after the last epoch shown."""
    last = part.loc[part["epoch"].idxmax()]
    return f"{last['title']}: {three_digits(last['auroc'])}"


def _counts(table: pd.DataFrame) -> str:
    first = table.iloc[0]
    text = f"{first['n_clean']:,} clean against {first['n_mislabeled']:,} mislabeled"
    computed = table.loc[table["made"] == "computed", "epoch"].nunique()
    return f"{text} · computed at {computed} epochs" if computed else text


def _limits(table: pd.DataFrame) -> list[float]:
    """Return the axis: from chance, or below where a criterion is, to 1; the same for all."""
    return [min(0.48, float(table["auroc"].min()) - 0.02), 1.01]


FIGURE = FigureSpec(
    title="AUROC of every criterion by epoch",
    paper="Fig. 1",
    look_for=(
        "Which criterion is highest, and whether it stays so: a last loss that falls while the "
        "means over epochs keep their height is memorisation. The number beside each name is the "
        "AUROC after the last epoch; 0.5 is chance."
    ),
    prepare=prepare,
    draw=draw,
    typeset=typeset,
)
