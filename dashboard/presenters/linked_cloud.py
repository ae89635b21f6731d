"""The map of the samples page: what passes the filters in colour, the rest pale, marks on top."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from matplotlib.colors import to_hex

from dashboard.drawing.cloud import LEGEND_UP_TO, Entry, Look
from dashboard.drawing.outlines import Outline, as_shapes
from dashboard.drawing.raster import Square
from dashboard.drawing.screen_cloud import (
    MARKERS_UP_TO,
    add_legend,
    add_markers,
    add_picture,
)
from dashboard.drawing.style import (
    CLASS_COLOURS,
    GREEN,
    GREY,
    GROUP_COLOURS,
    ORANGE,
    PURPLE,
    VERMILION,
    YELLOW,
    colour_map,
    screen_figure,
)
from dashboard.drawing.text import on_screen
from dashboard.figures.paper.clusters import OUTER
from dashboard.presenters.linked import UNKNOWN, Places, Samples
from hmw_core.criteria.criterion import Criterion
from hmw_core.criteria.of_run import title_of

TOP_MARKERS = 500  # of a cloud drawn as a picture: the most suspicious samples, to be hovered
PICKED_MARKERS = 2_000
PALE = 0.25  # opacity of what the filters leave out
HEIGHT = 520  # px
VERDICT_COLOURS = {
    "not judged": GREY,
    "keep": GREEN,
    "relabel": VERMILION,
    "unsure": ORANGE,
    "skip": PURPLE,
}
REST = Look(colours={"left out": GREY})
PLACE = {"row": 1, "col": 1}


COLOURS = {
    "given_label": "given label",
    "true_label": "true label",
    "is_mislabeled": "mislabeled",
    "predicted_label": "predicted label",
    "verdict": "verdict",
}
GROUPS = ("clean", "mislabeled", "unknown")


def prepare(
    samples: Samples,
    places: Places,
    passed: np.ndarray,
    colour: str,
    class_names: Sequence[str],
    verdict: Mapping[int, str],
) -> tuple[pd.DataFrame, Look]:
    """Return `draw`'s table and look for a colour of `COLOURS` or a criterion.

    `passed` (N,) tells which samples the filters let through.
    """
    ids = places.sample_id
    table = pd.DataFrame({"sample_id": ids, "x": places.x, "y": places.y, "is_shown": passed[ids]})
    if colour not in COLOURS:
        table["value"] = samples.score(colour)[ids]
        return table, _score_look(table["value"].to_numpy(), samples.criterion(colour))
    if colour == "verdict":
        names = list(VERDICT_COLOURS)
        colours = list(VERDICT_COLOURS.values())
        codes = np.zeros(samples.n, dtype=np.int64)
        codes[list(verdict)] = [names.index(said) for said in verdict.values()]
    elif colour == "is_mislabeled":
        names = list(GROUPS)
        colours = [GROUP_COLOURS[name] for name in names]
        codes = samples.is_mislabeled.astype(np.int64)
    else:
        names = [*_distinct(class_names), "unknown"]
        colours = [CLASS_COLOURS[i % len(CLASS_COLOURS)] for i in range(len(class_names))] + [GREY]
        codes = getattr(samples, colour)
    # A label that is not known is -1, and the last name is its.
    codes = np.where(codes[ids] < 0, len(names) - 1, codes[ids])
    table["value"] = pd.Categorical.from_codes(codes, names)
    return table, Look(COLOURS[colour], dict(zip(names, colours, strict=True)))


def colour_of(look: Look, value: pd.Series) -> list[str]:
    """Return the colour of each value, grey for null."""
    if look.colours:
        return [look.colours.get(name, GREY) for name in value]
    scale = colour_map()
    share = look.share(value)
    return [GREY if np.isnan(s) else to_hex(scale(s)) for s in share]


def _score_look(score: np.ndarray, criterion: Criterion) -> Look:
    finite = score[np.isfinite(score)]
    low, high = np.quantile(finite, OUTER) if len(finite) else (0.0, 1.0)
    end = "low" if criterion.higher_means == "clean" else "high"
    return Look(f"{criterion.title}, {end} = suspicious", low=float(low), high=float(high))


def _distinct(class_names: Sequence[str]) -> list[str]:
    """Return the names, with the label before them where two are alike or one is `unknown`."""
    if len({*class_names, "unknown"}) == len(class_names) + 1:
        return list(class_names)
    return [f"{label}: {name}" for label, name in enumerate(class_names)]


def draw(
    table: pd.DataFrame,
    look: Look,
    marked: pd.DataFrame,
    picked: pd.DataFrame,
    outlines: Sequence[Outline],
) -> go.Figure:
    """Draw the map.

    Parameters
    ----------
    table : DataFrame
        `sample_id`, `x`, `y`, `value` (categorical with the names of `look`, or a number; null is
        drawn pale) and `is_shown`, a row for each sample of the map.
    look : Look
    marked : DataFrame
        `x`, `y`, `said` (what hovering says) and `colour` of the samples that get a marker of
        their own where the cloud is a picture.
    picked : DataFrame
        `x`, `y`, `said` of the samples to ring.
    outlines : sequence of Outline
        Drawn as lines. As plotly's selections they would vanish by a double click that the page
        is not told of.
    """
    figure = go.Figure().set_subplots(1, 1)
    is_coloured = table["is_shown"] & table["value"].notna()
    shown, rest = table[is_coloured], table[~is_coloured]
    square = Square(table["x"].to_numpy(float), table["y"].to_numpy(float))
    is_picture = len(table) > MARKERS_UP_TO
    if len(rest):
        pale = rest.assign(value="left out")
        add_picture(figure, pale, REST, PLACE, square, PALE)
    if is_picture:
        for part in _layers(shown):
            add_picture(figure, part, look, PLACE, square)
    elif len(shown):
        add_markers(figure, shown.assign(group="sample"), look, PLACE)
    _add_marks(figure, marked if is_picture else marked[:0], picked, above_webgl=not is_picture)
    names = set(shown["value"].unique()) if look.colours else set()
    entries = [Entry(n, c, "circle") for n, c in look.colours.items() if n in names]
    add_legend(figure, entries if len(entries) <= LEGEND_UP_TO else [], look)
    screen_figure(figure, height=HEIGHT)
    span = {"showticklabels": False, "zeroline": False, "showgrid": False}
    figure.update_xaxes(range=[square.left, square.left + square.side], **span)
    figure.update_yaxes(range=[square.top - square.side, square.top], scaleanchor="x", **span)
    figure.update_layout(
        dragmode="lasso",
        shapes=as_shapes(outlines),
        margin={"t": 8, "b": 0},
        # A click would hide markers, but not the picture: the filters leave samples out.
        legend={"y": 0, "yanchor": "top", "itemsizing": "constant", "itemclick": False},
        coloraxis_colorbar_thickness=12,
    )
    figure.update_layout(legend_itemdoubleclick=False)
    return figure


def _layers(shown: pd.DataFrame) -> list[pd.DataFrame]:
    """Return what to draw one over the other: the few judged samples above the many others."""
    if not isinstance(shown["value"].dtype, pd.CategoricalDtype):
        return [shown] if len(shown) else []
    below = shown["value"] == "not judged"
    return [part for part in (shown[below], shown[~below]) if len(part)]


def _add_marks(
    figure: go.Figure, marked: pd.DataFrame, picked: pd.DataFrame, *, above_webgl: bool
) -> None:
    # WebGL lies above all else, so what marks its markers must be in it, too; a picture needs none.
    trace: Any = go.Scattergl if above_webgl else go.Scatter
    hover = "%{text}<extra></extra>"
    if len(marked):
        figure.add_trace(
            trace(
                x=marked["x"].to_numpy(np.float32),
                y=marked["y"].to_numpy(np.float32),
                text=marked["said"].tolist(),
                mode="markers",
                name="most suspicious",
                showlegend=False,
                marker={
                    "size": 7,
                    "color": marked["colour"].tolist(),
                    "line": {"color": "#FFFFFF", "width": 1},
                },
                hovertemplate=hover,
            )
        )
    for size, width, colour in ((17, 5, "#222222"), (17, 2.5, YELLOW)) if len(picked) else ():
        figure.add_trace(
            trace(
                x=picked["x"].to_numpy(np.float32),
                y=picked["y"].to_numpy(np.float32),
                text=picked["said"].tolist(),
                mode="markers",
                name="picked",
                showlegend=False,
                marker={
                    "size": size,
                    "symbol": "circle-open",
                    "color": colour,
                    "line": {"width": width, "color": colour},
                },
                hovertemplate=hover,
            )
        )


def marks(
    rows: pd.DataFrame,
    samples: Samples,
    class_names: Sequence[str],
    criterion: str,
    look: Look,
) -> pd.DataFrame:
    """Return `x`, `y`, `said` and `colour` of some rows of `prepare`'s table."""
    score, rank = samples.score(criterion), samples.rank(criterion)
    said = []
    for sample_id in rows["sample_id"]:
        lines = [f"sample {sample_id}"]
        for what in ("given", "true", "predicted"):
            label = int(getattr(samples, f"{what}_label")[sample_id])
            if label != UNKNOWN:
                lines.append(f"{what} {on_screen(class_names[label])}")
        if rank[sample_id]:
            lines.append(f"{title_of(criterion)} {score[sample_id]:.3g}")
            lines.append(f"rank {rank[sample_id]:,}")
        said.append("<br>".join(lines))
    return rows[["x", "y"]].assign(said=said, colour=colour_of(look, rows["value"]))
