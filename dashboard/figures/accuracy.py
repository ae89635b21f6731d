"""Fig. 7: train and test accuracy by epoch, with the paper's number where there is one."""

from collections.abc import Sequence

import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure

from dashboard.figures.base import CannotShow, FigureSpec
from dashboard.figures.style import CLASS_COLOURS, paper_figure, paper_style, screen_figure
from hmw_core.paper import paper_accuracy
from hmw_core.reader import RunReader

KINDS = {"test_accuracy": "test", "train_accuracy": "train, on given labels"}
DASH = {"test": "solid", "train, on given labels": "dot"}
MPL_DASH = {"test": "-", "train, on given labels": ":"}


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
        raise CannotShow("no epoch of these runs is finished yet, so there is no accuracy to show")
    table = table.astype({"paper": float})
    return table[["run", "split", "epoch", "accuracy", "paper"]].reset_index(drop=True)


def draw(table: pd.DataFrame) -> go.Figure:
    """Draw `prepare`'s table for the screen."""
    figure = go.Figure()
    for (run, split), part in table.groupby(["run", "split"], sort=False):
        figure.add_scatter(
            x=part["epoch"],
            y=part["accuracy"],
            mode="lines" if len(part) > 1 else "markers",
            name=f"{run}: {split}",
            line={"color": _colour(table, run), "dash": DASH[split]},
            hovertemplate=f"{run}<br>{split}<br>epoch %{{x}}: %{{y:.1f}} %<extra></extra>",
        )
    for run, reported in _reported(table).items():
        figure.add_hline(
            y=reported,
            line={"color": _colour(table, run), "dash": "longdash", "width": 1},
            annotation_text=f"paper, {run}: {reported:.1f} %",
        )
    figure.update_xaxes(title="Epoch")
    figure.update_yaxes(title="Accuracy (%)")
    return screen_figure(figure)


def typeset(table: pd.DataFrame, width: float) -> Figure:
    """Typeset `prepare`'s table for a file of `width` inches."""
    figure, [axes] = paper_figure(width)
    with paper_style():
        for (run, split), part in table.groupby(["run", "split"], sort=False):
            axes.plot(
                part["epoch"],
                part["accuracy"],
                MPL_DASH[split],
                color=_colour(table, run),
                label=f"{run}: {split}",
            )
        for run, reported in _reported(table).items():
            axes.axhline(
                reported,
                color=_colour(table, run),
                linestyle="--",
                linewidth=0.8,
                label=f"paper, {run}",
            )
        axes.set_xlabel("Epoch")
        axes.set_ylabel("Accuracy (%)")
        figure.legend(loc="outside upper left", ncols=1 if width < 5 else 2)
    return figure


def _colour(table: pd.DataFrame, run: str) -> str:
    order = list(dict.fromkeys(table["run"]))
    return CLASS_COLOURS[[0, 6, 2, 5, 7, 3, 8, 1, 4, 9][order.index(run) % 10]]


def _reported(table: pd.DataFrame) -> dict[str, float]:
    return table.dropna(subset=["paper"]).groupby("run", sort=False)["paper"].first().to_dict()


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
