"""Trainings side by side, epoch by epoch: accuracy, loss, and how well a criterion does so far."""

from collections.abc import Sequence

import pandas as pd

from dashboard.drawing.marks import EPOCH, Axis, Drawing, Line, Panel
from dashboard.drawing.run_lines import key, run_colours, run_names
from dashboard.figures.base import CannotShow, FigureSpec
from dashboard.figures.selection import of_pass
from hmw_core.criteria.of_run import title_of
from hmw_core.log.reader import RunReader

AXES = {"accuracy": "Accuracy (%)", "loss": "Train loss (nat)", "auroc": "AUROC so far"}
KINDS = {
    "test_accuracy": ("accuracy", "test", 100.0),
    "train_accuracy": ("accuracy", "train, given labels", 100.0),
    "train_loss": ("loss", "train", 1.0),
}
HOVER = "epoch %{x}: %{y:.3g}"
DASH = {"test": "solid", "train, given labels": "dot"}


def prepare(runs: Sequence[RunReader], criterion: str = "iam") -> pd.DataFrame:
    """Return run, pass, quantity, line, title, epoch, value: a row per run, line and epoch logged.

    `quantity` is `accuracy` (per cent), `loss` (nat) or `auroc` (in [0, 1], of the criterion over
    the epochs so far; no row where a run has no true labels); `title` names its panel.
    """
    title = title_of(criterion)
    titles = {"accuracy": "Accuracy", "loss": "Loss", "auroc": f"AUROC of {title}"}
    parts = []
    for run in runs:
        metrics = run.metrics()
        kinds = KINDS | {f"auroc_{criterion}": ("auroc", title, 1.0)}
        for column, (quantity, line, factor) in kinds.items():
            if column not in metrics:
                continue
            part = metrics[["epoch"]].assign(
                run=run.name, quantity=quantity, line=line, value=factor * metrics[column]
            )
            part["pass"] = run.pass_name
            parts.append(part.dropna(subset=["value"]))
    table = pd.concat(parts) if parts else pd.DataFrame(columns=["quantity"])
    if table.empty:
        raise CannotShow("no epoch of these runs is finished yet, so there is no curve to show")
    table["title"] = table["quantity"].map(titles)
    order = ["run", "pass", "quantity", "line", "title", "epoch", "value"]
    return table[order].reset_index(drop=True)


def drawing(table: pd.DataFrame) -> Drawing:
    """Draw `prepare`'s table: a panel a quantity, a colour a run."""
    colours, names = run_colours(table["run"]), run_names(table, 30)
    named: set[str] = set()
    panels = []
    for quantity, axis in AXES.items():
        shown = table[table["quantity"] == quantity]
        if shown.empty:
            continue
        marks = []
        for (run, line), part in shown.groupby(["run", "line"], sort=False):
            dash = DASH.get(line, "solid")
            name = "" if run in named or dash != "solid" else names[run]
            named |= {run} if name else set()
            marks.append(Line(part["epoch"], part["value"], colours[run], name, dash, hover=HOVER))
        if quantity == "accuracy":
            marks += [key(line, DASH[line]) for line in shown["line"].unique()]
        axis = f"{axis}, {of_pass(shown)}" if quantity == "loss" else axis
        panels.append(Panel(marks, EPOCH, Axis(axis), shown["title"].iloc[0]))
    return Drawing(panels, height=360, aspect=0.75)


FIGURE = FigureSpec(
    title="Progress of the training",
    paper="",
    look_for=(
        "A test accuracy that falls while the accuracy on the given labels still rises: wrong "
        "labels are being memorised, and the AUROC of the last loss falls with it. An AUROC of 0.5 "
        "is chance. Train losses and accuracies are those of the given labels."
    ),
    prepare=prepare,
    drawing=drawing,
    many=True,
)
