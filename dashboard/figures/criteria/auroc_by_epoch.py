"""Fig. 1 in numbers: how well each criterion finds the mislabeled samples, epoch by epoch."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dashboard.drawing.marks import EPOCH, Axis, Drawing, Line, Panel, Rule
from dashboard.drawing.text import three_digits
from dashboard.figures.base import CannotShow, FigureSpec
from dashboard.figures.selection import absent_criteria, check_epoch
from hmw_core.criteria.compute import scores_by_epoch, without_absent
from hmw_core.criteria.of_run import main_criteria_of, pick_criterion
from hmw_core.log.reader import RunReader
from hmw_core.statistics.ranking import auroc

MOST_COMPUTED = 12  # epochs, where the log lacks the numbers: each ranks all samples anew


def prepare(run: RunReader, criteria: Sequence[str] | None = None) -> pd.DataFrame:
    """Return criterion, title, epoch, auroc in [0, 1], n_clean, n_mislabeled, made.

    `made` is `logged` during training, or `computed` now from the samples of known true label,
    at up to `MOST_COMPUTED` epochs, where the log holds none. A criterion that the log has
    nothing for has no row, and where the run's source lacks it, `absent` says so.
    """
    last = check_epoch(run)
    names = list(main_criteria_of(run)) if criteria is None else list(criteria)
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


def drawing(table: pd.DataFrame) -> Drawing:
    """Draw `prepare`'s table: a line a criterion, with its number after the last epoch shown."""
    marks = []
    for name, part in table.groupby("criterion", sort=False):
        last = part.loc[part["epoch"].idxmax()]
        title = f"{last['title']}: {three_digits(last['auroc'])}"
        dots = len(part) <= MOST_COMPUTED
        marks.append(Line(part["epoch"], part["auroc"], str(name), title, dots=dots))
    # From chance, or below where a criterion is, to 1; the same for all.
    limits = (min(0.48, float(table["auroc"].min()) - 0.02), 1.01)
    panel = Panel([*marks, Rule(y=0.5)], EPOCH, Axis("AUROC", limits))
    return Drawing([panel], _counts(table), height=420, aspect=0.7)


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


def _counts(table: pd.DataFrame) -> str:
    first = table.iloc[0]
    text = f"{first['n_clean']:,} clean against {first['n_mislabeled']:,} mislabeled"
    computed = table.loc[table["made"] == "computed", "epoch"].nunique()
    return f"{text} · computed at {computed} epochs" if computed else text


FIGURE = FigureSpec(
    title="AUROC of every criterion by epoch",
    paper="",
    look_for=(
        "Which criterion is highest, and whether it stays so: a last loss that falls while the "
        "means over epochs keep their height is memorisation. The number beside each name is the "
        "AUROC after the last epoch; 0.5 is chance."
    ),
    prepare=prepare,
    drawing=drawing,
)
