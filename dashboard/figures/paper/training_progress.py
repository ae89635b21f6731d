"""Trainings side by side, epoch by epoch: accuracy, loss, and how well a criterion does so far."""

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure

from dashboard.drawing.panels import PAPER_DASHES, paper_legend, paper_panels, screen_panels
from dashboard.drawing.run_lines import run_colours, short_names
from dashboard.drawing.text import on_paper, on_screen
from dashboard.figures.base import CannotShow, FigureSpec
from hmw_core.criteria.of_run import title_of
from hmw_core.log.reader import RunReader

AXES = {"accuracy": "Accuracy (%)", "loss": "Train loss (nat)", "auroc": "AUROC so far"}
KINDS = {
    "test_accuracy": ("accuracy", "test", 100.0),
    "train_accuracy": ("accuracy", "train, given labels", 100.0),
    "train_loss": ("loss", "train", 1.0),
}
DASH = {"test": "solid", "train, given labels": "dot"}


def prepare(runs: Sequence[RunReader], criterion: str = "iam") -> pd.DataFrame:
    """Return run, quantity, line, title, epoch, value: a row per run, line and epoch logged.

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
            parts.append(part.dropna(subset=["value"]))
    table = pd.concat(parts) if parts else pd.DataFrame(columns=["quantity"])
    if table.empty:
        raise CannotShow("no epoch of these runs is finished yet, so there is no curve to show")
    table["title"] = table["quantity"].map(titles)
    order = ["run", "quantity", "line", "title", "epoch", "value"]
    return table[order].reset_index(drop=True)


def draw(table: pd.DataFrame) -> go.Figure:
    """Draw `prepare`'s table for the screen."""
    panels = _panels(table)
    figure = screen_panels([on_screen(title) for _, title in panels], height=360)
    colours = run_colours(table["run"])
    names = short_names(table["run"], 50)
    for column, (quantity, _) in enumerate(panels, start=1):
        for run, line, part in _lines(table, quantity):
            figure.add_scatter(
                x=part["epoch"],
                y=part["value"],
                mode="lines" if len(part) > 1 else "markers",
                name=f"{on_screen(names[run])}: {line}",
                showlegend=quantity == "accuracy" or not _has_accuracy(table, run),
                line={"color": colours[run], "dash": DASH.get(line, "solid")},
                hovertemplate="epoch %{x}: %{y:.3g}",
                row=1,
                col=column,
            )
        figure.update_xaxes(title="Epoch", row=1, col=column)
        figure.update_yaxes(title=AXES[quantity], row=1, col=column)
    return figure


def typeset(table: pd.DataFrame, width: float) -> Figure:
    """Typeset `prepare`'s table for a file of `width` inches."""
    panels = _panels(table)
    colours = run_colours(table["run"])
    names = short_names(table["run"], 30)
    with paper_panels(width, len(panels), 0.75) as (figure, all_axes):
        for axes, (quantity, title) in zip(all_axes, panels, strict=True):
            for run, line, part in _lines(table, quantity):
                axes.plot(
                    part["epoch"],
                    part["value"],
                    PAPER_DASHES[DASH.get(line, "solid")],
                    marker="" if len(part) > 1 else "o",
                    color=colours[run],
                    label=f"{on_paper(names[run])}: {line.split(',')[0]}",
                )
            axes.set_title(on_paper(title))
            axes.set_xlabel("Epoch")
            axes.set_ylabel(AXES[quantity])
        paper_legend(figure, all_axes[0])
    return figure


def _panels(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Return quantity and title of the panels that have something to show."""
    first = table.drop_duplicates("quantity").set_index("quantity")["title"]
    return [(quantity, str(first[quantity])) for quantity in AXES if quantity in first]


def _lines(table: pd.DataFrame, quantity: str) -> list[tuple[str, str, pd.DataFrame]]:
    part = table[table["quantity"] == quantity]
    return [
        (str(run), str(line), rows)
        for (run, line), rows in part.groupby(["run", "line"], sort=False)
    ]


def _has_accuracy(table: pd.DataFrame, run: str) -> bool:
    return bool((table["run"].eq(run) & table["quantity"].eq("accuracy")).any())


FIGURE = FigureSpec(
    title="Progress of the training",
    paper="",
    look_for=(
        "A test accuracy that falls while the accuracy on the given labels still rises: wrong "
        "labels are being memorised, and the AUROC of the last loss falls with it. An AUROC of 0.5 "
        "is chance."
    ),
    prepare=prepare,
    draw=draw,
    typeset=typeset,
    many=True,
)
