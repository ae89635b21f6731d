"""The samples of the gallery as a table, picked by rows."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.drawing.text import shorten
from dashboard.presenters import linked
from dashboard.presenters.gallery import data_address
from dashboard.views.inspect.picks import kept_picks, pick
from dashboard.views.inspect.state import Inspected
from hmw_core.criteria import MAIN_CRITERIA
from hmw_core.criteria.of_run import is_criterion, pick_criterion
from hmw_core.log.reader import RunReader

LONGEST = 24  # letters of a class's name in a cell
LABELS = ("given_label", "true_label", "predicted_label")


def show(it: Inspected, part: np.ndarray, pictures: dict[int, bytes]) -> None:
    """Show the samples of the gallery's page, `part`, as rows that can be picked."""
    run, criterion = it.run, it.chosen.criterion
    first = [criterion, *(name for name in MAIN_CRITERIA if name != criterion)]
    it.samples.load(first)  # in one pass over the log
    rows = linked.rows(it.samples, part, run.class_names, it.verdict, first)
    ids = rows["sample_id"].tolist()
    wanted = [row for row, sample_id in enumerate(ids) if sample_id in it.picked]
    kept = st.session_state.setdefault("samples table", {"number": 0, "rows": []})
    if kept["rows"] != wanted:
        # Picked elsewhere: a table's choice cannot be set, so the table is made again.
        kept = {"number": kept["number"] + 1, "rows": wanted}
        st.session_state["samples table"] = kept
    key = f"samples table {kept['number']}"
    for name in LABELS:
        cut = [None if text is None else shorten(text, LONGEST) for text in rows[name]]
        rows = rows.assign(**{name: cut})
    if pictures:
        addresses = [data_address(pictures[i])[0] if i in pictures else None for i in ids]
        rows = rows.assign(picture=addresses)[["picture", *rows.columns]]
    rows = rows.dropna(axis="columns", how="all")

    def note() -> None:
        chosen_rows = st.session_state[key]["selection"]["rows"]
        st.session_state["samples table"]["rows"] = sorted(chosen_rows)
        chosen = [ids[row] for row in sorted(chosen_rows) if row < len(ids)]
        others = [i for i in kept_picks() if i not in ids or i in chosen]
        pick([*others, *(i for i in chosen if i not in others)])

    st.dataframe(
        rows,
        key=key,
        hide_index=True,
        column_config=_column_config(run, rows),
        on_select=note,
        selection_mode="multi-row",
        selection_default={"selection": {"rows": wanted}},
        row_height=44 if pictures else None,
        height=400,
    )
    st.caption(
        f"The page of {len(rows):,} samples that the gallery shows. Rank 1 is the most suspicious "
        "of all; columns without any value are left out."
    )


def _column_config(run: RunReader, rows: pd.DataFrame) -> dict[str, Any]:
    config: dict[str, Any] = {
        "picture": st.column_config.ImageColumn("picture", width=60),
        "sample_id": st.column_config.NumberColumn("sample", format="%d", pinned=True),
        "given_label": "given",
        "true_label": "true",
        "predicted_label": "predicted",
        "is_mislabeled": "mislabeled",
    }
    for name in (name for name in rows if is_criterion(run, name)):
        known = pick_criterion(run, name)
        end = "low" if known.higher_means == "clean" else "high"
        config[name] = st.column_config.NumberColumn(
            known.title, format="%.4g", help=f"{end.capitalize()} is suspicious. {known.unit}"
        )
        config[f"rank_{name}"] = st.column_config.NumberColumn(f"rank by {known.title}")
    return config
