"""Fig. 7: train and test accuracy by epoch, with the paper's number where there is one."""

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure

from dashboard.drawing.panels import PAPER_DASHES, paper_legend, paper_panels
from dashboard.drawing.run_lines import run_colours, short_names
from dashboard.drawing.style import screen_figure
from dashboard.drawing.text import on_paper, on_screen
from dashboard.figures.base import CannotShow, FigureSpec
from hmw_core.experiments.paper import paper_accuracy
from hmw_core.log.reader import RunReader

KINDS = {"test_accuracy": "test", "train_accuracy": "train, on given labels"}
DASH = {"test": "solid", "train, on given labels": "dot"}
MARKERS = {"test": "o", "train, on given labels": "s"}
SHORT = {"test": "test", "train, on given labels": "train"}  # for a column's narrow legend


def prepare(runs: Sequence[RunReader]) -> pd.DataFrame:
    """Return run, split, epoch, accuracy (per cent) and `paper` (per cent, NaN without a row)."""
    parts = []
    for run in runs:
        metrics = run.metrics()
        noise = run.info.get("noise") or {}
        reported = paper_accuracy(
            run.info.get("recipe"),
            run.info["dataset"]["name"],
            noise.get("name"),
            noise.get("rate"),
        )
        for column, split in KINDS.items():
            part = metrics[["epoch"]].assign(
                run=run.name,
                split=split,
                accuracy=100 * metrics[column],
                paper=reported if split == "test" else None,
            )
            parts.append(part.dropna(subset=["accuracy"]))
    table = pd.concat(parts) if parts else pd.DataFrame()
    if table.empty:
        raise CannotShow("no epoch of these runs with an accuracy is finished, so there is none")
    table = table.astype({"paper": float})
    return table[["run", "split", "epoch", "accuracy", "paper"]].reset_index(drop=True)


def draw(table: pd.DataFrame) -> go.Figure:
    """Draw `prepare`'s table for the screen."""
    figure = go.Figure()
    colours = run_colours(table["run"])
    names = {run: on_screen(name) for run, name in short_names(table["run"], 60).items()}
    for run, part in table.groupby("run", sort=False):
        for split, line in part.groupby("split", sort=False):
            figure.add_scatter(
                x=line["epoch"],
                y=line["accuracy"],
                mode="lines" if len(line) > 1 else "markers",
                name=f"{names[run]}: {split}",
                line={"color": colours[run], "dash": DASH[split]},
                hovertemplate="epoch %{x}: %{y:.1f} %",
            )
        reported = part["paper"].dropna()
        if len(reported):
            # A line of its own and not a shape: its number stands in the legend, never clipped.
            figure.add_scatter(
                x=[table["epoch"].min(), table["epoch"].max()],
                y=[reported.iloc[0]] * 2,
                mode="lines",
                name=f"paper, {names[run]}: {reported.iloc[0]:.1f} %",
                line={"color": colours[run], "dash": "longdash", "width": 1},
                hovertemplate="%{y:.1f} %",
            )
    figure = screen_figure(figure, height=420)
    figure.update_layout(legend={"y": -0.2, "yanchor": "top"}, margin={"t": 16})
    figure.update_xaxes(title="Epoch")
    figure.update_yaxes(title="Accuracy (%)")
    return figure


def typeset(table: pd.DataFrame, width: float) -> Figure:
    """Typeset `prepare`'s table for a file of `width` inches."""
    colours = run_colours(table["run"])
    names = {run: on_paper(name) for run, name in short_names(table["run"], 34).items()}
    with paper_panels(width, 1, 0.7 if width < 5 else 0.5) as (figure, [axes]):
        for run, part in table.groupby("run", sort=False):
            for split, line in part.groupby("split", sort=False):
                axes.plot(
                    line["epoch"],
                    line["accuracy"],
                    PAPER_DASHES[DASH[split]],
                    marker="" if len(line) > 1 else MARKERS[split],
                    color=colours[run],
                    label=f"{names[run]}: {SHORT[split]}",
                )
            reported = part["paper"].dropna()
            if len(reported):
                axes.axhline(
                    reported.iloc[0],
                    color=colours[run],
                    linestyle=(0, (8, 3)),
                    linewidth=0.8,
                    label=f"{names[run]}: paper {reported.iloc[0]:.1f}",
                )
        axes.set_xlabel("Epoch")
        axes.set_ylabel("Accuracy (%)")
        paper_legend(figure, axes)
    return figure


FIGURE = FigureSpec(
    title="Accuracy by epoch",
    paper="Fig. 7",
    look_for=(
        "A test curve that rises and then falls while the train curve keeps rising: "
        "the network is memorising wrong labels."
    ),
    prepare=prepare,
    draw=draw,
    typeset=typeset,
    many=True,
)
