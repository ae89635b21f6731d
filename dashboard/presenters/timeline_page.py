"""The timeline as its page shows it: colours, names, and the bytes that a browser gets."""

import base64
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import to_hex

from dashboard.drawing.style import CLASS_COLOURS, GREY, GROUP_COLOURS, colour_map
from hmw_core.criteria.of_run import title_of
from hmw_core.laboratory.timeline import signal_of_epoch
from hmw_core.log.reader import RunReader

SHADES = 32  # colours of a number
FRAME = 2.5  # side of the square around the unit circle
COLOURS = {
    "is_mislabeled": "Clean or mislabeled",
    "given_label": "Given label",
    "true_label": "True label",
    "predicted_label": "Predicted label",
    "rank": "Rank by the criterion",
    "hm_weight": "HM weight so far",
}


@dataclass(frozen=True)
class Paint:
    """A colour for each of some samples: places in `palette`; and what the colours say."""

    index: np.ndarray  # (samples,) uint8
    palette: list[str]
    legend: list[tuple[str, str]]  # name, colour; empty for a number
    scale: str = ""  # what the number is; its colours are `palette[:-1]`, low to high


def paint(
    run: RunReader,
    colour: str,
    sample_id: np.ndarray,
    epoch: int,
    ranks: pd.DataFrame,
    criterion: str,
) -> Paint:
    """Return the colours of samples at an epoch; see `COLOURS`.

    Parameters
    ----------
    run : RunReader
    colour : str
    sample_id : ndarray of shape (samples,)
    epoch : int
        Last epoch used.
    ranks : DataFrame
        `rank_table`'s, of `criterion`.
    criterion : str
    """
    if colour in ("rank", "hm_weight"):
        return _shaded(run, colour, sample_id, epoch, ranks, criterion)
    samples = run.samples()
    if colour == "is_mislabeled":
        known = samples["is_mislabeled"].astype("Int8").fillna(2).to_numpy(int)[sample_id]
        groups = ["clean", "mislabeled", "unknown"]
        colours = [GROUP_COLOURS[name] for name in groups]
        legend = [(groups[i], colours[i]) for i in range(3) if (known == i).any()]
        return Paint(known.astype(np.uint8), colours, legend)
    if colour == "predicted_label":
        label = signal_of_epoch(run, "predicted_label", epoch)[sample_id]
    else:
        label = samples[colour].astype("Float64").to_numpy(float, na_value=np.nan)[sample_id]
    shown = min(run.n_classes, len(CLASS_COLOURS))
    index = np.where(np.isnan(label), shown, np.nan_to_num(label) % len(CLASS_COLOURS))
    legend = [(name, CLASS_COLOURS[i]) for i, name in enumerate(run.class_names[:shown])]
    if run.n_classes > shown:
        legend = []  # colours repeat, so that none names a class
    if np.isnan(label).any():
        legend.append(("unknown", GREY))
    return Paint(index.astype(np.uint8), [*CLASS_COLOURS[:shown], GREY], legend)


def _shaded(
    run: RunReader,
    colour: str,
    sample_id: np.ndarray,
    epoch: int,
    ranks: pd.DataFrame,
    criterion: str,
) -> Paint:
    scale = colour_map()
    palette = [to_hex(scale(step / (SHADES - 1))) for step in range(SHADES)]
    if colour == "hm_weight":
        value = signal_of_epoch(run, "hm_weight", epoch)[sample_id]
        said = f"HM weight up to epoch {epoch}: dark 0, light 1; grey: none logged"
    else:
        rank = ranks[str(epoch)].to_numpy()[sample_id].astype(float)
        scored = int((ranks[str(epoch)] > 0).sum())
        value = np.where(rank > 0, 1 - (rank - 1) / max(scored - 1, 1), np.nan)
        title = title_of(criterion)
        said = f"Rank by {title} up to epoch {epoch}: light is most suspicious; grey: no score"
    index = np.where(np.isnan(value), SHADES, np.rint(np.nan_to_num(value) * (SHADES - 1)))
    return Paint(np.clip(index, 0, SHADES).astype(np.uint8), [*palette, GREY], [], said)


def change_text(change: Any) -> str:
    """Return a change of rank in a few letters: towards the suspicious end is up."""
    if pd.isna(change):
        return "new"
    if change == 0:
        return "="
    return f"▲{change:,}" if change > 0 else f"▼{-change:,}"


def packed(values: np.ndarray) -> str:
    """Return an array's bytes (little-endian) as base64."""
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode("ascii")


def quantised(x: np.ndarray, y: np.ndarray) -> str:
    """Return places in the unit circle for the browser: uint16 x, y in turn, in a frame 2.5 wide.

    0, 0 is the upper left corner, 65534 the far end, 65535 no place.
    """
    share = np.column_stack([(x + FRAME / 2) / FRAME, (FRAME / 2 - y) / FRAME])
    whole = np.where(np.isnan(share), 65535, np.clip(np.rint(share * 65534), 0, 65534))
    return packed(whole.astype("<u2"))
