"""Pictures of samples as cards, and as the page's HTML and addresses of them."""

import base64
import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pandas as pd

from dashboard.drawing.style import GREY, GROUP_COLOURS
from dashboard.drawing.text import shorten
from hmw_core.log.decoding import BadPicture, upright_size
from hmw_core.log.reader import RunReader

SHORT = 24  # letters of a name on a compact card
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
    suggested_label: str | None = None
    method_label: str | None = None
    """What the training method would rather train on; said where it is not the given label."""
    colour: str | None = None
    """Of its edge, as a map beside the cards has it. Default: vermilion if mislabeled."""


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
    rows: pd.DataFrame,
    pictures: Mapping[int, bytes],
    notes: Mapping[int, str],
    colours: Mapping[int, str] | None = None,
) -> list[Card]:
    """Return a card for each row: `sample_id`, labels by name, `is_mislabeled`; null if unknown.

    There may be a `suggested_label` and a `method_label`, too.
    """
    return [
        Card(
            int(row.sample_id),
            pictures.get(int(row.sample_id)),
            _text(row.given_label) or "",
            _text(row.true_label),
            _text(row.predicted_label),
            None if pd.isna(row.is_mislabeled) else bool(row.is_mislabeled),
            notes.get(int(row.sample_id), ""),
            suggested_label=_text(getattr(row, "suggested_label", None)),
            method_label=_text(getattr(row, "method_label", None)),
            colour=(colours or {}).get(int(row.sample_id)),
        )
        for row in rows.itertuples()
    ]


def as_html(
    shown: Iterable[Card],
    *,
    link: str = "",
    width: int = 100,
    compact: bool = False,
    smooth: bool = False,
) -> str:
    """Return a grid of cards as HTML in which every name is escaped.

    Parameters
    ----------
    shown : iterable of Card
    link : str
        An address to which a sample's id is added.
    width : int
        Of a card in px, at least.
    compact : bool
        A line for each label that is known: a long name is cut in its middle, and whole in the
        line's title.
    smooth : bool
        Whether small pictures are enlarged smoothly, not as blocks.
    """
    cards = "".join(_card(card, link, compact, smooth) for card in shown)
    return (
        f'<div style="display:grid;gap:8px;grid-template-columns:'
        f'repeat(auto-fill,minmax({width}px,1fr))">{cards}</div>'
    )


def _card(card: Card, link: str, compact: bool, smooth: bool) -> str:
    state = {True: "mislabeled", False: "clean", None: "unknown"}[card.is_mislabeled]
    colour = GROUP_COLOURS[state] if card.is_mislabeled else GREY
    edge = f"{colour}{'' if card.is_mislabeled else '33'}"  # hexadecimal opacity
    if card.colour is not None:
        colour, edge = GREY, card.colour
    name = card.name or f"sample {card.sample_id}"
    mark = "" if card.name else f' data-sample="{card.sample_id}"'
    if link and not card.name:
        address = f"{html.escape(link)}{card.sample_id}"
        name = f'<a href="{address}" title="Its curves" style="color:inherit">{name}</a>'
    lines = [f"<b>{name}</b>"]
    if card.note:
        lines.append(f"<i>{html.escape(card.note)}</i>")
    labels: dict[str, str | None] = {"label" if card.name else "given": card.given_label}
    if not card.name:
        labels["true"] = card.true_label
        by = "suggested" if compact else "predicted"
        labels[by] = card.suggested_label if compact else card.predicted_label
        labels |= {"method": card.method_label} if card.method_label else {}
    lines += [_label(*label, compact) for label in labels.items() if label[1] or not compact]
    return (
        f'<figure{mark} style="margin:0;padding:6px;border-radius:4px;'
        f'border:1px solid {colour}66;border-top:3px solid {edge}">{_picture(card, smooth)}'
        f'<figcaption style="font-size:12px;line-height:1.4;margin-top:4px;overflow-wrap:anywhere">'
        f"{'<br>'.join(lines)}</figcaption></figure>"
    )


def _label(word: str, name: str | None, compact: bool) -> str:
    said = "unknown" if name is None else html.escape(shorten(name, SHORT if compact else 40))
    text = f'<span style="opacity:.65">{word}</span> {said}'
    if name is None or len(name) <= SHORT or not compact:
        return text
    return f'<span title="{html.escape(name)}">{text}</span>'


def _picture(card: Card, smooth: bool) -> str:
    style = "width:100%;aspect-ratio:1;object-fit:contain"
    if card.picture is None:
        return f'<div style="{style};display:grid;place-items:center;opacity:.6">no picture</div>'
    address, side = data_address(card.picture)
    if side < SMALL and not smooth:
        style += ";image-rendering:pixelated"
    return f'<img alt="{html.escape(said_of(card))}" style="{style}" src="{address}">'


def said_of(card: Card) -> str:
    """Return a card's picture in words: `sample 12: given ship, suggested truck`."""
    if card.name:
        return f"{card.name}: {card.given_label}"
    said = f"sample {card.sample_id}: given {card.given_label}"
    if card.suggested_label is not None:
        return f"{said}, suggested {card.suggested_label}"
    return said if card.predicted_label is None else f"{said}, predicted {card.predicted_label}"


def picture_address(run: RunReader) -> tuple[str, str]:
    """Return what stands before and after a sample's id in the address of its picture.

    The address is relative, so that it holds behind a base path as the pages' own links do. It
    names the data, as a browser keeps the picture: another run may be called the same one day.
    """
    fingerprint = quote(run.info["dataset"]["fingerprint"], safe="")
    return f"picture/{quote(run.name, safe='')}/", f"?data={fingerprint}"


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
