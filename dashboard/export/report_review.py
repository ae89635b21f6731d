"""The report's suspects, with their pictures, and what people made of them."""

import io
from dataclasses import replace

import pandas as pd

from dashboard.export.report_tables import Rows
from dashboard.presenters.gallery import as_html, cards
from hmw_core.log import verdicts
from hmw_core.log.decoding import BadPicture, decode, upright_size
from hmw_core.log.reader import RunReader
from hmw_core.review.corrected_labels import corrected_labels
from hmw_core.samples.method_parts import has_labels, method_labels
from hmw_core.samples.suggestions import suggested_label

MOST_SUSPECTS = 48
MOST_CORRECTIONS = 200
SIDE = 128  # px of a picture, twice as many as it has on the page


def labels_table(run: RunReader) -> pd.DataFrame:
    """Return `corrected_labels` by the run's first criterion, the most suspicious sample first."""
    table = corrected_labels(run)
    ranked = table.sort_values("suspicion_rank", kind="stable", ignore_index=True)
    ranked.attrs = table.attrs
    return ranked


def suspects(run: RunReader, table: pd.DataFrame, unit: str) -> str:
    """Return the pictures of the most suspicious samples of `labels_table` as HTML.

    Each has its labels, the suggested one, its score in `unit`, and the verdict if there is one.
    """
    first = table[table["suspicion_rank"].notna()].head(MOST_SUSPECTS)
    ids = first["sample_id"].tolist()
    suggested = suggested_label(run, ids)
    own = method_labels(run) if has_labels(run) else None
    notes = {}
    for row in first.to_dict("records"):
        label = suggested[row["sample_id"]]
        parts = [f"{row['suspicion_rank']}. {row['score']:.3g}{f' {unit}' if unit else ''}"]
        parts += [] if pd.isna(label) else [f"suggested {run.class_names[int(label)]}"]
        of_method = pd.NA if own is None else own[row["sample_id"]]
        if not pd.isna(of_method) and of_method != row["given_label"]:
            parts.append(f"the method's label {run.class_names[int(of_method)]}")
        if not pd.isna(row["verdict"]):
            to = f" to {row['new_name']}" if row["changed"] else ""
            parts.append(f"verdict: {row['verdict']}{to}")
        notes[row["sample_id"]] = "; ".join(parts)
    shown = cards(run, ids, run.last_epoch, notes)
    return as_html([replace(card, picture=_small(card.picture)) for card in shown], width=104)


def _small(picture: bytes | None) -> bytes | None:
    """Return a picture of at most `SIDE` pixels, so that a report stays small."""
    try:
        if picture is None or max(upright_size(picture)) <= SIDE:
            return picture
        drawn = decode(picture, shrink_to=SIDE)
    except BadPicture:  # the card shows it as it is
        return picture
    drawn.thumbnail((SIDE, SIDE))
    file = io.BytesIO()
    drawn.save(file, "JPEG", quality=85)
    return file.getvalue()


def verdict_counts(table: pd.DataFrame) -> Rows:
    """Return each verdict with how many samples have it, and by whom."""
    judged = table[table["verdict"].notna()]
    return [
        [
            kind,
            f"{len(part):,}",
            ", ".join(part["reviewer"].fillna("unnamed").unique()),
        ]
        for kind in verdicts.VERDICTS
        if len(part := judged[judged["verdict"] == kind])
    ]


def corrections(table: pd.DataFrame) -> Rows:
    """Return sample, given and new label, reviewer, time and note of the corrected labels."""
    changed = table[table["changed"]].head(MOST_CORRECTIONS)
    return [
        [
            f"{row.sample_id}",
            str(row.given_name),
            str(row.new_name),
            *("" if pd.isna(text) else str(text) for text in (row.reviewer, row.time, row.note)),
        ]
        for row in changed.itertuples()
    ]
