"""Which true label became which given one: the measured transition matrix."""

from typing import Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from matplotlib.figure import Figure

from dashboard.drawing.matrix import MOST_ANNOTATED, cell_text, ink, ticks_of
from dashboard.drawing.panels import SMALLEST, paper_panels
from dashboard.drawing.style import CONTINUOUS, screen_figure
from dashboard.drawing.text import on_paper, on_screen, shorten
from dashboard.figures.base import CannotShow, FigureSpec
from hmw_core.log.reader import RunReader

BAR = "Share of the true class (%)"


def prepare(run: RunReader) -> pd.DataFrame:
    """Return true, given, their names, count, share (per cent of the true class), every pair.

    Only samples of known true label count; `n_samples` and `n_mislabeled` say how many. The share
    of a class without any is NaN.
    """
    samples = run.samples().dropna(subset=["true_label"])
    if samples.empty:
        raise CannotShow(f"run {run.name!r} knows no true label, so its noise cannot be measured")
    counts = np.zeros((run.n_classes, run.n_classes), dtype=np.int64)
    np.add.at(counts, (samples["true_label"].astype(int), samples["given_label"]), 1)
    true, given = np.indices(counts.shape).reshape(2, -1)
    of_class = counts.sum(axis=1)[true]
    names = np.array(run.class_names, dtype=object)
    return pd.DataFrame(
        {
            "true": true,
            "given": given,
            "true_name": names[true],
            "given_name": names[given],
            "count": counts.ravel(),
            "share": 100 * counts.ravel() / np.where(of_class == 0, np.nan, of_class),
            "n_samples": len(samples),
            "n_mislabeled": int(samples["is_mislabeled"].sum()),
        }
    )


def draw(table: pd.DataFrame) -> go.Figure:
    """Draw `prepare`'s table for the screen."""
    share = _matrix(table, "share")
    names = [on_screen(shorten(name, 18)) for name in _names(table)]
    full = np.array([on_screen(shorten(name, 60)) for name in _names(table)])
    hover = np.stack(
        [*np.meshgrid(full, full, indexing="ij"), _matrix(table, "count").astype(str)], axis=-1
    )
    figure = go.Figure(
        go.Heatmap(
            z=share,
            customdata=hover,
            zmin=0,
            zmax=100,
            colorscale=CONTINUOUS,
            colorbar={"title": {"text": BAR, "side": "right"}},
            hovertemplate="true %{customdata[0]}, given %{customdata[1]}: %{customdata[2]} samples,"
            " %{z:.1f} %<extra></extra>",
        )
    )
    if len(names) <= MOST_ANNOTATED:
        # Plotly's own cell texts turn grey on the grey middle of the scale.
        cells = [
            {
                "x": column,
                "y": row,
                "text": cell_text(value, ".1f"),
                "showarrow": False,
                "font": {"color": ink(value), "size": 12},
            }
            for (row, column), value in np.ndenumerate(share)
        ]
        figure.update_layout(annotations=cells)
    figure = screen_figure(figure, height=520)
    figure.update_layout(title={"text": _counts(table), "font": {"size": 14}, "x": 0.05})
    at = ticks_of(len(names))
    ticks = {"tickvals": at, "ticktext": [names[i] for i in at], "showgrid": False}
    figure.update_xaxes(title="Given label", constrain="domain", **ticks)
    figure.update_yaxes(title="True label", autorange="reversed", zeroline=False, **ticks)
    return figure


def typeset(table: pd.DataFrame, width: float) -> Figure:
    """Typeset `prepare`'s table for a file of `width` inches."""
    share = _matrix(table, "share")
    names = [on_paper(shorten(name, 14)) for name in _names(table)]
    beside_text = width < 5
    with paper_panels(width, 1, 0.9 if beside_text else 0.5) as (figure, [axes]):
        aspect: Literal["equal", "auto"] = "equal" if beside_text else "auto"
        image = axes.imshow(share, vmin=0, vmax=100, cmap=CONTINUOUS, aspect=aspect)
        if len(names) <= MOST_ANNOTATED:
            room = 72 * min(width, 5) * 0.6 / len(names)  # points of a cell
            size = max(SMALLEST, min(7.0, 0.45 * room))
            for (row, column), value in np.ndenumerate(share):
                axes.text(
                    column,
                    row,
                    cell_text(value, ".0f"),
                    color=ink(value),
                    ha="center",
                    va="center",
                    fontsize=size,
                )
        at = ticks_of(len(names))
        labels = [names[i] for i in at]
        upright = max(map(len, labels)) > 3
        axes.set_xticks(at, labels, rotation=90 if upright else 0)
        axes.set_yticks(at, labels)
        axes.set_xlabel("Given label")
        axes.set_ylabel("True label")
        axes.set_title(_counts(table))
        figure.colorbar(image, ax=axes, label=BAR, shrink=0.9)
    return figure


def _matrix(table: pd.DataFrame, column: str) -> np.ndarray:
    """Return a column as (true, given)."""
    n_classes = int(table["true"].max()) + 1
    return table[column].to_numpy().reshape(n_classes, n_classes)


def _names(table: pd.DataFrame) -> list[str]:
    return table.loc[table["given"] == 0, "true_name"].to_list()


def _counts(table: pd.DataFrame) -> str:
    first = table.iloc[0]
    share = 100 * first["n_mislabeled"] / first["n_samples"]
    return f"{first['n_mislabeled']:,} of {first['n_samples']:,} mislabeled ({share:.1f} %)"


FIGURE = FigureSpec(
    title="True and given labels",
    paper="",
    look_for=(
        "The diagonal is what stayed right. An even spread beside it is symmetric noise; single "
        "strong cells are pairs of classes that were confused."
    ),
    prepare=prepare,
    draw=draw,
    typeset=typeset,
)
