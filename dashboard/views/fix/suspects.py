"""Step 1: the most suspicious samples, and pictures that are there more than once."""

from functools import partial

import pandas as pd
import streamlit as st

from dashboard.cached import review as cached_review
from dashboard.presenters.gallery import as_html, cards
from dashboard.views.addresses import link_to, page_file, query_of
from dashboard.views.fix import duplicates, splits
from dashboard.views.parts.choices import choose_class, choose_criterion, criterion_order, plain
from dashboard.views.parts.part_pictures import SELECTION, review_button
from dashboard.views.parts.sections import show_sections
from hmw_core.errors import UsageError
from hmw_core.log.reader import RunReader
from hmw_core.review.queue import queue

SHOWN = 24  # suspects
FIRST = 100  # suspects of whom it is said how many are judged


def show(run: RunReader) -> None:
    """Show the step."""
    show_sections(
        "find",
        {
            "suspects": ("Suspects", partial(suspects, run)),
            "duplicates": ("Duplicates", partial(duplicates.show, run)),
            "splits": ("In training and test", partial(splits.show, run)),
        },
    )


def suspects(run: RunReader) -> None:
    """Show the most suspicious samples, and the way to judge them."""
    if not run.last_epoch:
        st.info("There is nothing to rank before the first whole epoch.", icon=":material/info:")
        return
    where = st.container()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        criterion = choose_criterion(run, "Rank by")
        given_label = choose_class(run, all_classes=True)
        if review_button("Review these", primary=True):
            st.session_state.pop(SELECTION, None)  # the queue is this ranking, with random checks
            st.switch_page(
                page_file("review"), query_params=query_of("review", run.name, run.network)
            )
    try:
        order = queue(run, criterion, given_label=given_label)
    except UsageError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    log = cached_review.review_log(run)
    first = order["sample_id"].head(FIRST)
    n_judged = int(first.isin(log.current.index).sum())
    where.markdown(
        f"**Step 1:** {len(order):,} samples are ranked by how suspicious their label is; "
        f"{n_judged:,} of the first {len(first):,} are judged. "
        "**Next:** look whether the first ones are wrong labels, then *Review these*."
    )
    top = order.head(SHOWN)
    told = log.current["verdict"]
    notes = {
        int(row.sample_id): f"judged {told[row.sample_id]}"
        if row.sample_id in told.index
        else ("no score" if pd.isna(row.rank) else f"rank {row.rank:,}")
        for row in top.itertuples()
    }
    if not run.has_images:
        st.caption("This run keeps no pictures.")
    shown = cards(run, top["sample_id"].tolist(), run.last_epoch, notes)
    st.html(as_html(shown, link=f"{link_to('samples', run)}&sample=", width=92))
    st.caption(f"Most suspicious first: {criterion_order(run, criterion)}.")
