"""Method: what the run's training method did by epoch, what it kept, and whether it was right."""

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import runs
from dashboard.cached import inspected
from dashboard.cached import laboratory as cached_laboratory
from dashboard.cached import samples as cached_samples
from dashboard.drawing.text import shorten
from dashboard.presenters.linked_cloud import colour_title
from dashboard.presenters.method_page import (
    CONDITION,
    contest_sentence,
    contest_table,
    kept_table,
    look_for,
    matrix_sentences,
    outcome,
    parts_table,
)
from dashboard.views.addresses import page_file, query_of
from dashboard.views.parts.blocks import offer_table, say_refused, show_figure
from dashboard.views.parts.choices import choose, choose_segment, criterion_order, plain
from dashboard.views.parts.part_pictures import offer_review, show_part
from hmw_core.criteria.of_run import given_criteria, pick_criterion
from hmw_core.errors import UsageError
from hmw_core.laboratory.label_contest import CONTEST_RULE
from hmw_core.laboratory.method_course import keeps_nothing
from hmw_core.laboratory.transition import method_shares
from hmw_core.log.reader import RunReader
from hmw_core.samples.method_parts import (
    METHOD_LABEL,
    METHOD_RULE,
    has_labels,
    part_columns,
    parts_of,
)
from hmw_core.samples.sample_table import suspicion_rank

EPOCHS, GROUPS, LABELS, MATRIX = "epochs", "groups", "labels", "matrix"


def nothing(run: RunReader) -> str:
    """Return why there is nothing to tell of the method, in a sentence; empty where there is."""
    reason = keeps_nothing(run)
    return f"{run.name} has no tab Method: {reason}." if reason else ""


def show(run: RunReader) -> None:
    """Show the tab."""
    parts = {EPOCHS: "Epoch by epoch"}
    if part_columns(run):
        parts[GROUPS] = "Its groups, in pictures"
    if has_labels(run):
        parts[LABELS] = "Its labels"
    if method_shares(run) is not None:
        parts[MATRIX] = "Its transition matrix"
    st.markdown(f":material/lightbulb: {plain(look_for(run))}")
    part = choose_segment("method_part", "Show", parts) if len(parts) > 1 else EPOCHS
    {EPOCHS: by_epoch, GROUPS: groups, LABELS: labels, MATRIX: matrix}[part](run)


def by_epoch(run: RunReader) -> None:
    """Show what the last epoch says, the curves, and what each thing kept means."""
    try:
        said = outcome(runs.table("method_epochs", run))
    except UsageError as reason:
        say_refused(reason)
        return
    st.markdown("\n".join(f"- {plain(text)}" for text in said))
    show_figure("method_epochs", run)
    with st.expander("What each of these is", icon=":material/help:"):
        st.dataframe(kept_table(run), hide_index=True, height="content")


def groups(run: RunReader) -> None:
    """Show the pictures of each part of a column, the most suspicious part and samples first."""
    columns = part_columns(run)
    row = st.container(horizontal=True, vertical_alignment="bottom")
    with row:
        name = choose("column", "Column", list(columns), shown=lambda n: colour_title(run, n) or n)
    parts = parts_of(run, name)
    criterion = next(iter(given_criteria(run)), None)
    rank = np.full(run.n_samples, np.nan)
    if criterion is not None:
        score = cached_samples.scores(run, criterion, None, None)
        ranks = suspicion_rank(score, pick_criterion(run, criterion))
        rank = ranks.to_numpy(dtype=float, na_value=np.nan)
    table = parts_table(run, parts, rank)
    unknown = int((parts.codes < 0).sum())
    if table.empty:
        st.info("The method told nothing of any sample in the last epoch.", icon=":material/info:")
        return
    with row:
        codes = {str(code): part for part, code in zip(table["part"], table["code"], strict=True)}
        counts = dict(zip(codes, table["samples"], strict=True))
        chosen = choose(
            "method_group", "Part", list(codes), shown=lambda c: f"{codes[c]} · {counts[c]:,}"
        )
        query = query_of("samples", run.name, run.network, colour_by=name)
        st.page_link(
            page_file("samples"),
            label="On the map of Inspect",
            icon=":material/lasso_select:",
            query_params=query,
        )
    st.dataframe(
        table.drop(columns="code").rename(
            columns={
                "part": "Part",
                "samples": "Samples",
                "share": "Share",
                "mislabeled": "Mislabeled [95 % interval]",
            }
        ),
        hide_index=True,
        height="content",
    )
    if unknown:
        st.caption(f"Of {unknown:,} samples the method told nothing in the last epoch.")
    members = np.flatnonzero(parts.codes == int(chosen))
    ordered = members[np.argsort(np.nan_to_num(rank[members], nan=np.inf), kind="stable")].tolist()
    what = f"{colour_title(run, name)}: {codes[chosen]}"
    st.markdown(f"**{len(ordered):,} samples**: {plain(what)}.")
    offer_review(run, ordered, what)
    own = inspected.method_labels(run, None) if name == METHOD_LABEL else None

    def note(sample_id: int) -> str:
        if own is None or pd.isna(own[sample_id]):
            return ""
        return f"method {shorten(run.class_names[int(own[sample_id])], 30)}"

    by = f"Most suspicious first: {criterion_order(run, criterion)}." if criterion else ""
    show_part(run, ordered, note, order=by, key=f"{name} {chosen}")


def labels(run: RunReader) -> None:
    """Show whether the method's labels or the votes are right more often."""
    table = cached_laboratory.label_table(run)
    if table.empty:
        st.info(
            "No true label is known, so nobody can say whose label is right more often. Review "
            "shows the method's label beside the suggestions.",
            icon=":material/info:",
        )
        return
    said = contest_sentence(table)
    if said:
        st.markdown(f"**{plain(said)}**")
    offer_table(contest_table(table), f"{run.name}-labels", f"{METHOD_RULE} {CONTEST_RULE}")
    st.caption("Review, Inspect and the report show the method's label beside the suggestion.")


def matrix(run: RunReader) -> None:
    """Show the method's transition matrix beside the measured and the designed ones."""
    st.markdown(" ".join(map(plain, matrix_sentences(run))))
    if "condition_number" in run.method_facts:
        st.caption(CONDITION)
    show_figure("transition", run, source="method")
