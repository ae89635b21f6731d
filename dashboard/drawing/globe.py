"""The sphere of Fig. 3: its colours, its lines, and its caption."""

import numpy as np
import pandas as pd

from dashboard.drawing.style import LOGIT_COLOURS, ORANGE
from dashboard.drawing.text import shorten

COLOURS = {
    "given": LOGIT_COLOURS["given_logit"],
    "nearest": LOGIT_COLOURS["other_logit"],
    "next": LOGIT_COLOURS["topk_logit"],
    "sample": ORANGE,
}
COLUMNS = 3  # spheres in a row


def legend_line(row: pd.Series) -> str:
    """Return what the legend says of a class vector, or of the sample."""
    if row["kind"] == "sample":
        return f"the sample, {100 * row['share']:.0f} % of its length in this space"
    return f"{row['kind']}, {shorten(row['class_name'], 24)}: {row['angle']:.1f}°"


def made_from(part: pd.DataFrame) -> str:
    """Return what a sphere was made from."""
    first = part.iloc[0]
    return f"epoch {first['epoch']}, features of {first['n_dimensions']} dimensions"


def arc(start: np.ndarray, end: np.ndarray, n_points: int = 24) -> np.ndarray:
    """Return points along the great circle between two unit vectors, (n_points, 3)."""
    angle = np.arccos(np.clip(start @ end, -1.0, 1.0))
    if np.sin(angle) < 1e-6:  # the same point, or opposite ones with no one way between
        return np.vstack([start, end])
    along = np.linspace(0.0, 1.0, n_points)[:, None]
    return (np.sin((1 - along) * angle) * start + np.sin(along * angle) * end) / np.sin(angle)


def circles() -> np.ndarray:
    """Return the equator and four circles through the poles as one line with gaps, (n, 3)."""
    around = np.linspace(0.0, 2.0 * np.pi, 49)
    flat = np.column_stack([np.cos(around), np.sin(around), np.zeros(49)])
    lines = [flat, np.full((1, 3), np.nan)]
    for turn in np.arange(np.pi / 8, np.pi, np.pi / 4):
        upright = np.column_stack(
            [np.cos(around) * np.cos(turn), np.cos(around) * np.sin(turn), np.sin(around)]
        )
        lines += [upright, np.full((1, 3), np.nan)]
    return np.vstack(lines)
