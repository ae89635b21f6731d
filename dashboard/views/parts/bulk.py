"""One verdict for many samples: a preview of counts, a confirmation, and one line to undo it.

Every page with a selection offers the same dialog; what it writes is a batch in the review log.
"""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import streamlit as st

from dashboard import runs
from dashboard.cached import review as cached_review
from dashboard.presenters import reviewing
from dashboard.views.parts.choices import plain
from hmw_core.errors import UsageError
from hmw_core.log import verdicts
from hmw_core.log.reader import RunReader
from hmw_core.samples.method_parts import has_labels

WRITTEN = "bulk written"  # what this browser wrote last
TAKEN_BACK = "taken back"  # how often this browser took something back outside the panel
REVIEWER = "reviewer"  # who judges in this browser
TO, EACH = "is a", "is what the network suggests for it"
METHOD = "is what the method would train on"
SAID = {
    TO: ("relabel", "They are all of one class"),
    EACH: ("relabel", "Each is what most epochs predicted instead of its given label"),
    METHOD: ("relabel", "Each is what the training method would train on"),
    "keep": ("keep", "Their given labels are right"),
    "unsure": ("unsure", "Unsure"),
    "skip": ("skip", "Skip"),
}


def offer_bulk(
    run: RunReader,
    sample_ids: Sequence[int],
    what: str,
    *,
    criterion: str | None = None,
    epoch: int | None = None,
    key: str = "bulk",
) -> None:
    """Show the button "These N are all ..."; a read-only server disables it and says why.

    Parameters
    ----------
    run : RunReader
    sample_ids : sequence of int
        The selection.
    what : str
        How it was chosen, in words; shown in the dialog.
    criterion, epoch
        By which it was ranked, for the log; `epoch` is also that of the suggestions.
    key : str
        Tells two such buttons of a page apart.
    """
    off = runs.read_only()
    if st.button(
        f"These {len(sample_ids):,} are all …",
        icon=":material/done_all:",
        key=key,
        disabled=off or not len(sample_ids),
        help="This server is read-only" if off else None,
    ):
        judge_together(run, sample_ids, what, criterion, epoch, {"token": uuid4().hex})


def show_bulk_undo(run: RunReader) -> None:
    """Show what was written last from this browser, and a button that takes all of it back."""
    place = st.container()  # also where it is empty: what stands below does not move
    written = st.session_state.get(WRITTEN)
    if not written or written["run"] != str(run.folder) or runs.read_only():
        return
    with place, st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/done_all: {plain(written['text'])}", width="content")
        if written["batch"] is not None and st.button(
            "Take them all back", type="tertiary", icon=":material/undo:", key="undo bulk"
        ):
            try:
                verdicts.undo(run, [written["batch"]], written["reviewer"])
                text = f"Taken back: {written['text']}"
                st.session_state[WRITTEN] = {**written, "batch": None, "text": text}
            except UsageError as error:
                st.error(plain(str(error)), icon=":material/error:")
                return
            st.rerun()


@st.dialog("One verdict for all of these")
def judge_together(
    run: RunReader,
    sample_ids: Sequence[int],
    what: str,
    criterion: str | None,
    epoch: int | None,
    once: dict[str, Any],
) -> None:
    """Ask for a verdict on every sample of a selection, and write it when confirmed."""
    judged = cached_review.review_log(run).current.index
    everything = [int(i) for i in sample_ids]
    unjudged = [i for i in everything if i not in judged]
    n_judged = len(everything) - len(unjudged)
    st.markdown(f"{len(everything):,} samples: {plain(what)}")
    again = bool(n_judged) and st.checkbox(f"also the {n_judged:,} that are judged already")
    ids = everything if again else unjudged
    options = [name for name in SAID if name != METHOD or has_labels(run)]
    said = st.selectbox("Verdict", options, format_func=lambda name: SAID[name][1])
    label: int | str | None = {EACH: reviewing.LABEL_EACH, METHOD: reviewing.LABEL_METHOD}.get(said)
    if said == TO:
        label = st.selectbox(
            "Class",
            range(run.n_classes),
            format_func=lambda i: f"{i}: {run.class_names[i]}",
            index=None,
            placeholder="Choose the class",
        )
        ids = ids if label is not None else []
    note = st.text_input("Note (optional)", max_chars=500)
    reviewer = st.text_input(
        "Your name (it is written beside every verdict)",
        st.session_state.get(REVIEWER, ""),
        max_chars=80,
    ).strip()
    once.setdefault("time", reviewing.now())
    made = reviewing.bulk_verdicts(
        run,
        ids,
        SAID[said][0],
        label,
        reviewer=reviewer,
        criterion=criterion,
        note=note,
        epoch=epoch,
        **once,
    )
    counts = reviewing.counted(made, run.class_names)
    st.info(f"This writes {len(made):,} verdicts: {plain(counts)}. One click takes them all back.")
    if st.button(
        f"Write {len(made):,} verdicts", type="primary", disabled=not made or not reviewer
    ):
        try:
            verdicts.append(run, made)
        except UsageError as error:
            st.error(plain(str(error)), icon=":material/error:")
            return
        st.session_state[REVIEWER] = reviewer
        st.session_state[WRITTEN] = {
            "run": str(run.folder),
            "batch": once["token"],
            "reviewer": reviewer,
            "text": f"{len(made):,} verdicts by {reviewer}: {counts}.",
        }
        st.rerun()
    if not reviewer:
        st.caption("First your name.")
