"""The fan of Fig. 3: a sample's own direction at 0 degrees, three class vectors at their angles."""

import pandas as pd

from dashboard.drawing.text import shorten

ROLES = {
    "given": "given_logit",
    "nearest": "other_logit",
    "next": "topk_logit",
}
# Equal angles lie on one line: each vector has a length of its own. Lengths mean nothing else.
LENGTHS = {"given": 1.0, "nearest": 0.82, "next": 0.64}
COLUMNS = 3  # fans in a row
TICKS = range(0, 181, 30)  # degrees


def legend_line(row: pd.Series) -> str:
    """Return what the legend says of a class vector."""
    return f"{row['kind']}, {shorten(row['class_name'], 24)}: {row['angle']:.1f}°"


def made_from(part: pd.DataFrame) -> str:
    """Return what a fan was made from."""
    first = part.iloc[0]
    return f"epoch {first['epoch']}, features of {first['n_dimensions']} dimensions"


def arc(angle: float) -> list[float]:
    """Return the angles, in degrees, along which an arc from the sample to a vector runs."""
    return [angle * step / 24 for step in range(25)]
