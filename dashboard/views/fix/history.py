"""What was judged, by whom and when, with filters; any of it can be taken back."""

import pandas as pd
import streamlit as st

from dashboard import runs
from dashboard.cached import review as cached_review
from dashboard.presenters.reviewing import history_table
from dashboard.views.parts.bulk import REVIEWER, TAKEN_BACK
from dashboard.views.parts.choices import plain
from hmw_core.errors import UsageError
from hmw_core.log import verdicts
from hmw_core.log.reader import RunReader
from hmw_core.log.verdicts import VERDICTS
from hmw_core.review.history import history

ROWS = 2_000  # of the table; a page that carries more is slow to open
KINDS = {
    **{verdict: verdict for verdict in VERDICTS},
    "batch": "many at once",
    "merge": "class merged",
    "rename": "class renamed",
}


def show(run: RunReader) -> None:
    """Show the table, its filters, and the button that takes the picked rows back."""
    log = cached_review.review_log(run)
    for sentence in log.damage:
        st.warning(plain(sentence), icon=":material/warning:")
    rows = history(log)
    if rows.empty:
        st.info(
            "Nobody has judged anything yet. Choose *Judge*: each verdict is a row here, and can "
            "be taken back here at any later time.",
            icon=":material/info:",
        )
        return
    rows = filtered(run, rows)
    table = history_table(rows.head(ROWS), run.class_names)
    picked = st.dataframe(
        table,
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        key="history table",
        height=min(360, 38 + 35 * max(len(table), 1)),
    )
    chosen = rows.head(ROWS).iloc[picked["selection"]["rows"]]
    standing = chosen[chosen["undone_by"].isna()]
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button(
            f"Take back {len(standing):,} picked",
            icon=":material/undo:",
            disabled=standing.empty or runs.read_only(),
            key="undo picked",
        ):
            take_back(run, standing)
        more = f" The first {ROWS:,} are shown." if len(rows) > ROWS else ""
        st.caption(
            f"{len(rows):,} entries, newest first.{more} Pick rows at their left edge. A verdict "
            "that is taken back leaves the earlier one on the sample in force; nothing is erased."
        )


def filtered(run: RunReader, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that the filters leave."""
    names = sorted(rows["reviewer"].unique())
    with st.container(horizontal=True, vertical_alignment="bottom"):
        who = st.multiselect(
            "Reviewer", names, format_func=lambda n: n or "without a name", key="history reviewer"
        )
        classes = st.multiselect(
            "Given label",
            range(run.n_classes),
            format_func=run.class_names.__getitem__,
            key="history class",
        )
        kinds = st.multiselect(
            "Verdict", list(KINDS), format_func=KINDS.__getitem__, key="history verdict"
        )
        state = st.selectbox("State", ["all", "in force", "taken back"], key="history state")
    if who:
        rows = rows[rows["reviewer"].isin(who)]
    if classes:
        rows = rows[rows["given_label"].isin(classes)]
    if kinds:
        is_change = rows["kind"].isin(["merge", "rename"])
        rows = rows[rows["kind"].isin(kinds) | (rows["verdict"].isin(kinds) & ~is_change)]
    if state != "all":
        rows = rows[rows["undone_by"].isna() == (state == "in force")]
    return rows.reset_index(drop=True)


def take_back(run: RunReader, rows: pd.DataFrame) -> None:
    """Undo these rows, and draw the page again."""
    try:
        verdicts.undo(run, rows["id"].tolist(), st.session_state.get(REVIEWER, ""))
    except UsageError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    st.session_state.pop("history table", None)
    st.session_state[TAKEN_BACK] = st.session_state.get(TAKEN_BACK, 0) + 1
    st.rerun()
