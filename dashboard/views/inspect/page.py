"""Inspect, as a whole: what is chosen, the map beside the pictures, and the picked sample below."""

from functools import partial

import streamlit as st

from dashboard.cached import inspected
from dashboard.cached import review as cached_review
from dashboard.cached import samples as cached_samples
from dashboard.drawing.outlines import Outline, as_text, from_text
from dashboard.figures.base import CannotShow
from dashboard.figures.selection import absent_criteria
from dashboard.presenters import linked
from dashboard.presenters.linked import Places
from dashboard.presenters.linked_cloud import colour_title, colours_of
from dashboard.views.inspect import cloud, gallery, histogram, picked_sample, selection, table
from dashboard.views.inspect.picks import picked_samples
from dashboard.views.inspect.state import LEAST, MOST, Choices, Inspected
from dashboard.views.parts.blocks import offer_map, say_absent, show_folded
from dashboard.views.parts.bulk import show_bulk_undo
from dashboard.views.parts.choices import (
    IN_ADDRESS,
    choose,
    choose_criterion,
    choose_k,
    criterion_title,
    keep_text,
    plain,
    set_text,
    with_asked,
)
from dashboard.views.parts.contrast import show_contrast
from dashboard.views.parts.sample_filters import choose_filters
from hmw_core.criteria import MAIN_CRITERIA
from hmw_core.criteria.of_run import with_k
from hmw_core.errors import UsageError
from hmw_core.log.reader import RunReader

ORDER = {MOST: "most suspicious first", LEAST: "least suspicious first"}


def show(run: RunReader, given_label: int | None) -> None:
    """Show a class, or all of them."""
    _begin_anew(run, given_label)
    chosen = _choose(run, given_label)
    criterion, epoch = chosen.criterion, chosen.epoch
    samples = cached_samples.samples_of(run, epoch)
    verdict = cached_review.verdicts_of(run)
    places = _places(run)
    outlines = _outlines(run) if places is not None else ()
    picked = picked_samples(run, samples, criterion)
    passed = chosen.filters.passed(samples, verdict, partial(inspected.score_at, run))
    shown = passed & places.inside(outlines) if places is not None and outlines else passed
    ids = linked.in_order(samples, shown, criterion, first=chosen.order == MOST)
    it = Inspected(run, given_label, chosen, samples, verdict, outlines, picked, passed, shown, ids)
    asked_why = selection.show(it)
    show_bulk_undo(run)
    _say_limits(run, outlines, places)
    right = st.container()
    colours = None
    if places is not None:
        left, right = st.columns([11, 9])
        with left:
            colours = cloud.show(it, places)
    with right:
        part = gallery.page_of(it)
        rows = linked.rows(samples, part, run.class_names, verdict, [criterion])
        pictures = run.images(part.tolist())
        gallery.show(it, rows, pictures, colours)
    if asked_why and len(ids):
        show_contrast(run, ids, epoch, [] if outlines else chosen.filters.columns())
    if picked and run.last_epoch:
        picked_sample.show(it)
    show_folded(
        "Histogram: drag to filter",
        ":material/bar_chart:",
        "histogram of scores",
        partial(histogram.show, it),
    )
    if len(part):
        show_folded(
            "Table of these samples",
            ":material/table_rows:",
            "table of samples",
            partial(table.show, it, part, pictures),
        )
    say_absent(absent_criteria(run, MAIN_CRITERIA))


def _begin_anew(run: RunReader, given_label: int | None) -> None:
    """Take picks and outline back when another class is chosen: they were about the one before."""
    of = (run.name, given_label)
    before = st.session_state.get("inspected", of)
    st.session_state["inspected"] = of
    written = st.session_state.setdefault("address", {})
    for name in ("pick", "sample", "outline") if before != of and before[0] == run.name else ():
        if st.query_params.get(name) == written.get(name):  # nobody asks for another one
            set_text(name, "")


def _choose(run: RunReader, given_label: int | None) -> Choices:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        colour = choose(
            "colour_by",
            "Colour by",
            with_asked(colours_of(run), "colour_by"),
            shown=lambda name: colour_title(run, name) or criterion_title(run, name),
        )
        criterion = choose_criterion(run, "Sort by", only_present=True, other_k=False)
        order = choose("order", "Order", list(ORDER), shown=ORDER.__getitem__, quiet=True)
        with st.popover("Filters", icon=":material/filter_alt:"):
            filters, epoch = choose_filters(run, given_label)
            criterion = with_k(criterion, choose_k(run, [criterion]))
            smooth = st.toggle("Smooth small pictures", key="smooth pictures")
    return Choices(colour, criterion, order, filters, epoch, smooth)


def _places(run: RunReader) -> Places | None:
    """Return the map; where there is none, say why, and offer to compute it."""
    try:
        places = cached_samples.places_of(run)
    except CannotShow as reason:
        st.info(f"No map: {plain(str(reason))}.", icon=":material/info:")
        return None
    if places is None:
        offer_map(run, "auto")
    return places


def _outlines(run: RunReader) -> tuple[Outline, ...]:
    try:
        return from_text(keep_text("outline", run))
    except UsageError as error:
        st.warning(f"{str(error).capitalize()}.")
        set_text("outline", "")
        return ()


def _say_limits(run: RunReader, outlines: tuple[Outline, ...], places: Places | None) -> None:
    if outlines and len(as_text(outlines)) > IN_ADDRESS:
        st.caption("The outline has too many corners for the address; a shared link is without it.")
    if len(st.session_state["kept pick"]) > IN_ADDRESS:
        st.caption("Too many samples are picked for the address; a shared link is without them.")
    if outlines and places is not None and len(places.sample_id) < run.n_samples:
        missing = run.n_samples - len(places.sample_id)
        st.caption(f"{missing:,} samples have no place on the map, so no outline holds them.")
