"""Step 2: the most suspicious samples judged by keyboard, and what was said by whom."""

from collections import deque
from functools import partial
from time import monotonic
from typing import Any
from uuid import uuid4

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import runs
from dashboard.cached import review as cached_review
from dashboard.presenters import reviewing
from dashboard.views.fix import history, reviewers
from dashboard.views.parts.bulk import REVIEWER, TAKEN_BACK, WRITTEN, offer_bulk, show_bulk_undo
from dashboard.views.parts.choices import (
    choose_class,
    choose_criterion,
    choose_epoch,
    criterion_order,
    plain,
)
from dashboard.views.parts.part_pictures import SELECTION
from dashboard.views.parts.refusals import refusals
from dashboard.views.parts.review_panel import show_review_panel
from dashboard.views.parts.sections import show_sections
from hmw_core.criteria.of_run import pick_criterion
from hmw_core.errors import UsageError
from hmw_core.log.reader import RunReader
from hmw_core.review.queue import audit_sample, queue
from hmw_core.review.remaining import Remaining, remaining_errors
from hmw_core.samples.suggestions import RULE

PANEL = "review panel"
SHARE = 3  # counts of the errors left take at most a quarter of the time
ANSWERS = 3  # lists of events whose answers are told again
TRUE_HELP = (
    "Off, so that you judge the picture. Who sees the true label judges nothing: verdicts and the "
    "estimate of the errors left would say only how well a label can be copied."
)


def show(run: RunReader) -> None:
    """Show the step."""
    if not run.last_epoch:
        st.info("There is nothing to rank before the first whole epoch.", icon=":material/info:")
        return
    show_sections(
        "do",
        {
            "judge": ("Judge", partial(judge, run)),
            "history": ("History", partial(history.show, run)),
            "reviewers": ("Two reviewers", partial(reviewers.show, run)),
        },
    )


def judge(run: RunReader) -> None:
    """Show the queue: how far it is, the panel, and when to stop."""
    head = st.empty()
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
    # What others have judged comes in no order that the estimate of the errors left may use.
    is_queue = selection is None and mode not in reviewing.OTHERS
    stream = "ranked" if is_queue else "selection"
    panel(head, run, order, audit, criterion, given_label, epoch, mode, stream, every, reveal)


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
    head: DeltaGenerator,
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
) -> None:
    """Show the panel, and in `head` what is left; Streamlit reruns this for each report."""
    setup = f"{run.name} {run.network} {criterion} {epoch} {mode} {stream}"
    setup += f" {len(order)} {every} {reveal}"
    # What was written or taken back outside the panel starts it again.
    outside = st.session_state.get(WRITTEN, {}).get("batch"), st.session_state.get(TAKEN_BACK, 0)
    state = panel_state(run)
    if mode == "second":
        setup += f" {state['reviewer']}"
    queue_key = f"{run.folder} {setup} {hash(tuple(order['sample_id']))} {outside}"
    begin(state, queue_key, mode, run)
    log = cached_review.review_log(run)
    left = errors_left(state, run, given_label, epoch, len(log.table))
    if left is not None:
        of = "" if given_label is None else f" of class {plain(run.class_names[given_label])}"
        head.markdown(f"**Step 2{of}:** {plain(reviewing.headline(left, log, given_label))}")
    found = reviewing.queue_of(order, log, mode, state["begun"], state["reviewer"])
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
        "saved": "nothing is written" if runs.read_only() else reviewing.last_word(log),
    }
    show_review_panel(data, PANEL, partial(take_report, run))
    # Below the panel, so that they never push the picture or a key out of the window.
    for sentence in log.damage:
        st.warning(plain(sentence), icon=":material/warning:")
    if state["failure"]:
        st.error(
            f"Not saved, and tried again until it is: {plain(state['failure'])}",
            icon=":material/error:",
        )
    say_order(run, criterion, order, every)
    if left is not None:
        when_to_stop(run, given_label, left, state["left"][0][1])


def take_report(run: RunReader) -> None:
    """Write what the panel reports."""
    report = st.session_state[PANEL].get("events")
    state = st.session_state.get("review")
    if not isinstance(report, dict) or report.get("run") != run.name or state is None:
        return
    state["have"] = set(report.get("have", []))
    state["looked"] = report.get("looked", [])
    state["reviewer"] = st.session_state[REVIEWER] = str(report.get("reviewer", ""))
    if runs.read_only():
        return
    outcome = reviewing.apply_events(run, report.get("events", []), cached_review.review_log(run))
    state["answers"].append(outcome.answered)
    state["refused"], state["failure"] = outcome.refused, outcome.failure


def panel_state(run: RunReader) -> dict[str, Any]:
    """Return the state of this browser's panel."""
    return st.session_state.setdefault(
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


def begin(state: dict[str, Any], queue_key: str, mode: str, run: RunReader) -> None:
    """Start another queue with nothing known of it."""
    if state["queue"] == queue_key:
        return
    state["queue"] = queue_key
    state["facts"], state["looked"], state["begun"] = {}, [], ()
    if mode not in ("new", "second"):
        log = cached_review.review_log(run)
        whole = log.table if mode == "disagree" else log.current
        state["begun"] = frozenset(whole["id"])


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
    if mode == "second":
        return "You have judged all that others have."
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


def errors_left(
    state: dict[str, Any], run: RunReader, given_label: int | None, epoch: int | None, n: int
) -> Remaining | None:
    """Return how many errors are left; not after each key, which is faster."""
    asked = (state["queue"], n)
    made, pause_until, left = state["left"]
    begun = monotonic()
    if left is None or made[0] != asked[0] or (made != asked and begun > pause_until):
        try:
            left = remaining_errors(run, given_label=given_label, epoch=epoch)
        except UsageError as error:
            st.error(plain(str(error)), icon=":material/error:")
            return None
        took = monotonic() - begun
        state["left"] = (asked, monotonic() + SHARE * took, left)
    return left


def when_to_stop(run: RunReader, given_label: int | None, left: Remaining, n: int) -> None:
    """Show what the headline's advice follows from."""
    of = "this run" if given_label is None else f"class {plain(run.class_names[given_label])}"
    with st.expander(f"When to stop: label errors of {of}", icon=":material/flag:"):
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
        st.caption(f"After {n:,} verdicts. {plain(left.rule)} {plain(' '.join(left.notes))}")
