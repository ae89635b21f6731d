"""The map of the page Inspect: what passes the filters in colour, the rest pale, marks on top."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from matplotlib.colors import to_hex

from dashboard.drawing.cloud import LEGEND_UP_TO, Entry, Look
from dashboard.drawing.outlines import Outline, as_shapes
from dashboard.drawing.raster import Square
from dashboard.drawing.robust import Window, robust_window
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
    GROUP_MARKERS,
    ORANGE,
    PURPLE,
    VERMILION,
    colour_map,
    screen_figure,
)
from dashboard.drawing.text import mid_sentence
from dashboard.figures.paper.clusters import OUTER
from dashboard.presenters.linked import Places, Samples
from hmw_core.criteria.criterion import Criterion
from hmw_core.criteria.of_run import criteria_of, title_of
from hmw_core.log.reader import RunReader
from hmw_core.samples.method_parts import METHOD_LABEL, part_columns

TOP_MARKERS = 500  # of a cloud drawn as a picture: the most suspicious samples, to be hovered
PICKED_MARKERS = 2_000
PALE = 0.25  # opacity of what the filters leave out
HEIGHT = 450  # px
VERDICT_COLOURS = {
    "not judged": GREY,
    "keep": GREEN,
    "relabel": VERMILION,
    "unsure": ORANGE,
    "skip": PURPLE,
}
# Of a method's parts: no colour that claims clean or mislabeled.
PART_COLOURS = [CLASS_COLOURS[i] for i in (5, 0, 2, 7, 9, 3, 4, 6, 8, 1)]
REST = Look(colours={"left out": GREY})
PLACE = {"row": 1, "col": 1}


COLOURS = {
    "is_mislabeled": "clean or mislabeled",
    "given_label": "given label",
    "true_label": "true label",
    "predicted_label": "predicted label",
    "verdict": "verdict",
}
GROUPS = ("clean", "mislabeled", "unknown")
EDGES = ("", "triangle-left", "triangle-right", "triangle-down", "triangle-up")
FLATTEST = 0.5  # a class's strip of samples is drawn at least half as high as it is wide


def colours_of(run: RunReader) -> list[str]:
    """Return what a run's samples can be coloured by, the best to begin with first."""
    is_known = run.samples()["true_label"].notna().any()
    labels = [name for name in COLOURS if is_known or name not in ("is_mislabeled", "true_label")]
    parts = part_columns(run)
    return [*labels, *parts, *(name for name in criteria_of(run) if name not in parts)]


def colour_title(run: RunReader, name: str) -> str | None:
    """Return what a colour that is no score is called; None for a score."""
    if name not in part_columns(run):
        return COLOURS.get(name)
    return (
        "method's own label" if name == METHOD_LABEL else f"method: {mid_sentence(title_of(name))}"
    )


def window_of(samples: Samples, places: Places, given_label: int | None) -> Window:
    """Return the part of the map that fits a class, or all samples."""
    x, y = places.x, places.y
    if given_label is not None:
        in_class = samples.given_label[places.sample_id] == given_label
        x, y = x[in_class], y[in_class]
    return robust_window(x, y).no_flatter_than(FLATTEST)


def nearest(places: Places, shown: np.ndarray, at: tuple[float, float, float, float]) -> int | None:
    """Return the shown sample next to a click, None where none lies within its reach.

    Parameters
    ----------
    places : Places
    shown : ndarray of shape (N,), bool
        By sample_id.
    at : tuple of float
        `x`, `y`, and how far the click reaches along each axis, in their units.
    """
    x, y, reach_x, reach_y = at
    away = np.hypot((places.x - x) / (reach_x or 1.0), (places.y - y) / (reach_y or 1.0))
    away[~shown[places.sample_id]] = np.inf
    best = int(away.argmin()) if len(away) else 0
    return int(places.sample_id[best]) if len(away) and away[best] <= 1 else None


def prepare(
    samples: Samples,
    places: Places,
    passed: np.ndarray,
    colour: str,
    class_names: Sequence[str],
    verdict: Mapping[int, str],
    window: Window | None = None,
) -> tuple[pd.DataFrame, Look]:
    """Return `draw`'s table and look for a colour of `COLOURS`, a method's parts, or a criterion.

    `passed` (N,) tells which samples the filters let through. Those of them outside the window are
    marked at its edge.
    """
    ids = places.sample_id
    table = pd.DataFrame({"sample_id": ids, "x": places.x, "y": places.y, "is_shown": passed[ids]})
    edge = np.zeros(len(ids), dtype=np.int8)
    if window is not None:
        outside, x, y = window.edge_of(places.x, places.y)
        table.loc[outside, ["x", "y"]] = np.column_stack([x, y]).astype(np.float32)
        sides = [x <= window.left, x >= window.right, y <= window.bottom]
        edge[outside] = np.select(sides, [1, 2, 3], 4)
    table["edge"] = pd.Categorical.from_codes(edge, EDGES)
    known = samples.is_mislabeled[ids]
    table["group"] = pd.Categorical.from_codes(np.where(known < 0, 2, known), GROUPS)
    parts = None if colour in COLOURS else samples.parts(colour)
    if colour not in COLOURS and parts is None:
        table["value"] = samples.score(colour)[ids]
        shown = table.loc[table["is_shown"], "value"].to_numpy()
        return table, _score_look(shown, samples.criterion(colour))
    markers: dict[str, str] = {}
    if parts is not None:
        names = [*parts.names, "not known"]
        colours = [PART_COLOURS[i % len(PART_COLOURS)] for i in range(len(parts.names))] + [GREY]
        codes = parts.codes
    elif colour == "verdict":
        names = list(VERDICT_COLOURS)
        colours = list(VERDICT_COLOURS.values())
        codes = np.zeros(samples.n, dtype=np.int64)
        codes[list(verdict)] = [names.index(said) for said in verdict.values()]
    elif colour == "is_mislabeled":
        names = list(GROUPS)
        colours = [GROUP_COLOURS[name] for name in names]
        codes = samples.is_mislabeled.astype(np.int64)
        markers = GROUP_MARKERS
    else:
        names = [*_distinct(class_names), "unknown"]
        colours = [CLASS_COLOURS[i % len(CLASS_COLOURS)] for i in range(len(class_names))] + [GREY]
        codes = getattr(samples, colour)
    # A label that is not known is -1, and the last name is its.
    codes = np.where(codes[ids] < 0, len(names) - 1, codes[ids])
    table["value"] = pd.Categorical.from_codes(codes, names)
    title = COLOURS.get(colour) or title_of(colour)
    return table, Look(title, dict(zip(names, colours, strict=True)), markers)


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
    title = f"{criterion.title}, {end} = suspicious"
    return Look(title, markers=GROUP_MARKERS, low=float(low), high=float(high))


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
    window: Window | None = None,
) -> go.Figure:
    """Draw the map; a marker's `customdata` is its `sample_id`, for whoever follows the mouse.

    Parameters
    ----------
    table : DataFrame
        `sample_id`, `x`, `y`, `value` (categorical with the names of `look`, or a number; null is
        drawn pale), `group` (for the marker), `is_shown`, and `edge`: empty, or the triangle of
        what lies outside the window. A row for each sample of the map.
    look : Look
    marked : DataFrame
        `sample_id`, `x`, `y` and `colour` of the samples that get a marker of their own where the
        cloud is a picture.
    picked : DataFrame
        `sample_id`, `x`, `y` of the samples to ring.
    outlines : sequence of Outline
        Drawn as lines. As plotly's selections they would vanish by a double click that the page
        is not told of.
    window : Window, optional
        What the axes show. Default: all of it.
    """
    figure = go.Figure().set_subplots(1, 1)
    window = window or robust_window(table["x"].to_numpy(), table["y"].to_numpy())
    square = Square(np.array([window.left, window.right]), np.array([window.bottom, window.top]))
    within = table["edge"] == ""
    is_coloured = table["is_shown"] & table["value"].notna()
    shown, rest = table[is_coloured & within], table[~is_coloured & within]
    is_picture = is_drawn_as_picture(table)
    if len(rest):
        pale = rest.assign(value="left out")
        add_picture(figure, pale, REST, PLACE, square, PALE)
    if is_picture:
        for part in _layers(shown):
            add_picture(figure, part, look, PLACE, square)
    elif len(shown):
        add_markers(figure, shown, look, PLACE)
    outside = table[is_coloured & ~within]
    _add_outside(figure, outside, colour_of(look, outside["value"]))
    _add_marks(figure, marked if is_picture else marked[:0], picked, above_webgl=not is_picture)
    names = set(shown["value"].unique()) if look.colours else set(shown["group"])
    looks = look.colours or dict.fromkeys(look.markers if not is_picture else (), GREY)
    entries = [Entry(n, c, look.marker(n)) for n, c in looks.items() if n in names]
    add_legend(figure, entries if len(entries) <= LEGEND_UP_TO else [], look)
    # The page's own script says more than plotly's label, and shows the picture.
    figure.update_traces(hoverinfo="none", hovertemplate=None)
    screen_figure(figure, height=HEIGHT)
    span = {"showticklabels": False, "zeroline": False, "showgrid": False}
    figure.update_xaxes(range=[window.left, window.right], uirevision="map", **span)
    figure.update_yaxes(range=[window.bottom, window.top], uirevision="map", **span)
    figure.update_layout(
        dragmode="lasso",
        shapes=as_shapes(outlines),
        margin={"t": 30, "b": 0},
        # A click would hide markers, but not the picture: the filters leave samples out.
        legend={"itemsizing": "constant", "itemclick": False},
        coloraxis_colorbar_thickness=12,
    )
    figure.update_layout(legend_itemdoubleclick=False)
    return figure


def is_drawn_as_picture(table: pd.DataFrame) -> bool:
    """Tell whether `draw` makes a picture of these samples, in which few have a marker."""
    return int(table["is_shown"].sum()) > MARKERS_UP_TO


def _layers(shown: pd.DataFrame) -> list[pd.DataFrame]:
    """Return what to draw one over the other: the few judged samples above the many others."""
    if not isinstance(shown["value"].dtype, pd.CategoricalDtype):
        return [shown] if len(shown) else []
    below = shown["value"] == "not judged"
    return [part for part in (shown[below], shown[~below]) if len(part)]


def _add_outside(figure: go.Figure, outside: pd.DataFrame, colours: list[str]) -> None:
    if len(outside):
        figure.add_scatter(
            x=outside["x"].to_numpy(np.float32),
            y=outside["y"].to_numpy(np.float32),
            customdata=outside["sample_id"].to_numpy(np.int32),
            mode="markers",
            name="outside",
            showlegend=False,
            cliponaxis=False,
            marker={"size": 11, "symbol": outside["edge"].tolist(), "color": colours},
        )


def _add_marks(
    figure: go.Figure, marked: pd.DataFrame, picked: pd.DataFrame, *, above_webgl: bool
) -> None:
    # WebGL lies above all else, so what marks its markers must be in it, too; a picture needs none.
    trace: Any = go.Scattergl if above_webgl else go.Scatter
    # Neither ring is a hue: hues say what the samples are.
    rings = [(17, 5, "#222222"), (17, 2.5, "#FFFFFF")] if len(picked) else []
    looks = [
        (picked, "picked", {"size": size, "symbol": "circle-open", "color": colour,
                            "line": {"width": width, "color": colour}})
        for size, width, colour in rings
    ]  # fmt: skip
    if len(marked):
        edge = {"color": "#FFFFFF", "width": 1}
        look = {"size": 7, "color": marked["colour"].tolist(), "line": edge}
        looks.insert(0, (marked, "most suspicious", look))
    for rows, name, marker in looks:
        figure.add_trace(
            trace(
                x=rows["x"].to_numpy(np.float32),
                y=rows["y"].to_numpy(np.float32),
                customdata=rows["sample_id"].to_numpy(np.int32),
                mode="markers",
                name=name,
                showlegend=False,
                marker=marker,
            )
        )


def marks(table: pd.DataFrame, ids: np.ndarray, look: Look) -> pd.DataFrame:
    """Return `sample_id`, `x`, `y` and `colour` of these samples, in their order, if they show."""
    at = np.full(int(table["sample_id"].max()) + 1 if len(table) else 0, -1, dtype=np.int64)
    at[table["sample_id"].to_numpy()] = np.arange(len(table))
    known = ids[ids < len(at)]
    rows = table.iloc[at[known][at[known] >= 0]]
    return rows[["sample_id", "x", "y"]].assign(colour=colour_of(look, rows["value"]))


def told_of(samples: Samples, ids: np.ndarray, criterion: str) -> dict[str, list[Any]]:
    """Return by column what hovering says of these samples (see `views.parts.pointer`)."""
    score = samples.score(criterion)[ids]
    return {
        "id": ids.tolist(),
        "given": samples.given_label[ids].tolist(),
        "true": samples.true_label[ids].tolist(),
        "predicted": samples.predicted_label[ids].tolist(),
        "score": [f"{value:.3g}" for value in score.tolist()],
        "rank": samples.ranks_of(criterion, ids).tolist(),
    }
