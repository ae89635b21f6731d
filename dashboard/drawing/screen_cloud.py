"""A cloud of samples for the screen: markers to pick, or a picture where they are many."""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboard.drawing.cloud import STAR_EDGE, Entry, Look, in_turns, legend_entries, panels
from dashboard.drawing.raster import Square, raster_of_categories, raster_of_values
from dashboard.drawing.style import GREY, PLAIN, Typography, colour_map, colour_scale, screen_figure
from dashboard.drawing.text import on_screen, shorten, wrap

MARKERS_UP_TO = 6_000  # points of a panel; more are sent as a picture
LETTERS = 110  # of the titles of a row, together
HIGHEST = 880  # pixels of a figure
DENSE = 1_500  # points of a panel; more are drawn smaller

STEPS = 64  # colours of a continuous scale

Place = dict[str, int]  # row and col of a panel


def screen_cloud(table: pd.DataFrame, look: Look, typography: Typography = PLAIN) -> go.Figure:
    """Draw a panel per `panel` of the table (see `cloud`), two in a row.

    A marker's `customdata` is its `sample_id`. A panel of more than 6,000 samples is a picture
    with two invisible points at its corners: there, a selection is read from its outline.
    """
    look = look.painted(typography.colour)
    drawn = panels(table, look)
    columns = min(len(drawn), 2)
    rows = -(-len(drawn) // columns)
    titles = []
    letters = LETTERS // columns
    for at, panel in enumerate(drawn):
        own = shorten(panel.title, letters)
        title = typography.title_on_screen(at, len(drawn), own, panel.facts)
        count = on_screen(wrap(panel.count, int(1.2 * letters))).replace("\n", "<br>")
        titles.append(f"{on_screen(title)}<br><sub>{count}</sub>")
    gap = 0.18 / rows if rows > 1 else 0.0
    figure = make_subplots(
        rows, columns, subplot_titles=titles, horizontal_spacing=0.06, vertical_spacing=gap
    )
    axes = table["axes"].iloc[0]
    for number, panel in enumerate(drawn):
        place = {"row": number // columns + 1, "col": number % columns + 1}
        add_samples = add_picture if len(panel.samples) > MARKERS_UP_TO else add_markers
        add_samples(figure, panel.samples, look, place)
        _add_outside(figure, panel.outside, look, place)
        _add_stars(figure, panel.vectors, look, place)
        window = panel.window
        anchor = next(figure.select_xaxes(**place)).plotly_name.replace("xaxis", "x")
        figure.update_xaxes(title=f"{axes} 1", range=[window.left, window.right], **place)
        figure.update_yaxes(
            title=f"{axes} 2",
            range=[window.bottom, window.top],
            scaleanchor=anchor if look.is_round else None,
            **place,
        )
    add_legend(figure, legend_entries(table, look), look)
    lines = max(title.count("<br>") for title in titles)
    screen_figure(figure, height=min(90 + 440 * rows, HIGHEST))
    figure.update_xaxes(showticklabels=False, zeroline=False)
    figure.update_yaxes(showticklabels=False, zeroline=False, showgrid=False)
    figure.update_layout(
        dragmode="lasso",
        margin={"t": 44 + 16 * lines},
        legend={"y": -0.08 / rows, "yanchor": "top", "itemsizing": "constant"},
    )
    return figure


def add_markers(figure: go.Figure, samples: pd.DataFrame, look: Look, place: Place) -> None:
    """Add samples as markers that can be hovered: `x`, `y`, `sample_id`, `value`, `group`."""
    is_dense = len(samples) > DENSE
    edge = {"color": GREY, "width": 0.3 if is_dense else 0.8}  # keeps dark on dark visible
    for name, part in in_turns(samples, "value" if look.colours else "group"):
        marker: dict[str, Any] = {"size": 4 if is_dense else 7, "opacity": 0.8, "line": edge}
        marker["symbol"] = look.marker(name)
        said = on_screen(name)
        values = None
        if look.colours:
            marker["color"] = look.colours[name]
        else:
            marker |= {"color": _stepped(part["value"], look), "coloraxis": "coloraxis"}
            values = [f"{value:.3g}" for value in part["value"]]
            said += f"<br>{on_screen(look.title)} %{{text}}"
        figure.add_scattergl(
            x=part["x"].to_numpy(np.float32),
            y=part["y"].to_numpy(np.float32),
            customdata=part["sample_id"].to_numpy(np.int32),
            text=values,
            mode="markers",
            name=on_screen(name),
            legendgroup=name,
            showlegend=False,
            marker=marker,
            hovertemplate=f"sample %{{customdata}}<br>{said}<extra></extra>",
            **place,
        )


def _stepped(value: pd.Series, look: Look) -> np.ndarray:
    """Return values on the colour scale in few steps.

    With some hundred colours and more, plotly's WebGL draws single markers in colours that are not
    of the scale at all (seen with plotly 7.1).
    """
    share = np.rint(look.share(value) * (STEPS - 1)) / (STEPS - 1)
    return (look.low + share * (look.high - look.low)).astype(np.float32)


def add_picture(
    figure: go.Figure,
    samples: pd.DataFrame,
    look: Look,
    place: Place,
    square: Square | None = None,
    opacity: float = 1.0,
) -> None:
    """Add samples as a picture of a square of the plane (default: the one they fill)."""
    x, y = samples["x"].to_numpy(float), samples["y"].to_numpy(float)
    square = square or Square(x, y)
    if look.colours:
        # Colours repeat beyond ten classes; what looks the same is counted together.
        colours = list(dict.fromkeys(look.colours.values()))
        order = {name: colours.index(colour) for name, colour in look.colours.items()}
        category = samples["value"].map(order).to_numpy(int)
        picture = raster_of_categories(x, y, category, colours, square)
    else:
        palette = np.rint(255 * colour_map()(np.arange(256))[:, :3]).astype(np.uint8)
        picture = raster_of_values(x, y, look.share(samples["value"]), palette, square)
    figure.add_scatter(
        x=[square.left, square.left + square.side],
        y=[square.top - square.side, square.top],
        mode="markers",
        marker={"opacity": 0, "size": 1},
        hoverinfo="skip",
        showlegend=False,
        **place,
    )
    figure.add_layout_image(
        source=picture,
        x=square.left,
        y=square.top,
        # Plotly draws only one of several pictures that have the same place and size.
        sizex=square.side * (1 + 1e-9 * len(figure.layout.images)),
        sizey=square.side,
        sizing="stretch",
        layer="below",
        opacity=opacity,
        **place,
    )


def _add_outside(figure: go.Figure, outside: pd.DataFrame, look: Look, place: Place) -> None:
    """Add the samples that lie outside at the edge; a marker's `customdata` is its id."""
    if outside.empty:
        return
    figure.add_scattergl(
        x=outside["x"].to_numpy(np.float32),
        y=outside["y"].to_numpy(np.float32),
        customdata=outside["sample_id"].to_numpy(np.int32),
        mode="markers",
        showlegend=False,
        marker={"symbol": "triangle-up", "size": 9, "color": look.colours_of(outside["value"])},
        hovertemplate="sample %{customdata}<br>lies outside<extra></extra>",
        **place,
    )


def _add_stars(figure: go.Figure, vectors: pd.DataFrame, look: Look, place: Place) -> None:
    names = vectors["class_name"].tolist()
    figure.add_scattergl(  # WebGL lies above all else, so the stars must be in it, too
        x=vectors["x"].to_numpy(np.float32),
        y=vectors["y"].to_numpy(np.float32),
        mode="markers",
        showlegend=False,
        text=[on_screen(name) for name in names],
        marker={
            "symbol": "star",
            "size": 15,
            "color": [look.star(name) for name in names],
            "line": {"color": STAR_EDGE, "width": 1.5},
        },
        hovertemplate="class vector of %{text}<extra></extra>",
        **place,
    )


def add_legend(figure: go.Figure, entries: list[Entry], look: Look) -> None:
    """Add entries that no panel owns, so that a panel drawn as a picture has them, too."""
    for name, colour, marker in entries:
        edge = {"color": STAR_EDGE, "width": 1.5} if marker == "star" else {}
        figure.add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            name=on_screen(name),
            legendgroup=name,
            marker={"color": colour, "symbol": marker, "size": 9, "line": edge},
        )
    if not look.colours:
        scale: dict[str, Any] = {"colorscale": colour_scale(), "cmin": look.low, "cmax": look.high}
        scale["colorbar"] = {"title": {"text": on_screen(look.title), "side": "right"}}
        figure.update_layout(coloraxis=scale)
        # A panel drawn as a picture has no trace on the scale; this one brings the bar.
        figure.add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            showlegend=False,
            marker={"color": [look.low], "coloraxis": "coloraxis"},
        )
