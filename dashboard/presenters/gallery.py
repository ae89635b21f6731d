"""Pictures of samples: which ones an outline holds, in which order, and the page's HTML of them."""

import base64
import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dashboard.drawing.outlines import Plane, outlines_of
from dashboard.drawing.style import GREY, GROUP_COLOURS
from dashboard.drawing.text import shorten
from hmw_core.log.decoding import BadPicture, upright_size
from hmw_core.log.reader import RunReader

SMALL = 64  # px; smaller pictures are enlarged with their pixels kept square


@dataclass(frozen=True)
class Card:
    """A sample as the gallery shows it; labels are class names, None where unknown."""

    sample_id: int
    picture: bytes | None
    given_label: str
    true_label: str | None
    predicted_label: str | None
    is_mislabeled: bool | None
    note: str = ""
    name: str = ""
    """What it is called where it is no sample of the training split, such as "test picture 7"."""


def selected_ids(selection: Mapping[str, Any], places: pd.DataFrame) -> np.ndarray:
    """Return the ids of the samples inside a selection's boxes and lassos, ascending.

    Containment is computed here from the outlines. What the browser says about points is not
    used: its indices start again in each trace, and a cloud drawn as a picture has no points.

    Parameters
    ----------
    selection : mapping
        What `st.plotly_chart` returns under `selection`: `box` and `lasso`, each a list of
        outlines with `x` and `y` in the units of the axes.
    places : DataFrame
        `sample_id` (null for what is no sample), `x`, `y`.

    Returns
    -------
    ndarray of int
        A point on the edge of a box is inside.
    """
    samples = places[places["sample_id"].notna()]
    plane = Plane(samples["x"].to_numpy(np.float64), samples["y"].to_numpy(np.float64))
    inside = plane.inside(outlines_of(selection))
    return np.sort(samples["sample_id"].to_numpy(dtype=np.int64)[inside])


def ranked(score: pd.Series, higher_means: str, *, suspicious_first: bool = True) -> np.ndarray:
    """Return the ids of `score` in order of suspicion; those without a score come last."""
    known = score.dropna().sort_index()
    ascending = (higher_means == "clean") == suspicious_first
    order = known.sort_values(ascending=ascending, kind="stable").index
    return np.concatenate([order, score.index[score.isna()]]).astype(np.int64)


def cards(
    run: RunReader, sample_ids: Sequence[int], epoch: int, notes: Mapping[int, str]
) -> list[Card]:
    """Return a card for each of these samples, in this order; predicted after `epoch`."""
    ids = [int(sample_id) for sample_id in sample_ids]
    samples = run.samples().loc[ids]
    pictures = run.images(ids)
    signals = run.signals(["predicted_label"], sample_id=ids, epochs=[epoch]) if ids else None
    predicted = (
        {}
        if signals is None
        else dict(zip(signals["sample_id"], signals["predicted_label"], strict=True))
    )
    names = pd.DataFrame({"sample_id": ids})
    names["given_label"] = [_name(run, label) for label in samples["given_label"]]
    names["true_label"] = [_name(run, label) for label in samples["true_label"]]
    names["predicted_label"] = [_name(run, predicted.get(i)) for i in ids]
    names["is_mislabeled"] = samples["is_mislabeled"].array
    return cards_of(names, pictures, notes)


def cards_of(
    rows: pd.DataFrame, pictures: Mapping[int, bytes], notes: Mapping[int, str]
) -> list[Card]:
    """Return a card for each row: `sample_id`, labels by name, `is_mislabeled`; null if unknown."""
    return [
        Card(
            int(row.sample_id),
            pictures.get(int(row.sample_id)),
            _text(row.given_label) or "",
            _text(row.true_label),
            _text(row.predicted_label),
            None if pd.isna(row.is_mislabeled) else bool(row.is_mislabeled),
            notes.get(int(row.sample_id), ""),
        )
        for row in rows.itertuples()
    ]


def as_html(shown: Iterable[Card], *, link: str = "", width: int = 100) -> str:
    """Return a grid of cards as HTML in which every name is escaped.

    `link` is an address to which a sample's id is added.
    """
    return (
        f'<div style="display:grid;gap:8px;grid-template-columns:'
        f'repeat(auto-fill,minmax({width}px,1fr))">{"".join(_card(c, link) for c in shown)}</div>'
    )


def _card(card: Card, link: str) -> str:
    state = {True: "mislabeled", False: "clean", None: "unknown"}[card.is_mislabeled]
    colour = GROUP_COLOURS[state] if card.is_mislabeled else GREY
    edge = "" if card.is_mislabeled else "33"  # hexadecimal opacity
    name = card.name or f"sample {card.sample_id}"
    mark = "" if card.name else f' data-sample="{card.sample_id}"'
    if link and not card.name:
        address = f"{html.escape(link)}{card.sample_id}"
        name = f'<a href="{address}" title="Its curves" style="color:inherit">{name}</a>'
    lines = [f"<b>{name}</b>"]
    if card.note:
        lines.append(f"<i>{html.escape(card.note)}</i>")
    lines.append(_label("label" if card.name else "given", card.given_label))
    if not card.name:
        lines.append(_label("true", card.true_label))
        lines.append(_label("predicted", card.predicted_label))
    return (
        f'<figure{mark} style="margin:0;padding:6px;border-radius:4px;'
        f'border:1px solid {colour}66;border-top:3px solid {colour}{edge}">{_picture(card)}'
        f'<figcaption style="font-size:12px;line-height:1.4;margin-top:4px;overflow-wrap:anywhere">'
        f"{'<br>'.join(lines)}</figcaption></figure>"
    )


def _label(word: str, name: str | None) -> str:
    said = "unknown" if name is None else html.escape(shorten(name, 40))
    return f'<span style="opacity:.65">{word}</span> {said}'


def _picture(card: Card) -> str:
    style = "width:100%;aspect-ratio:1;object-fit:contain"
    if card.picture is None:
        return f'<div style="{style};display:grid;place-items:center;opacity:.6">no picture</div>'
    address, side = data_address(card.picture)
    if side < SMALL:
        style += ";image-rendering:pixelated"
    words = f"{card.name or f'sample {card.sample_id}'}, given {shorten(card.given_label, 40)}"
    return f'<img alt="{html.escape(words)}" style="{style}" src="{address}">'


def data_address(picture: bytes) -> tuple[str, int]:
    """Return an encoded picture as an address that holds it, and its longer side in px."""
    kind = "jpeg" if picture[:2] == b"\xff\xd8" else "png"  # the two that a log keeps
    try:
        side = max(upright_size(picture))
    except BadPicture:
        side = SMALL
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode('ascii')}", side


def _name(run: RunReader, label: Any) -> str | None:
    return None if label is None or pd.isna(label) else run.class_names[int(label)]


def _text(value: Any) -> str | None:
    return None if pd.isna(value) else str(value)
