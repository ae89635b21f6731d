"""The pictures of Inspect, page by page, beside the map."""

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.cached import inspected
from dashboard.drawing.cloud import Look
from dashboard.presenters.gallery import as_html, cards_of
from dashboard.presenters.linked_cloud import HEIGHT, colour_of
from dashboard.views.inspect.picks import toggle
from dashboard.views.inspect.state import MOST, Inspected
from dashboard.views.parts.blocks import PAGE, say_no_pictures
from dashboard.views.parts.choices import criterion_order, plain
from dashboard.views.parts.picker import picker
from hmw_core.criteria.compute import why_absent
from hmw_core.criteria.of_run import pick_criterion, title_of
from hmw_core.samples.method_parts import has_labels

PAGES = 56  # px that the choice of a page takes from the pictures


def page_of(it: Inspected) -> np.ndarray:
    """Show the choice of a page where there are several; return the samples of the chosen one."""
    ids, chosen = it.ids, it.chosen
    n_pages = -(-len(ids) // PAGE)
    page = 1
    with st.container():  # there with and without pages, so that the gallery stays in place
        if n_pages > 1:
            # Another list begins at its first page.
            key = f"{n_pages} from {ids[0]} by {chosen.criterion} {chosen.order}"
            page = st.pagination(n_pages, key=key)
    return ids[(page - 1) * PAGE : page * PAGE]


def show(
    it: Inspected,
    rows: pd.DataFrame,
    pictures: dict[int, bytes],
    coloured: tuple[Look, pd.Series] | None,
) -> None:
    """Show a card for each of `linked.rows`, with the colour that the map gives it at its edge."""
    run, criterion, epoch = it.run, it.chosen.criterion, it.chosen.epoch
    if not len(rows):
        st.info("No sample passes the filters and lies inside the outline.")
        return
    say_no_pictures(run)
    if rows[criterion].isna().all():
        why = why_absent(run, pick_criterion(run, criterion))
        reason = f": {plain(why)}" if why else ""
        st.info(f"No score by {title_of(criterion)}{reason}.", icon=":material/info:")
    notes = {
        int(i): "no score" if pd.isna(rank) else f"#{rank:,} · {score:.3g}"
        for i, rank, score in zip(
            rows["sample_id"], rows[f"rank_{criterion}"], rows[criterion], strict=True
        )
    }
    ids = tuple(rows["sample_id"].tolist())
    colours = None
    if coloured is not None:
        look, value = coloured
        colours = dict(zip(ids, colour_of(look, value.reindex(ids)), strict=True))
    suggested = inspected.suggestions(run, ids, epoch) if run.last_epoch else None
    if suggested is not None:
        names = [None if pd.isna(label) else run.class_names[int(label)] for label in suggested]
        rows = rows.assign(suggested_label=names)
    if has_labels(run):
        own = inspected.method_labels(run, epoch).loc[list(ids)]
        given = run.samples()["given_label"].loc[list(ids)]
        rows = rows.assign(
            method_label=[
                None if pd.isna(label) or label == is_given else run.class_names[int(label)]
                for label, is_given in zip(own, given, strict=True)
            ]
        )
    cards = cards_of(rows, pictures, notes, colours)
    html = as_html(cards, width=92, compact=True, smooth=it.chosen.smooth)
    with st.container(height=HEIGHT - PAGES * (len(it.ids) > PAGE), border=False):
        picker(html, it.picked, key="samples gallery", on_click=toggle)
    is_most = it.chosen.order == MOST
    first = f"{'Most' if is_most else 'Least'} suspicious first"
    edge = " A card's edge has its colour on the map." if coloured is not None else ""
    known = "" if run.has_true_label else " Not every true label is known."
    end = f": {criterion_order(run, criterion)}" if is_most else f", by {title_of(criterion)}"
    st.caption(f"{first}{end}.{edge}{known}")
