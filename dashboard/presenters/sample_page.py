"""What the page of one sample shows besides its curves, as tables and HTML."""

import html
from collections.abc import Sequence

import numpy as np
import pandas as pd

from dashboard.drawing.style import BLUE, GREY
from dashboard.drawing.text import shorten
from dashboard.presenters.gallery import data_address
from dashboard.presenters.linked import Samples
from hmw_core.criteria.of_run import main_criteria_of
from hmw_core.log.decoding import BadPicture, decode
from hmw_core.log.reader import RunReader

LARGE = 340  # px a side
PIXELATED = 128  # px; smaller pictures keep their pixels square


def large_picture(content: bytes, sample_id: int) -> str | None:
    """Return a picture as large as the page shows one, as HTML; None if it does not decode."""
    try:
        decode(content)
    except BadPicture:
        return None
    address, side = data_address(content)
    sharp = "image-rendering:pixelated;" if side < PIXELATED else ""
    return (
        f'<img alt="sample {sample_id}" src="{address}" '
        f'style="width:100%;max-width:{LARGE}px;aspect-ratio:1;object-fit:contain;{sharp}'
        f'border:1px solid {GREY}55;border-radius:4px">'
    )


def suggestion_bars(suggested: pd.DataFrame, given_label: int, class_names: Sequence[str]) -> str:
    """Return the classes the network called the sample, each with its share as a bar, as HTML."""
    rows = []
    for row in suggested.itertuples():
        is_given = row.label == given_label
        name = html.escape(shorten(class_names[int(row.label)], 40))
        said = f'{name} <span style="opacity:.65">(the given one)</span>' if is_given else name
        rows.append(
            f'<div style="display:grid;grid-template-columns:1fr 90px 44px;gap:8px;'
            f'align-items:center;margin:2px 0"><span style="overflow-wrap:anywhere">{said}</span>'
            f'<span style="background:{GREY}33;height:8px;border-radius:4px">'
            f'<span style="display:block;height:8px;border-radius:4px;'
            f'width:{100 * row.share:.0f}%;background:{GREY if is_given else BLUE}"></span></span>'
            f'<span style="text-align:right">{100 * row.share:.0f} %</span></div>'
        )
    return f'<div style="font-size:14px">{"".join(rows)}</div>'


def rank_table(run: RunReader, samples: Samples, sample_id: int) -> pd.DataFrame:
    """Return a row per criterion: title, which end is suspicious, score (text), rank, of how many.

    `suspicion` is the share of the scored samples that the criterion finds less suspicious, in
    [0, 100]. A criterion without a score for the sample has nulls.
    """
    rows = []
    criteria = main_criteria_of(run)
    samples.load(list(criteria))
    for name, criterion in criteria.items():
        score = samples.score(name)[sample_id]
        rank = int(samples.ranks_of(name, np.array([sample_id]))[0])
        n_scored = samples.n_scored(name)
        rows.append(
            {
                "criterion": criterion.title,
                "suspicious": "low" if criterion.higher_means == "clean" else "high",
                "score": None if rank == 0 else f"{score:.3g}",
                "unit": "" if criterion.unit == "1" else criterion.unit,
                "rank": rank or None,
                "of": n_scored,
                "suspicion": None if rank == 0 else 100 * (1 - (rank - 1) / max(n_scored - 1, 1)),
            }
        )
    return pd.DataFrame(rows).astype({"rank": "Int64"})


def neighbour_sentence(
    near: pd.DataFrame, given_label: int, suggested: int | None, class_names: Sequence[str]
) -> str:
    """Say how many of the nearest have the sample's given label, and which other one most have."""
    agree = int((near["given_label"] == given_label).sum())
    text = f"{agree} of the {len(near)} nearest are given {class_names[given_label]}, too"
    others = near.loc[near["given_label"] != given_label, "given_label"].value_counts()
    if len(others) and others.iloc[0] > 1:
        first = int(others.index[0])
        text += f"; {others.iloc[0]} are given {class_names[first]}"
        text += ", as is suggested" if first == suggested else ""
    return f"{text}."
