"""A part of the samples as pictures, page by page, and as a review queue."""

from collections.abc import Callable, Sequence
from typing import Literal

import pandas as pd
import streamlit as st

from dashboard import runs
from dashboard.presenters.gallery import as_html, cards
from dashboard.views.addresses import link_to, page_file, query_of
from dashboard.views.parts.blocks import say_no_pictures
from dashboard.views.parts.choices import remember
from hmw_core.log.reader import RunReader

PAGE = 24  # pictures
SELECTION = "review selection"  # what another page asked the review to judge


def offer_review(run: RunReader, sample_ids: Sequence[int], what: str) -> None:
    """Offer to judge these samples, in this order; `what` says how they were chosen."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if review_button(f"Review these {len(sample_ids):,}"):
            go_to_review(run, sample_ids, what)
        st.caption("In the order shown below.")


def review_button(label: str, *, primary: bool = False) -> bool:
    """Show a button that leads to the review; a read-only server disables it and says why."""
    off = runs.read_only()
    why = "This server is read-only" if off else None
    kind: Literal["primary", "secondary"] = "primary" if primary else "secondary"
    return st.button(label, icon=":material/rate_review:", disabled=off, help=why, type=kind)


def go_to_review(run: RunReader, sample_ids: Sequence[int], what: str) -> None:
    """Open the review page with these samples, in this order."""
    st.session_state[SELECTION] = {
        "run": run.name,
        "sample_ids": [int(i) for i in sample_ids],
        "what": what,
    }
    remember("run", run.name)
    st.session_state.pop("choice run", None)
    st.switch_page(page_file("review"), query_params=query_of("review", run.name, run.network))


def rank_text(rank: object) -> str:
    """Return a rank, or that there is none."""
    return "none" if pd.isna(rank) else f"{rank:,}"


def show_part(
    run: RunReader,
    sample_ids: Sequence[int],
    note: Callable[[int], str],
    *,
    order: str,
    epoch: int | None = None,
    key: str = "part",
) -> None:
    """Show the pictures of samples in an order, page by page; `note` says a thing of each.

    `order` is the sentence that says how they are ordered, `key` tells one part from another.
    """
    say_no_pictures(run)
    n_pages = -(-len(sample_ids) // PAGE)
    page = st.pagination(n_pages, key=f"page of {n_pages} {key}") if n_pages > 1 else 1
    shown = [int(i) for i in sample_ids[(page - 1) * PAGE : page * PAGE]]
    known = (
        "An orange edge marks" if run.has_true_label else "Not every true label is known to mark"
    )
    st.caption(f"{order} {known} mislabeled samples.")
    drawn = cards(run, shown, epoch or run.last_epoch, {i: note(i) for i in shown})
    st.html(as_html(drawn, link=f"{link_to('samples', run)}&sample="))
