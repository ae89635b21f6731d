"""Overview: every run with its state and its numbers; a running one moves by itself."""

import streamlit as st

from dashboard import runs
from dashboard.views.addresses import page_file, query_of
from dashboard.views.parts.bar import no_runs
from dashboard.views.parts.blocks import show_figure
from dashboard.views.parts.choices import plain, remember
from dashboard.views.parts.refusals import refusals
from hmw_core.log.reader import RunReader

PER_CENT = "%.1f %%"
COLUMNS = {
    "run": st.column_config.TextColumn("Run", pinned=True),
    "status": st.column_config.TextColumn("Status"),
    "epochs": st.column_config.TextColumn("Epochs"),
    "recipe": st.column_config.TextColumn("Recipe"),
    "dataset": st.column_config.TextColumn("Data set"),
    "noise": st.column_config.TextColumn("Noise"),
    "mislabeled_fraction": st.column_config.NumberColumn(
        "Mislabeled", format=PER_CENT, help="Measured share of samples with a wrong given label"
    ),
    "last_test_accuracy": st.column_config.NumberColumn("Test, last", format=PER_CENT),
    "best_test_accuracy": st.column_config.NumberColumn("Test, best", format=PER_CENT),
    "auroc_last_loss": st.column_config.NumberColumn(
        "AUROC, loss", format="%.3f", help="Small-loss: how well the last loss finds the mislabeled"
    ),
    "auroc_iam": st.column_config.NumberColumn(
        "AUROC, IAM", format="%.3f", help="How well IAM over all epochs finds the mislabeled"
    ),
}
SHOWN = ("criteria", "logits", "sphere", "clusters", "class", "accuracy", "export")
ORIGIN = ("created", "seed", "device", "commit", "versions", "weighting", "config", "absent")
EVERY = 2.5  # seconds between two looks at a running run


def show_runs(watching: bool) -> None:
    """Show the table; once the last running run has ended, stop looking for news."""
    readable, broken = runs.all_runs()
    if not readable:
        no_runs(broken)
        return
    table = runs.summaries(readable)
    table["epochs"] = table["last_epoch"].astype(str) + " / " + table["n_epochs"].astype(str)
    names = [run.name for run in readable]
    asked = st.query_params.get("run")
    rows_asked = [names.index(asked)] if asked in names else []
    event = st.dataframe(
        table,
        hide_index=True,
        column_config=COLUMNS,
        column_order=COLUMNS,
        placeholder="–",
        on_select="rerun",
        selection_mode="single-row",
        selection_default={"selection": {"rows": rows_asked, "columns": [], "cells": []}},
        key=f"runs table {len(names)}",  # a new run moves the rows: the address says which
    )
    notes = [
        f"**{plain(run.name)}**, {run.status}: {plain(note)}"
        for run in readable
        for note in runs.notes(run)
    ]
    notes += [f"Cannot be read: {plain(reason)}" for reason in broken.values()]
    if notes:
        st.warning("\n".join(f"- {note}" for note in notes))
    rows = event["selection"]["rows"]
    if rows and rows[0] < len(readable):
        run = readable[rows[0]]
        remember("run", run.name)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"Open **{plain(run.name)}**:", width="content")
            for place in SHOWN:
                query = query_of(place, run.name)
                st.page_link(page_file(place), label=place.capitalize(), query_params=query)
        show_figure("noise_matrix", run)
        with st.expander("How this run was made"):
            st.json({key: run.info.get(key) for key in ORIGIN}, expanded=2)
    else:
        st.caption("Tick a row to see its noise and its settings, and to open its run.")
    if watching and not any_running(readable):
        st.rerun()


def any_running(readable: list[RunReader]) -> bool:
    """Tell whether one of these runs is being trained."""
    return any(run.status == "running" for run in readable)


def show() -> None:
    """Show the page."""
    st.title("Runs", anchor=False)
    st.caption(
        "Compare the last test accuracy with the best: a gap means that wrong labels were "
        "memorised."
    )
    now_running = any_running(runs.all_runs()[0])
    st.fragment(refusals()(show_runs), run_every=EVERY if now_running else None)(now_running)
