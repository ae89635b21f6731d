"""Review: the most suspicious samples one by one, judged by keyboard."""

from collections import deque
from functools import partial
from time import monotonic
from typing import Any
from uuid import uuid4

import pandas as pd
import streamlit as st

from dashboard import runs
from dashboard.cached import review as cached_review
from dashboard.presenters import reviewing
from dashboard.views.parts.bulk import WRITTEN, offer_bulk, show_bulk_undo
from dashboard.views.parts.choices import (
    choose_class,
    choose_criterion,
    choose_epoch,
    criterion_order,
    plain,
)
from dashboard.views.parts.refusals import refusals
from dashboard.views.parts.review_panel import show_review_panel
from hmw_core.criteria.of_run import pick_criterion
from hmw_core.errors import UsageError
from hmw_core.log.reader import RunReader
from hmw_core.review.queue import audit_sample, queue
from hmw_core.review.remaining import remaining_errors
from hmw_core.samples.suggestions import RULE

PANEL = "review panel"
SELECTION = "review selection"
PAUSE = 2  # s between two counts of the errors left
ANSWERS = 3  # lists of events whose answers are told again
TRUE_HELP = (
    "Off, so that you judge the picture. Who sees the true label judges nothing: verdicts and the "
    "estimate of the errors left would say only how well a label can be copied."
)


def show(run: RunReader) -> None:
    """Show the step."""
    st.caption("The keys judge the picture on screen. Labels of the data set stay untouched.")
    if not run.last_epoch:
        st.info("There is nothing to rank before the first whole epoch.", icon=":material/info:")
        return
    selection = selection_of(run)
    with st.container(horizontal=True, vertical_alignment="bottom", key="review setup"):
        criterion = choose_criterion(run, "Rank by")
        given_label = choose_class(run, all_classes=True)
        mode = st.selectbox(
            "Pictures",
            list(reviewing.MODES),
            format_func=reviewing.MODES.__getitem__,
            key="review mode",
        )
        with st.popover("More", icon=":material/tune:"):
            epoch = choose_epoch(run)
            every = choose_audit(selection is not None, mode)
            reveal = st.toggle(
                "Show true labels",
                key="review true labels",
                disabled=not run.samples()["true_label"].notna().any(),
                help=TRUE_HELP,
            )
            smooth = st.toggle("Smooth enlarged pictures", key="review smooth")
        if selection is not None:
            offer_bulk(
                run, selection["sample_ids"], selection["what"], criterion=criterion, epoch=epoch
            )
    show_bulk_undo(run)
    ids = None if selection is None else selection["sample_ids"]
    try:
        order = queue(run, criterion, given_label=given_label, sample_ids=ids, epoch=epoch)
    except UsageError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    audit = audit_sample(run, given_label=given_label) if every else None
    stream = "ranked" if selection is None else "selection"
    panel(run, order, audit, criterion, given_label, epoch, mode, stream, every, reveal, smooth)


def selection_of(run: RunReader) -> dict[str, Any] | None:
    """Return the samples that another page asked to judge; say which they are."""
    selection = st.session_state.get(SELECTION)
    if not isinstance(selection, dict) or selection.get("run") != run.name:
        return None
    with st.container(horizontal=True, vertical_alignment="center"):
        n = len(selection["sample_ids"])
        st.markdown(f"**Selection of {n:,} samples:** {plain(str(selection.get('what', '')))}")
        if st.button("Back to the whole run", type="tertiary", icon=":material/close:"):
            del st.session_state[SELECTION]
            st.rerun()
    return selection


def choose_audit(is_selection: bool, mode: str) -> int:
    """Return how many pictures hold one that is drawn at random, 0 for none."""
    every = st.number_input(
        "Random checks: one of how many pictures",
        0,
        1000,
        10,
        key="review audit",
        disabled=is_selection or mode != "new",
        help="Drawn at random from all samples and not marked, so that they are judged like the "
        "others; from them follows how many errors are left. 0 shows none. Rank and score are "
        "hidden meanwhile: they would give the random ones away.",
    )
    return 0 if is_selection or mode != "new" else int(every)


@st.fragment
@refusals()
def panel(
    run: RunReader,
    order: pd.DataFrame,
    audit: pd.DataFrame | None,
    criterion: str,
    given_label: int | None,
    epoch: int | None,
    mode: str,
    stream: str,
    every: int,
    reveal: bool,
    smooth: bool,
) -> None:
    """Show the panel and how many errors are left; Streamlit reruns this part for each report."""
    setup = f"{run.name} {run.network} {criterion} {epoch} {mode} {stream}"
    setup += f" {len(order)} {every} {reveal}"
    bulks = st.session_state.get(WRITTEN, {}).get("batch")  # a bulk starts the panel again
    queue_key = f"{run.folder} {setup} {hash(tuple(order['sample_id']))} {bulks}"
    state = panel_state(queue_key, mode, run)
    log = cached_review.review_log(run)
    for sentence in log.damage:
        st.warning(plain(sentence), icon=":material/warning:")
    if state["failure"]:
        st.error(
            f"Not saved, and tried again until it is: {plain(state['failure'])}",
            icon=":material/error:",
        )
    found = reviewing.queue_of(order, log, mode, state["begun"])
    places = reviewing.upcoming(
        found,
        stream,
        audit=audit,
        every=every,
        n_seen=int(log.table["stream"].isin(["ranked", "audit"]).sum()),
        passed=state["looked"],
        most=reviewing.AHEAD + 1,
    )
    mine = reviewing.recent(log, found, state["reviewer"], state["begun"])
    known = facts_of(state, run, places, mine["sample_id"].tolist(), epoch)
    n_ranked = len(run.sample_ids(given_label))  # a selection keeps its ranks among all of these
    told = partial(
        reviewing.item,
        criterion=pick_criterion(run, criterion),
        total=n_ranked,
        hide=bool(every),
        reveal=reveal,
    )
    ahead = places[: reviewing.AHEAD]
    items = [told(place, known[place.sample_id]) for place in ahead if place.sample_id in known]
    state["version"] += 1
    data = {
        "page": state["page"],
        "version": state["version"],
        "run": run.name,
        "dataset": run.info["dataset"]["fingerprint"],
        "store": f"{run.info['dataset']['fingerprint']}/{run.name}",
        "queue": state["queue"],
        "setup": setup,
        "criterion": criterion,
        "classes": run.class_names,
        "read_only": runs.read_only(),
        "reviewer": state["reviewer"],
        "reveal": reveal,
        "smooth": smooth,
        "predicted_when": f"predicted, epoch {epoch or run.last_epoch}",
        "suggested_how": "predicted in most epochs, but not the given label",
        "answered": [identity for answers in state["answers"] for identity in answers],
        "refused": [f"Not kept: {why}." for why in state["refused"].values()],
        "refused_ids": list(state["refused"]),
        "items": [without_picture(item, state["have"]) for item in items],
        "recent": [
            {
                "id": row.id,
                "text": reviewing.verdict_text(row.verdict, row.new_label, run.class_names),
                "item": without_picture(
                    told(
                        reviewing.Place(int(row.sample_id), row.stream, reviewing.whole(row.rank)),
                        known[int(row.sample_id)],
                    ),
                    state["have"],
                ),
            }
            for row in mine.itertuples()
        ],
        "more": len(places) > len(items),
        "end": ended(found, mode),
        "total": found.total,
        "judged": found.judged,
        "count": reviewing.progress(found),
        "saved": "This server is read-only: nothing is written."
        if runs.read_only()
        else reviewing.last_word(log),
    }
    show_review_panel(data, PANEL, partial(take_report, run))
    say_order(run, criterion, order, every)
    when_to_stop(state, run, given_label, epoch, len(log.table))


def take_report(run: RunReader) -> None:
    """Write what the panel reports."""
    report = st.session_state[PANEL].get("events")
    state = st.session_state.get("review")
    if not isinstance(report, dict) or report.get("run") != run.name or state is None:
        return
    state["have"] = set(report.get("have", []))
    state["looked"] = report.get("looked", [])
    state["reviewer"] = str(report.get("reviewer", ""))
    if runs.read_only():
        return
    outcome = reviewing.apply_events(run, report.get("events", []), cached_review.review_log(run))
    state["answers"].append(outcome.answered)
    state["refused"], state["failure"] = outcome.refused, outcome.failure


def panel_state(queue_key: str, mode: str, run: RunReader) -> dict[str, Any]:
    """Return the state of this browser's panel; another queue starts with an empty one."""
    state = st.session_state.setdefault(
        "review",
        {
            "page": uuid4().hex,
            "version": 0,
            "queue": None,
            "facts": {},
            "have": set(),
            "looked": [],
            "reviewer": "",
            "answers": deque(maxlen=ANSWERS),
            "refused": {},
            "failure": None,
            "left": (("", 0), 0.0, None),
        },
    )
    if state["queue"] != queue_key:
        state["queue"] = queue_key
        state["facts"], state["looked"] = {}, []
        state["begun"] = (
            () if mode == "new" else frozenset(cached_review.review_log(run).current["id"])
        )
    return state


def facts_of(
    state: dict[str, Any],
    run: RunReader,
    places: list[reviewing.Place],
    others: list[int],
    epoch: int | None,
) -> dict[int, dict]:
    """Return the facts of these samples; many are read at once, well before they are needed."""
    known: dict[int, dict] = state["facts"]
    ahead = [place.sample_id for place in places[: reviewing.AHEAD]]
    missing = [i for i in others if i not in known]
    if any(i not in known for i in ahead[: reviewing.AHEAD // 2]):
        missing += [i for i in ahead if i not in known]
    if missing:
        known.update(reviewing.facts(run, missing, epoch))
        wanted = {*ahead, *others}
        state["facts"] = known = {i: fact for i, fact in known.items() if i in wanted}
    return known


def without_picture(item: dict[str, Any], have: set[int]) -> dict[str, Any]:
    """Return an item without the picture that the browser holds already."""
    if item["sample_id"] not in have:
        return item
    return {name: value for name, value in item.items() if name != "picture"}


def ended(found: reviewing.Queue, mode: str) -> str:
    """Return the sentence shown when no picture is left."""
    if not found.total:
        return "No sample is in this queue."
    if mode == "new":
        return (
            f"All {found.total:,} samples of this queue are judged. Choose another class or "
            "criterion, or look at the unsure ones again: Pictures."
        )
    return "This pass is at its end."


def say_order(run: RunReader, criterion: str, order: pd.DataFrame, every: int) -> None:
    """Say what the order means, and which scores or pictures are missing."""
    said = [f"Most suspicious first: {criterion_order(run, criterion)}."]
    without = int(order["score"].isna().sum())
    if without:
        said.append(f"{without:,} samples have no score and come last.")
    if not run.has_images:
        said.append("This run keeps no pictures.")
    if every:
        said.append(f"One of {every} pictures is drawn at random, so rank and score are hidden.")
    if run.status == "running":
        said.append(
            f"The training is still running; these are its results after epoch {run.last_epoch}."
        )
    st.caption(f"{' '.join(said)} {RULE}")


def when_to_stop(
    state: dict[str, Any], run: RunReader, given_label: int | None, epoch: int | None, n: int
) -> None:
    """Show how many errors are left, what the last reviews found, and what to do."""
    of = "this run" if given_label is None else f"class {plain(run.class_names[given_label])}"
    st.subheader(f"When to stop: label errors of {of}", anchor=False)
    asked = (state["queue"], n)
    made, seconds, left = state["left"]
    # Counting takes longer than a key; fast typing does not wait for it.
    if left is None or made[0] != asked[0] or (made != asked and monotonic() - seconds > PAUSE):
        try:
            left = remaining_errors(run, given_label=given_label, epoch=epoch)
        except UsageError as error:
            st.error(plain(str(error)), icon=":material/error:")
            return
        made = asked
        state["left"] = (made, monotonic(), left)
    st.markdown(f"**{plain(left.recommendation)}**")
    unknown = "not known yet"
    tiles = {
        "Errors left, estimated": unknown if left.estimate is None else f"{left.estimate:,.0f}",
        "95 % interval": unknown if left.low is None else f"{left.low:,} to {left.high:,}",
        "Errors found": f"{left.n_found:,} in {left.n_judged:,} judged",
        f"Yield of the last {left.n_recent}": unknown
        if left.recent_yield is None
        else f"{left.recent_yield:.0%}",
        "Random checks that count": f"{left.n_audited:,}, {left.n_audited_wrong:,} wrong",
    }
    for column, (name, value) in zip(st.columns(len(tiles)), tiles.items(), strict=True):
        column.markdown(f":small[:gray[{name}]]  \n**{value}**")
    st.caption(f"After {made[1]:,} verdicts. {plain(left.rule)}")
