"""A sweep that is a table of the paper's: ours beside the paper's, HMW's part, a cell's runs."""

from functools import partial

import streamlit as st

from dashboard.views.addresses import page_file, query_of
from dashboard.views.parts.blocks import download_row, offer_table
from dashboard.views.parts.choices import asked_for, choose, forget, plain, remember
from hmw_core.experiments.paper import PAPER_NOTE
from hmw_core.experiments.paper_tables import (
    EFFECT,
    SHORT,
    column_titles,
    detail,
    effect_sentences,
    effects_text,
    missing_words,
    overview,
    sources_table,
    table_caption,
    values_table,
)
from hmw_core.experiments.sweeps import Sweep
from hmw_core.experiments.table_files import SOURCES, cells_csv, table_latex, table_markdown
from hmw_core.file_names import file_name
from hmw_core.spreadsheet import csv_bytes

CLICK = "A click on a cell shows its trainings, each a run that can be opened."


def show_table(sweep: Sweep, measure: str) -> None:
    """Show the table of a measure beside the paper's, what is missing, and a cell's runs."""
    table = overview(sweep, measure)
    caption = f"{table_caption(sweep, measure)} {CLICK}"
    chosen = offer_table(table, f"{sweep.name}-{measure}", caption, first="Method", select=True)
    if chosen is not None:
        row, column = table["Method"][chosen[0]], chosen[1].split(":")[0]  # the paper's, too
        _choose_cell(f"{row} at {column}" if column in column_titles(sweep) else None)
    _cell(sweep)
    for sentence in missing_words(sweep):
        st.caption(plain(sentence))
    _offer_whole(sweep)


def show_columns(sweep: Sweep) -> None:
    """Show one column of the table: last, best, mean of the last ten, and the paper's."""
    st.subheader("Last, best and mean of the last ten, beside the paper", anchor=False)
    titles = column_titles(sweep)
    column = titles[0] if len(titles) == 1 else choose("column", "Column", titles, quiet=True)
    name = f"{sweep.name}-{column.replace(' ', '-')}"
    offer_table(detail(sweep, column), name, table_caption(sweep), first="Method")
    st.caption(
        "The best epoch is chosen on the test samples themselves: an oracle's choice, which comes "
        "out too high. The paper's rows mix both: see what the sources say of each."
    )
    with st.expander("What the sources say of the paper's rows"):
        offer_table(sources_table(sweep), f"{sweep.name}-sources", SOURCES)
        if sweep.info["named"] == "table-1":
            st.caption(plain(PAPER_NOTE))


def show_effects(sweep: Sweep, measure: str) -> None:
    """Show where HMW helps its base method, and where it harms."""
    table = effects_text(sweep)
    if table.empty:
        return
    st.subheader("Where HMW helps, where it harms", anchor=False)
    lines = [f"- {plain(sentence)}" for sentence in effect_sentences(sweep, measure)]
    st.markdown("\n".join([f"{SHORT[measure]}:", "", *lines]))
    offer_table(table, f"{sweep.name}-effects", EFFECT, first="With HMW")


def _offer_whole(sweep: Sweep) -> None:
    """Offer all parts of the table in one file."""
    with download_row():
        st.caption("The whole table, with all that is said of it:", width="content")
        for kind, ending, mime, make in (
            ("CSV", "csv", "text/csv", lambda: csv_bytes(cells_csv(sweep))),
            ("Markdown", "md", "text/markdown", partial(table_markdown, sweep)),
            ("LaTeX", "tex", "application/x-tex", partial(table_latex, sweep)),
        ):
            st.download_button(
                kind,
                data=make,
                file_name=file_name(sweep.name, f".{ending}"),
                mime=mime,
                key=f"{kind} of the whole table",
                on_click="ignore",
                type="tertiary",
            )


def _choose_cell(cell: str | None) -> None:
    """Keep the cell that was clicked on; a click on a method chooses none."""
    if cell is None:
        forget("cell")
        return
    st.session_state["choice cell"] = cell
    remember("cell", cell)


def _cell(sweep: Sweep) -> None:
    """Show the trainings of the cell that was clicked on, or that the address names."""
    asked = asked_for("cell", "choice cell")
    if asked is None:
        return
    row, _, column = asked.rpartition(" at ")
    values = values_table(sweep)
    part = values[(values["row"] == row) & (values["column"] == column)]
    with st.container(border=True):
        if part.empty:
            st.markdown(f"**{plain(asked)}**: no training of it has finished.")
            return
        st.markdown(f"**{plain(asked)}**: {len(part)} trainings")
        for training in part.sort_values("seed").to_dict("records"):
            numbers = ", ".join(
                f"{title.lower()} {training[name]:.1f} %" for name, title in SHORT.items()
            )
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.markdown(f"Seed {training['seed']}: {numbers}", width="content")
                for place, label in (("samples", "Inspect"), ("learning", "Learning")):
                    st.page_link(
                        page_file(place),
                        label=label,
                        query_params=query_of(place, training["run"], of=sweep.name),
                    )
