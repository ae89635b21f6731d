"""Timeline: one slider over the epochs drives the map, the ranks, the pictures and the weights."""

import time
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.cached import laboratory as cached_laboratory
from dashboard.cached import samples as cached_samples
from dashboard.cached import timeline as cached_timeline
from dashboard.drawing.style import GROUP_COLOURS
from dashboard.drawing.text import four_digits, shorten
from dashboard.figures.selection import MOST_SAMPLES, absent_criteria
from dashboard.presenters import timeline_page
from dashboard.presenters.gallery import as_html, cards
from dashboard.presenters.timeline_page import COLOURS
from dashboard.views.addresses import link_to
from dashboard.views.parts.animation import show_animation
from dashboard.views.parts.blocks import offer_table, say_absent, show_figure
from dashboard.views.parts.choices import (
    choose,
    choose_class,
    choose_criterion,
    choose_samples,
    choose_segment,
    criterion_order,
    plain,
    remember,
    settings_box,
)
from dashboard.views.parts.refusals import refusals
from hmw_core.criteria.of_run import criteria_of, title_of
from hmw_core.errors import UsageError
from hmw_core.feature_space.class_circle import corners, output_epochs
from hmw_core.laboratory import timeline
from hmw_core.laboratory.memorised import MEANING
from hmw_core.laboratory.timeline import Moment, Positions
from hmw_core.log.reader import RunReader

PARTS = {
    "map": "The map, epoch by epoch",
    "table": "When suspects were memorised",
    "ranks": "How ranks change",
    "frames": "Four epochs beside each other",
}
MOST_CORNERS = 20  # of the circle
PICTURES = 16
ROWS = 100  # of the table
PACES = {"slow": 2.5, "normal": 1.4, "fast": 0.9}  # seconds an epoch
KEYS = {"epoch": "timeline epoch", "playing": "timeline playing", "ticked": "timeline ticked"}


# -- the slider and what plays it


def ask(run: RunReader) -> None:
    """Take up the epoch that the address or another page asks for, if it is a new one.

    Only as the whole page runs: what a timer runs still has the address of before the last change.
    """
    state = st.session_state
    written = state.setdefault("address", {}).get("epoch")
    in_address = st.query_params.get("epoch")
    text = written if in_address in (None, written) else in_address
    if text == state.get("timeline wrote"):
        return
    state["timeline wrote"] = text
    state[KEYS["epoch"]] = None
    if text is not None and text.isascii() and text.isdigit() and len(text) < 9:
        state[KEYS["epoch"]] = int(text) if 1 <= int(text) <= run.last_epoch else None
    if text is not None and state[KEYS["epoch"]] is None:
        st.warning(f"Epoch: there is no “{plain(text)}” here, so this shows the last.")


def current(epochs: list[int]) -> int:
    """Return the epoch to show: the last asked for, or the nearest one before it."""
    asked = st.session_state.get(KEYS["epoch"]) or epochs[-1]
    return max((epoch for epoch in epochs if epoch <= asked), default=epochs[0])


def keep(run: RunReader, epoch: int) -> None:
    """Keep the epoch in the address; the last one is the default and needs none."""
    text = None if epoch == run.last_epoch else str(epoch)
    st.session_state["timeline wrote"] = text
    remember("epoch", text)


def advance(epochs: list[int], pace: float) -> int:
    """Return the epoch to show now; while playing, the next one after each pause of the pace."""
    epoch = current(epochs)
    state = st.session_state
    if state.get(KEYS["playing"]):
        now = time.monotonic()
        if now - state.get(KEYS["ticked"], 0.0) > 0.7 * pace:
            epoch = epochs[min(epochs.index(epoch) + 1, len(epochs) - 1)]
            state[KEYS["ticked"]] = now
        if epoch == epochs[-1]:
            state[KEYS["playing"]] = False
            state["timeline again"] = True  # a timer ends only with the whole page
    state[KEYS["epoch"]] = epoch
    return epoch


def toggle(epochs: list[int]) -> None:
    """Play, from the first epoch where the last is on screen; or pause."""
    state = st.session_state
    state[KEYS["playing"]] = not state.get(KEYS["playing"])
    if state[KEYS["playing"]]:
        if current(epochs) == epochs[-1]:
            state[KEYS["epoch"]] = epochs[0]
        state[KEYS["ticked"]] = time.monotonic()
    state["timeline again"] = True


def moved() -> None:
    """Take the slider's epoch; moving it ends the animation."""
    state = st.session_state
    state[KEYS["epoch"]] = state["timeline slider"]
    if state.get(KEYS["playing"]):
        state[KEYS["playing"]] = False
        state["timeline again"] = True


def pick(sample_id: int) -> None:
    """Mark a clicked sample with a ring, or remove its ring."""
    words = (st.session_state.get("choice sample") or "").replace(",", " ").split()
    ids = [word for word in words if word != str(sample_id)]
    if len(ids) == len(words):
        ids = [*ids, str(sample_id)][-MOST_SAMPLES:]
    st.session_state["choice sample"] = ", ".join(ids)
    remember("sample", ", ".join(ids) or None)
    st.session_state["timeline again"] = True


# -- what an epoch shows


def animation_data(
    run: RunReader,
    positions: Positions,
    epoch: int,
    colour: str,
    criterion: str,
    ranks: pd.DataFrame,
    chosen: list[int],
    trails: bool,
    given_label: int | None,
    pace: float,
) -> dict[str, Any]:
    """Return what the browser draws at an epoch."""
    at = positions.epochs.index(epoch)
    samples = run.samples().loc[positions.sample_id]
    truth = samples["true_label"].fillna(65535).to_numpy(np.int64)
    paint = timeline_page.paint(run, colour, positions.sample_id, epoch, ranks, criterion)
    state = cached_timeline.moment(run, epoch, given_label)
    rows = f"{run.name} {run.network} {given_label}"
    return {
        "stamp": f"{rows} {epoch} {colour} {criterion} {chosen} {trails}",
        "rows": rows,
        "epoch": epoch,
        "places": timeline_page.quantised(positions.x[at], positions.y[at]),
        "before": timeline_page.quantised(positions.x[at - 1], positions.y[at - 1]) if at else None,
        "anchors": timeline_page.quantised(*corners(run.n_classes).T) if has_corners(run) else "",
        "ids": timeline_page.packed(positions.sample_id.astype("<i4")),
        "given": timeline_page.packed(samples["given_label"].to_numpy("<u2")),
        "truth": timeline_page.packed(truth.astype("<u2")),
        "rank": timeline_page.packed(
            ranks[str(epoch)].to_numpy()[positions.sample_id].astype("<i4")
        ),
        "colour": timeline_page.packed(paint.index),
        "palette": paint.palette,
        "names": [shorten(name, 40) for name in run.class_names],
        "short": [shorten(name, 14) for name in run.class_names],
        "labels": has_corners(run),
        "criterion": title_of(criterion),
        "chosen": chosen,
        "trails": trails,
        "duration": 700 * min(pace, 1.0),
        "bins": state.bins,
        "groups": {name: GROUP_COLOURS[name] for name in state.bins},
        "numbers": numbers(state),
    }


def legend(
    run: RunReader, positions: Positions, epoch: int, ranks: pd.DataFrame, shown: dict
) -> None:
    """Show the legend: a dot and a name for each colour."""
    paint = timeline_page.paint(
        run, shown["colour"], positions.sample_id, epoch, ranks, shown["criterion"]
    )
    if paint.scale:
        st.caption(f"Colour: {plain(paint.scale)}.")
        return
    # Colours are ours; the names are escaped.
    dots = " &nbsp; ".join(
        f'<span style="color:{colour}">●</span> {plain_html(name)}' for name, colour in paint.legend
    )
    st.html(f'<div style="font-size:13px">{dots or "Colours repeat, so none names a class."}</div>')


def plain_html(name: str) -> str:
    """Return a name as HTML shows it."""
    import html

    return html.escape(shorten(name, 40))


def numbers(state: Moment) -> list[tuple[str, str]]:
    """Return what the training pass of an epoch predicted, and the weights' means, in words."""
    shares = {
        "clean samples fitted": state.fitted["clean"],
        "mislabeled fitted (memorised)": state.fitted["mislabeled"],
        "mislabeled seen as their true class": state.as_true,
        "of unknown true label, fitted": state.fitted["unknown"],
    }
    said = [(what, f"{100 * share:.1f} %") for what, share in shares.items() if share == share]
    return said + [
        (f"mean HM weight, {name}", four_digits(mean)) for name, mean in state.mean_weight.items()
    ]


def suspects(
    run: RunReader,
    epoch: int,
    before: int | None,
    ranks: pd.DataFrame,
    criterion: str,
    ids: np.ndarray | None,
    chosen: list[int],
    *,
    as_table: bool,
) -> None:
    """Show the most suspicious samples at this epoch, and how their ranks changed."""
    table = timeline.top(ranks, epoch, before, ids)
    since = f" since epoch {before}" if before else ""
    st.subheader(f"Most suspicious up to epoch {epoch}", anchor=False)
    known = "An orange edge marks" if run.has_true_label else "No true label is known to mark"
    st.caption(
        f"Most suspicious first: {criterion_order(run, criterion)}, over epochs 1 to {epoch}; ▲ is "
        f"towards the suspicious end{since}. {known} mislabeled samples."
    )
    if as_table:
        show_table(run, table, epoch, before, criterion, chosen)
        return
    first = table.head(PICTURES)
    notes = {
        int(row.sample_id): f"#{row.rank:,} {timeline_page.change_text(row.change)}"
        for row in first.itertuples()
    }
    if not run.has_images:
        st.caption("This run keeps no pictures.")
    drawn = cards(run, first["sample_id"].tolist(), epoch, notes)
    st.html(as_html(drawn, link=f"{link_to('samples', run)}&sample=", width=96))


def show_table(
    run: RunReader,
    table: pd.DataFrame,
    epoch: int,
    before: int | None,
    criterion: str,
    chosen: list[int],
) -> None:
    """Show the most suspicious samples and when they were memorised, as a table."""
    listed = list(dict.fromkeys([*chosen, *table["sample_id"].head(ROWS).tolist()]))
    offer_table(
        as_rows(run, table, listed, epoch, before),
        f"{run.name}-timeline-epoch-{epoch}-{criterion}",
        f"The {len(chosen)} ringed samples, then the most suspicious by "
        f"{title_of(criterion)} up to epoch {epoch}. First fitted: "
        f"{MEANING['first_fitted']} Memorised for good: {MEANING['first_memorised']} "
        f"Both from the whole log, epochs 1 to {run.last_epoch}; of "
        "a clean sample, being memorised is being learned.",
    )


def as_rows(
    run: RunReader, table: pd.DataFrame, listed: list[int], epoch: int, before: int | None
) -> pd.DataFrame:
    """Return some samples as the page's table has them."""
    samples = run.samples().loc[listed]
    names = dict(enumerate(run.class_names))
    by_id = table.set_index("sample_id").reindex(listed)
    rows = pd.DataFrame({"sample": listed})
    rows["given label"] = samples["given_label"].map(names).to_numpy()
    if samples["true_label"].notna().any():
        rows["true label"] = samples["true_label"].map(names).to_numpy()
        rows["mislabeled"] = samples["is_mislabeled"].to_numpy()
    rows[f"rank at {epoch}"] = by_id["rank"].array
    if before is not None:
        rows[f"rank at {before}"] = by_id["rank_before"].array
    try:
        when = cached_laboratory.fitted(run).loc[listed]
    except UsageError:
        return rows
    rows["first fitted (epoch)"] = when["first_fitted"].array
    rows["memorised for good (epoch)"] = when["first_memorised"].array
    return rows


# -- what is below the animation


def has_corners(run: RunReader) -> bool:
    """Tell whether the circle has room for the corners of all classes."""
    return run.n_classes <= MOST_CORNERS


def say_no_corners(run: RunReader) -> None:
    """Say why a map of many classes has no corners."""
    st.info(
        f"{run.n_classes} classes are too many for a circle: their corners, one every "
        f"{four_digits(360 / run.n_classes)} degrees, are not drawn, and where a sample lies says "
        "little. Ranks, pictures and weights are not affected; one class can be chosen under "
        "Settings.",
        icon=":material/info:",
    )


def how_to_read(run: RunReader, positions: Positions, epoch: int) -> None:
    """Say what the map is, and how many of the samples it draws."""
    drawn, there = len(positions.sample_id), positions.n_samples
    drawn_note = (
        f" {drawn:,} of {there:,} samples are drawn at random, half of them mislabeled where so "
        "many are known; numbers and ranks are from all samples."
        if drawn < there
        else ""
    )
    missing = int(np.isnan(positions.x[positions.epochs.index(epoch)]).sum())
    drawn_note += f" {missing:,} have no place at this epoch." if missing else ""
    source = (
        "cosines of the training pass, on augmented pictures"
        if output_epochs(run)
        else "cosines of the logged features, after the epoch"
    )
    st.caption(
        "**How to read it.** Every class has a corner (star); a sample lies at the mean of "
        "the corners, weighted by a softmax of its cosines to the class vectors, so that a "
        f"class that leads by 0.5 has 80 % of the weight. Made from {source}. No layout is "
        "fitted: a sample whose cosines do not change does not move. In the middle, different "
        "mixtures of classes fall together. Lines lead from the place at the epoch shown before."
        f"{drawn_note}"
    )


def nothing(run: RunReader) -> str:
    """Return why there is nothing to show, in a sentence; here there always is something."""
    return ""


def show(run: RunReader) -> None:
    """Show the tab."""
    row = st.container(horizontal=True, vertical_alignment="center")
    with row:
        part = choose_segment("shows", "Show", PARTS)
    with settings_box(row):
        criterion = choose_criterion(run, "Rank by", only_present=True)
        unknown = run.samples()["true_label"].isna().all()
        colours = [c for c in COLOURS if not (unknown and c in ("is_mislabeled", "true_label"))]
        colour = choose("colour", "Colour", colours, shown=COLOURS.__getitem__, quiet=True)
        given_label = choose_class(run, all_classes=True)
        by_hand = choose_samples(run)
        pace_name = st.segmented_control(
            "Pace", list(PACES), default="normal", required=True, key="timeline pace"
        )
        trails = st.toggle("Lines from the epoch before", value=True, key="timeline trails")
    if st.query_params.get("map") == "joint":
        st.info("There is no t-SNE map of all epochs any more; this shows the circle of classes.")
    try:
        chosen = cached_samples.chosen(run, given_label, by_hand, None)["sample_id"].tolist()
    except UsageError as reason:
        st.warning(f"{plain(str(reason))}.")
        chosen = []
    of_figure: dict[str, Any] = {"given_label": given_label}
    if part == "ranks":
        show_figure("timeline_ranks", run, criterion=criterion, sample_ids=by_hand, **of_figure)
        return
    if part == "frames":
        show_figure("timeline_frames", run, **of_figure)
        return
    positions = None
    if timeline.circle_epochs(run):
        positions = cached_timeline.positions(run, given_label, chosen)
    else:
        st.info(
            "No map: this log has neither cosines to the class vectors nor features with class "
            "vectors. Ranks, pictures and weights are below.",
            icon=":material/info:",
        )
    epochs = timeline.shown_epochs(timeline.circle_epochs(run) or run.epochs())
    ranks = cached_timeline.rank_table(run, criterion, epochs)
    pace = PACES[pace_name]
    of_class = None if given_label is None else np.sort(run.sample_ids(given_label))

    def show_epoch() -> None:
        """Show an epoch, and the next one while playing."""
        epoch = advance(epochs, pace)
        playing = bool(st.session_state.get(KEYS["playing"]))
        if st.session_state.pop("timeline again", False):
            st.rerun()
        if len(epochs) > 1:
            with st.container(horizontal=True, vertical_alignment="bottom"):
                st.button(
                    "Pause" if playing else "Play",
                    icon=":material/pause:" if playing else ":material/play_arrow:",
                    on_click=toggle,
                    args=(epochs,),
                    key="timeline play",
                    shortcut="P",
                )
                st.session_state["timeline slider"] = epoch
                st.select_slider("Epoch", epochs, key="timeline slider", on_change=moved)
        if not playing:
            keep(run, epoch)
        before = epochs[epochs.index(epoch) - 1] if epoch != epochs[0] else None
        state = cached_timeline.moment(run, epoch, given_label)
        if part == "map" and positions is None:
            with st.container(horizontal=True):
                for what, number in numbers(state):
                    st.metric(what, number)
        if part == "map" and state.why_no_weights:
            st.caption(f"No HM weights: {plain(state.why_no_weights)}.")
        if part == "map" and positions is not None:
            if not has_corners(run):
                say_no_corners(run)
            legend(run, positions, epoch, ranks, {"colour": colour, "criterion": criterion})
            data = animation_data(
                run, positions, epoch, colour, criterion, ranks, chosen, trails, given_label, pace
            )
            show_animation(data, "timeline animation", pick)
        suspects(run, epoch, before, ranks, criterion, of_class, chosen, as_table=part == "table")
        if part == "map" and positions is not None:
            how_to_read(run, positions, epoch)

    ask(run)
    st.fragment(
        refusals()(show_epoch), run_every=pace if st.session_state.get(KEYS["playing"]) else None
    )()
    say_absent(absent_criteria(run, criteria_of(run)))
