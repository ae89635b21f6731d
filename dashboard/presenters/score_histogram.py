"""The histogram of a score that is dragged to filter, and the range that a drag means."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go

from dashboard.drawing.robust import robust_range
from dashboard.drawing.style import GREY, GROUP_COLOURS, screen_figure
from hmw_core.criteria.criterion import Criterion

BINS = 60
HEIGHT = 240  # px
GROUPS = {"clean": 0, "mislabeled": 1, "unknown": -1}


def draw(
    score: np.ndarray,
    passed: np.ndarray,
    left_out: np.ndarray,
    is_mislabeled: np.ndarray,
    criterion: Criterion,
) -> go.Figure:
    """Draw it.

    Parameters
    ----------
    score : ndarray of shape (N,), float
        Those that are not finite are left out.
    passed : ndarray of shape (N,), bool
        Drawn in the colours of the groups.
    left_out : ndarray of shape (N,), bool
        Drawn pale above them.
    is_mislabeled : ndarray of shape (N,), int8
        1, 0, and -1 where unknown.
    criterion : Criterion
    """
    finite = np.isfinite(score)
    low, high = robust_range(score)
    edges = np.linspace(low, high, BINS + 1)
    middle, width = (edges[:-1] + edges[1:]) / 2, float(edges[1] - edges[0])
    held = np.clip(score, low, high)  # what lies outside counts in the outermost bars

    def count(which: np.ndarray) -> np.ndarray:
        return np.histogram(held[which & finite], edges)[0]

    figure = go.Figure()
    bars: dict[str, Any] = {"x": middle, "width": width, "hoverinfo": "y+name"}
    for name, value in GROUPS.items():
        which = passed & (is_mislabeled == value)
        if (which & finite).any():
            figure.add_bar(y=count(which), name=name, marker_color=GROUP_COLOURS[name], **bars)
    if (left_out & finite).any():
        figure.add_bar(y=count(left_out), name="left out", marker_color=GREY, opacity=0.3, **bars)
    screen_figure(figure, height=HEIGHT)
    unit = "" if criterion.unit in ("", "1") else f" ({criterion.unit})"
    figure.update_layout(barmode="stack", bargap=0, dragmode="select", selectdirection="h")
    figure.update_xaxes(title=f"{criterion.title}{unit}", range=[low, high], fixedrange=True)
    figure.update_yaxes(title="samples", fixedrange=True)
    return figure


def limits_of(box: Mapping[str, Any], score: np.ndarray) -> tuple[float | None, float | None]:
    """Return the range of scores that a box along x holds; None is no end.

    A box that reaches the last bar holds what is counted there, however far out it lies.
    """
    ends = sorted(float(x) for x in box["x"])
    low, high = robust_range(score)
    width = (high - low) / BINS
    return (
        None if ends[0] < low + width / 2 else ends[0],
        None if ends[-1] > high - width / 2 else ends[-1],
    )
