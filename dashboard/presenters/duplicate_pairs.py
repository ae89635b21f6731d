"""Near-duplicates on a page: the pairs as HTML, and how far apart unrelated pictures are."""

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboard.drawing.style import BLUE, GREY, VERMILION, screen_figure
from dashboard.drawing.text import shorten
from dashboard.presenters.gallery import Card, as_html
from hmw_core.log.reader import RunReader
from hmw_core.pictures.duplicates import By, distance

N_BINS = 60
AXES = {
    "pixels": "Pixel distance (0 = same picture, 1 = unrelated)",
    "features": "1 - cosine of the features (0 = same direction)",
}


def histogram(pairs: pd.DataFrame, by: By, threshold: float) -> go.Figure:
    """Draw the distances of neighbours and of random pairs, and where the threshold lies."""
    value = distance(pairs, by)
    ends = value.quantile(0.995)
    edges = np.linspace(0.0, max(float(ends), threshold * 1.2, 1e-6), N_BINS + 1)
    figure = go.Figure()
    kinds = ((by, "nearest neighbours", BLUE), ("random", "pairs drawn at random", GREY))
    for found_by, name, colour in kinds:
        values = value[pairs["found_by"] == found_by].dropna()
        if values.empty:
            continue
        count = np.histogram(values, edges)[0]
        figure.add_scatter(
            x=[*edges[:-1], edges[-1]],
            y=[*(100 * count / len(values)), 0.0],
            customdata=[*count, 0],
            mode="lines",
            line={"shape": "hv", "color": colour},
            fill="tozeroy" if found_by == by else None,
            name=f"{name} ({len(values):,})",
            hovertemplate="from %{x:.3f}: %{y:.1f} % (%{customdata:,} pairs)<extra></extra>",
        )
    figure.add_vline(
        x=threshold,
        line={"color": VERMILION, "width": 2, "dash": "dash"},
        annotation={"text": f"threshold {threshold:.3f}", "font": {"color": VERMILION}},
    )
    figure.update_xaxes(title=AXES[by], rangemode="tozero")
    figure.update_yaxes(title="Share of the pairs (%)", rangemode="tozero")
    return screen_figure(figure, 280)


def pairs_html(pairs: pd.DataFrame, cards: Mapping[int, Card], link: str) -> str:
    """Return pairs side by side, as HTML in which every name is escaped.

    `pairs` as of `duplicates.near_duplicates`; `link` is an address to which an id is added.
    """
    return _grid(
        _pair(row, [cards[int(row.sample_id)], cards[int(row.other_id)]], link, "given label")
        for row in pairs.itertuples()
    )


def split_pairs_html(
    pairs: pd.DataFrame, cards: Mapping[int, Card], tests: Mapping[int, Card], link: str
) -> str:
    """Return pairs of a training and a test picture as HTML; `pairs` as of `across_splits`."""
    return _grid(
        _pair(row, [cards[int(row.sample_id)], tests[int(row.test_id)]], link, "label")
        for row in pairs.itertuples()
    )


def test_cards(run: RunReader, test_ids: Sequence[int]) -> dict[int, Card]:
    """Return a card for each of these pictures of the test split, by its id."""
    found = run.test_images(test_ids)
    return {
        int(row.Index): Card(
            int(row.Index), row.image, run.class_names[int(row.label)], None, None, None,
            name=f"test picture {row.Index}",
        )
        for row in found.dropna().itertuples()
    }  # fmt: skip


def _grid(blocks: Iterable[str]) -> str:
    return (
        '<div style="display:grid;gap:14px;grid-template-columns:'
        f'repeat(auto-fill,minmax(300px,1fr))">{"".join(blocks)}</div>'
    )


def _pair(row: Any, both: Sequence[Card], link: str, what: str) -> str:
    colour = VERMILION if row.differs else GREY
    said = f"different {what}s" if row.differs else f"same {what}"
    return (
        f'<div class="pair" style="border:1px solid {colour}88;border-left:4px solid {colour};'
        f'border-radius:4px;padding:8px"><div style="font-size:13px;margin-bottom:6px">'
        f"<b>{said}</b> · {html.escape(shorten(likeness(row), 80))}</div>"
        f"{as_html(both, link=link, width=120)}</div>"
    )


def likeness(row: Any) -> str:
    """Say how alike a pair is, in words and numbers."""
    parts = []
    if row.same_bytes:
        parts.append("equal files")
    elif not np.isnan(row.pixel_distance):
        parts.append(f"distance {row.pixel_distance:.3f}")
    if not np.isnan(getattr(row, "cosine", np.nan)):
        parts.append(f"cosine {row.cosine:.3f}")
    return " · ".join(parts)
