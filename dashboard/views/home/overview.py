"""Runs: a card for each of the newest, all of them as a table, and the ways to a first one."""

import streamlit as st

from dashboard import runs
from dashboard.jobs.starts import demo, starts
from dashboard.presenters.run_card import LEGEND, as_html
from dashboard.presenters.summary import description
from dashboard.views.addresses import page_file, query_of
from dashboard.views.parts.bar import say_sweep
from dashboard.views.parts.blocks import show_figure
from dashboard.views.parts.choices import plain, remember
from dashboard.views.parts.refusals import refusals
from hmw_core.errors import UsageError
from hmw_core.log.reader import RunReader

PER_CENT = "%.1f %%"
COLUMNS = {
    "run": st.column_config.TextColumn("Run", pinned=True, width="medium"),
    "status": st.column_config.TextColumn("Status", width="small"),
    "epochs": st.column_config.TextColumn("Epochs", width="small"),
    "recipe": st.column_config.TextColumn("Recipe", width="small"),
    "dataset": st.column_config.TextColumn("Data set", width="small"),
    "noise": st.column_config.TextColumn(
        "Noise", width="small", help="Put on the labels before training"
    ),
    "mislabeled_fraction": st.column_config.NumberColumn(
        "Mislabeled",
        format=PER_CENT,
        width="small",
        help="Measured share of samples with a wrong given label",
    ),
    "last_test_accuracy": st.column_config.NumberColumn(
        "Test, last",
        format=PER_CENT,
        width="small",
        help="Far below the best, wrong labels were memorised",
    ),
    "best_test_accuracy": st.column_config.NumberColumn(
        "Test, best", format=PER_CENT, width="small"
    ),
    "auroc_last_loss": st.column_config.NumberColumn(
        "AUROC, loss",
        format="%.3f",
        width="small",
        help="Small-loss: how well the last loss finds the mislabeled",
    ),
    "auroc_iam": st.column_config.NumberColumn(
        "AUROC, IAM",
        format="%.3f",
        width="small",
        help="How well IAM over all epochs finds the mislabeled",
    ),
    "auroc_own": st.column_config.TextColumn(
        "AUROC, own",
        width="small",
        help="Of what the training method keeps of each sample, that which finds the mislabeled "
        "best",
    ),
}
BUTTONS = {
    "samples": ("Inspect", ":material/lasso_select:"),
    "review": ("Judge", ":material/rate_review:"),
    "export": ("Export", ":material/download:"),
}
ORIGIN = ("created", "seed", "device", "commit", "versions", "weighting", "config", "absent")
EVERY = 2.5  # seconds between two looks at a running run
CARDS = 12  # more would make the page long and slow: the others are in the table
A_ROW = 3


def show() -> None:
    """Show the page."""
    readable, broken = runs.all_runs()
    with st.container(key="bar", horizontal=True, vertical_alignment="center"):
        st.title("Runs", anchor=False, width="content")
        n = len(readable)
        say_sweep()
        sweep = runs.shown_sweep()
        folder = f"`{plain(str(runs.runs_folder() if sweep is None else sweep.folder))}`"
        many = f"{n} run{'s' * (n > 1)} in {folder}, newest first"
        st.caption(many if n else f"none in {folder} yet", width="stretch")
        st.page_link(page_file("train"), label="Train", icon=":material/play_circle:")
        if n > 1:
            st.page_link(page_file("compare"), label="Compare", icon=":material/compare_arrows:")
    if not readable:
        first_steps(broken)
        return
    now_running = any_running(readable)
    st.fragment(refusals()(show_cards), run_every=EVERY if now_running else None)(now_running)
    say_broken(broken)
    if n > 1 and st.toggle(f"All {n} runs as a table", key="as table"):
        show_table(readable)
    with st.expander("Runs of your own data", expanded=n <= A_ROW):
        ways_to_a_run()


def any_running(readable: list[RunReader]) -> bool:
    """Tell whether one of these runs is being trained."""
    return any(run.status == "running" for run in readable)


def show_cards(watching: bool) -> None:
    """Show the newest runs; once the last running one has ended, stop looking for news."""
    readable = runs.all_runs()[0]
    shown = readable[:CARDS]
    for start in range(0, len(shown), A_ROW):
        for column, run in zip(st.columns(A_ROW), shown[start : start + A_ROW], strict=False):
            with column.container(border=True, gap="small"):
                show_card(run)
    st.caption(LEGEND)
    if watching and not any_running(readable):
        st.rerun()


def show_card(run: RunReader) -> None:
    """Show one run and what can be done with it."""
    try:
        card = runs.card(run)
    except UsageError as reason:
        st.warning(f"**{plain(run.name)}**: {plain(str(reason))}", icon=":material/error:")
        return
    st.html(as_html(card))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        links(run)
        count = len(card.notes)
        label, icon = "Details", ":material/info:"
        if card.status == "failed":
            label, icon = "Why it failed", ":material/error:"
        elif count:
            label, icon = f"{count} warning{'s' * (count > 1)}", ":material/warning:"
        if st.button(label, icon=icon, key=f"details {run.name}", type="tertiary"):
            details(run)


def links(run: RunReader) -> None:
    """Offer to inspect a run, to judge its suspects, and to export its figures."""
    for place, (label, icon) in BUTTONS.items():
        query = query_of(place, run.name)
        st.page_link(page_file(place), label=label, icon=icon, query_params=query)


@st.dialog("About this run", width="large")
@refusals()
def details(run: RunReader) -> None:
    """Show what went wrong with a run, its noise, and how it was made."""
    st.markdown(f"**{plain(run.name)}**: {plain(description(run))}")
    notes = runs.notes(run)
    if notes:
        st.warning("\n".join(f"- {plain(note)}" for note in notes))
    with st.expander("How this run was made", expanded=True):
        st.json({key: run.info.get(key) for key in ORIGIN}, expanded=1)
    show_figure("noise_matrix", run)


def say_broken(broken: dict[str, str]) -> None:
    """Name the folders that cannot be read, with the reasons."""
    if broken:
        lines = [f"- Cannot be read: {plain(reason)}" for reason in broken.values()]
        st.warning("\n".join(lines))


def show_table(readable: list[RunReader]) -> None:
    """Show all runs, or those whose name, recipe, data or status holds a word."""
    word = st.text_input(
        "Find", key="find run", placeholder="a word of the name, recipe, data or status"
    )
    table = runs.summaries(readable)
    table["epochs"] = table["last_epoch"].astype(str) + " / " + table["n_epochs"].astype(str)
    searched = (
        table[["run", "recipe", "dataset", "noise", "status"]].fillna("").agg(" ".join, axis=1)
    )
    table = table[searched.str.contains(word.strip(), case=False, regex=False)]
    event = st.dataframe(
        table,
        hide_index=True,
        column_config=COLUMNS,
        column_order=COLUMNS,
        placeholder="–",
        on_select="rerun",
        selection_mode="single-row",
        key=f"runs table {len(readable)} {word}",  # other rows, another selection
    )
    rows = event["selection"]["rows"]
    if rows and rows[0] < len(table):
        name = table["run"].iloc[rows[0]]
        run = next(run for run in readable if run.name == name)
        remember("run", run.name)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{plain(run.name)}**:", width="content")
            links(run)
            if st.button("Details", icon=":material/info:", type="tertiary", key="details of row"):
                details(run)
    else:
        st.caption("Tick a row to open its run.")


def first_steps(broken: dict[str, str]) -> None:
    """Say how to get a first run."""
    st.info(
        "There is no run to show yet. Train one on the page Train, or take one of the ways below.",
        icon=":material/info:",
    )
    say_broken(broken)
    ways_to_a_run(with_demo=True)


def ways_to_a_run(*, with_demo: bool = False) -> None:
    """Show what to type for one's own data, and for the demo."""
    folder = runs.runs_folder()
    ways = starts(folder)
    titles = [*["The demo"] * with_demo, *(way.title for way in ways)]
    tabs = st.tabs(titles)
    if with_demo:
        with tabs[0]:
            st.markdown(
                "The digits of scikit-learn, half of their labels redrawn, trained with the "
                "paper's weights and without: about a minute each on two cores."
            )
            st.code(demo(folder), language="bash", wrap_lines=True)
    for tab, way in zip(tabs[with_demo:], ways, strict=True):
        with tab:
            st.markdown(way.sentence)
            st.code(way.code, language=way.language, wrap_lines=True)
