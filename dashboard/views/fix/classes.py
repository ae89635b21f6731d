"""Classes renamed and merged: what it would change, the change, and how it is taken back."""

import streamlit as st

from dashboard import runs
from dashboard.cached import review as cached_review
from dashboard.presenters.reviewing import change_text
from dashboard.views.parts.bulk import REVIEWER
from dashboard.views.parts.choices import plain
from hmw_core.errors import UsageError
from hmw_core.log import verdicts
from hmw_core.log.class_changes import ClassChange, current_names, merged_into
from hmw_core.log.reader import RunReader
from hmw_core.review.class_effects import class_effect, sizes

HOW = {"merge": "samples of another class", "rename": "a class of a new name"}


def show(run: RunReader) -> None:
    """Show the changes that stand, and offer another."""
    log = cached_review.review_log(run)
    names = current_names(log.class_changes, run.class_names)
    st.caption(
        "A merge gives all samples of a class the label of another one; a new name is what exports "
        "and new trainings call it. This judges no sample, so it changes neither the queue nor the "
        "estimate of the errors left. The merged class stays in the list of classes without a "
        "sample, so that the network keeps its outputs and every number its meaning."
    )
    for standing in log.class_changes:
        show_standing(run, standing)
    n = sizes(run, log)
    open_to = [
        c for c, into in enumerate(merged_into(log.class_changes, run.n_classes)) if c == into
    ]

    def shown(label: int) -> str:
        return f"{label}: {names[label]} ({n[label]:,})"

    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = st.selectbox("All samples of", open_to, format_func=shown, key="class from")
        how = st.selectbox("become", list(HOW), format_func=HOW.__getitem__, key="class how")
        if how == "merge":
            others = [c for c in open_to if c != label]
            into = st.selectbox("Class", others, format_func=shown, index=None, key="class into")
            change = ClassChange(label, into=into) if into is not None else None
        else:
            name = st.text_input("New name", max_chars=200, key="class name").strip()
            change = ClassChange(label, name=name) if name else None
    if change is None:
        st.caption("Choose what they become: the counts come before anything is written.")
        return
    effect = class_effect(run, log, change)
    if effect.why_not is not None:
        st.warning(f"This cannot be done: {plain(effect.why_not)}.", icon=":material/block:")
        return
    judged = ", ".join(f"{count:,} judged {said}" for said, count in effect.by_verdict.items())
    parts = [f"{effect.n_given:,} not judged", *([judged] if judged else [])]
    out = (
        f" {effect.n_taken_out:,} samples given it were given another label by a person: they stay "
        "as they are."
        if effect.n_taken_out
        else ""
    )
    st.info(
        f"{plain(change_text(change, run.class_names))}: {effect.n_samples:,} samples "
        f"({', '.join(parts)}).{out} It is one line of the history and taken back as a whole.",
        icon=":material/merge:",
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        who = st.text_input(
            "Your name", st.session_state.get(REVIEWER, ""), max_chars=80, key="class reviewer"
        ).strip()
        note = st.text_input("Why (optional)", max_chars=500, key="class note")
        if st.button(
            "Write it", type="primary", disabled=not who or runs.read_only(), key="change class"
        ):
            made = ClassChange(change.label, change.into, change.name, who, note)
            try:
                verdicts.change_class(run, made)
            except UsageError as error:
                st.error(plain(str(error)), icon=":material/error:")
                return
            st.session_state[REVIEWER] = who
            st.rerun()


def show_standing(run: RunReader, change: ClassChange) -> None:
    """Show a change that stands, and take it back."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            f":material/merge: **{plain(change_text(change, run.class_names))}** "
            f":gray[by {plain(change.reviewer or 'nobody named')}, {plain(change.time[:16])} UTC"
            f"{': ' + plain(change.note) if change.note else ''}]",
            width="content",
        )
        if st.button(
            "Take it back",
            type="tertiary",
            icon=":material/undo:",
            key=f"undo {change.id}",
            disabled=runs.read_only(),
        ):
            try:
                verdicts.undo(run, [change.id], st.session_state.get(REVIEWER, ""))
            except UsageError as error:
                st.error(plain(str(error)), icon=":material/error:")
                return
            st.rerun()
