"""What pages are made of: a figure with its sentence and its downloads, pictures, long jobs."""

import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from dashboard import runs
from dashboard.cached import samples as cached_samples
from dashboard.drawing.style import PLAIN, Typography
from dashboard.export.captions import first_sentence
from dashboard.export.find import network_words
from dashboard.export.names import figure_stem
from dashboard.export.tables import markdown, to_latex, to_markdown
from dashboard.figures import FIGURES
from dashboard.figures.base import CannotShow
from dashboard.figures.selection import one_class
from dashboard.jobs.background import missing_map
from dashboard.presenters.gallery import as_html, cards
from dashboard.views.parts.choices import plain
from dashboard.views.parts.refusals import refusals
from hmw_core.errors import UsageError
from hmw_core.file_names import file_name
from hmw_core.log.reader import RunReader
from hmw_core.samples.groups import HARD_BY, RULES
from hmw_core.spreadsheet import csv_bytes

MIME = {"csv": "text/csv", "pdf": "application/pdf", "svg": "image/svg+xml", "png": "image/png"}
# Of plotly's own picture there is no need: the typeset ones stand below.
CONFIG = {"displaylogo": False, "scrollZoom": False, "modeBarButtonsToRemove": ["toImage"]}
PAGE = 48  # pictures; more make a page slow


def show_figure(
    name: str,
    run: RunReader | Sequence[RunReader],
    *,
    select: bool = False,
    typography: Typography | None = None,
    **options: Any,
) -> None:
    """Show a figure, what to look for, and its downloads; or why it cannot be shown.

    Parameters
    ----------
    name : str
        Of `FIGURES`.
    run : RunReader or sequence of RunReader
        Several where the figure compares runs.
    select : bool
        Whether boxes and lassos drawn on it are kept for `selection_of`.
    typography : Typography, optional
        Of the screen and the files. Default: plain, and as wide as a page of AAAI.
    **options
        Of the figure's `prepare`.
    """
    spec = FIGURES[name]
    try:
        chart = runs.chart(name, run, typography or PLAIN, **options)
    except UsageError as reason:
        _head(spec.title, spec.paper)
        say_refused(reason)
        return
    table = runs.table(name, run, **options)
    _head(spec.title_of(table), spec.paper)
    caption = spec.caption(table)
    show_chart(name, chart, caption, select=select)
    st.caption(f"**What to look for.** {spec.look_for_in(table)}")
    say_absent(table["absent"].iloc[0] if "absent" in table else "")
    shown = [run] if isinstance(run, RunReader) else list(run)
    stem = figure_stem(name, spec, shown, options.get("given_label"))
    offer_files(stem, name, partial(figure_file, name, table, typography))


def _head(title: str, paper: str) -> None:
    st.subheader(f"{title}{f' :gray[:small[{paper}]]' if paper else ''}", anchor=False)


def say_refused(reason: UsageError) -> None:
    """Say why a figure is not there: the log lacks something, or is damaged."""
    if isinstance(reason, CannotShow):
        st.info(f"Not shown: {plain(str(reason))}.", icon=":material/info:")
    else:
        st.error(plain(str(reason)), icon=":material/error:")


def show_chart(name: str, chart: go.Figure, caption: str, *, select: bool = False) -> None:
    """Show a figure that is drawn; the first sentence of its caption is its alternative text.

    The bar of plotly's buttons would lie over the titles, so it is there only to select with.
    """
    st.plotly_chart(
        chart,
        key=f"chart {name}",
        config=CONFIG if select else {**CONFIG, "displayModeBar": False},
        on_select=partial(_note_selection, name) if select else "ignore",
        selection_mode=("box", "lasso"),
        alt=first_sentence(caption),
    )


def offer_table(
    table: pd.DataFrame, name: str, caption: str, *, first: str = "", select: bool = False
) -> tuple[int, str] | None:
    """Show a table with its caption, and offer it as CSV, Markdown and LaTeX.

    Parameters
    ----------
    table : DataFrame
        As it is to be read: columns called as a reader would call them.
    name : str
        Of the files, and the key of the table's widgets; unlike any other on the page.
    caption : str
        Plain text: what the table shows and how its numbers were made. The files have it, too.
    first : str
        A column that stays in sight where the table is wider than the page.
    select : bool
        Whether a click chooses a cell.

    Returns
    -------
    tuple of int and str, or None
        Number of the row and name of the column that were chosen, if any.
    """
    unnamed = isinstance(table.index, pd.RangeIndex) and table.index.name is None
    look: dict[str, Any] = {"height": "content" if len(table) <= 15 else "auto"}
    look |= {"column_config": {first: st.column_config.Column(pinned=True)}} if first else {}
    chosen = None
    if select:
        look |= {"on_select": "rerun", "selection_mode": "single-cell", "key": f"table {name}"}
        cells = st.dataframe(table, hide_index=unnamed, **look).selection.cells
        chosen = (int(cells[0][0]), str(cells[0][1])) if cells else None
    else:
        st.dataframe(table, hide_index=unnamed, **look)
    st.caption(markdown(caption).replace(":", "\\:"))
    with download_row():
        for kind, ending, mime, make in (
            ("CSV", "csv", "text/csv", partial(csv_bytes, table)),
            ("Markdown", "md", "text/markdown", partial(to_markdown, table, caption)),
            ("LaTeX", "tex", "application/x-tex", partial(to_latex, table, caption)),
        ):
            st.download_button(
                kind,
                data=make,
                file_name=file_name(name, f".{ending}"),
                mime=mime,
                key=f"{kind} of table {name}",
                on_click="ignore",
                type="tertiary",
                help="Download the table",
            )
    return chosen


def say_absent(text: str) -> None:
    """Say what `figures.selection` found that the run's source did not hold, if anything."""
    if text:
        parts = "; ".join(plain(part) for part in text.split("; "))  # each may be long
        st.caption(f"**Absent.** This log has {parts}.")


def selection_of(names: Sequence[str]) -> dict[str, Any]:
    """Return the outlines on that of some figures which was drawn on last, or nothing."""
    name = st.session_state.get("drawn on", names[0])
    state = st.session_state.get(f"chart {name}") or {}
    selection = state.get("selection") or {}
    return selection if selection.get("box") or selection.get("lasso") else {}


def show_pictures(run: RunReader, sample_ids: Sequence[int]) -> None:
    """Show the pictures of a few samples."""
    _grid(run, list(sample_ids), None, {}, link="")


def chosen_pictures(
    run: RunReader,
    given_label: int | None,
    sample_ids: list[int] | None,
    epoch: int | None,
    hard_by: str = HARD_BY,
) -> None:
    """Show the samples that figures are about, and how they were chosen."""
    try:
        label = one_class(run, given_label, sample_ids)
        roles = cached_samples.chosen(run, label, sample_ids, epoch, hard_by)
    except UsageError as reason:
        st.info(f"{plain(str(reason))}.", icon=":material/info:")
        return
    notes = dict(zip(roles["sample_id"], roles["role"], strict=True))
    _grid(run, roles["sample_id"].tolist(), epoch, notes, link="")
    if sample_ids is None:
        rules = [f"**{role}** is {RULES[role]}" for role in roles["role"]]
        st.caption(f"Chosen by rule: {'; '.join(rules)}.")


def offer_map(run: RunReader, method: str, given_label: int | None = None) -> bool:
    """Tell whether there is a map to draw; else have it computed beside the page, or offer to.

    The map of a run of up to 200,000 samples that is not being trained is begun unasked, once.
    """
    seconds = missing_map(run, method, given_label)
    if seconds is None:
        return True
    off, jobs = runs.read_only(), runs.map_jobs()
    if not off:
        jobs.begin_unasked(run, method)
    if jobs.share(run, method) is not None:
        _wait(run, method)
        return False
    failure = jobs.failure(run, method)
    if failure:
        st.error(f"The map could not be computed: {plain(failure)}", icon=":material/error:")
    st.info(
        f"There is no map of {plain(run.name)}'s {run.n_samples:,} samples yet. "
        f"It takes about {_time(seconds)} and is kept with the run"
        f"{', into which this read-only server writes nothing' * off}.",
        icon=":material/info:",
    )
    if not off and st.button("Compute the map", key=f"map {run.name}", type="primary"):
        jobs.begin(run, method)
        st.rerun()
    st.caption("From a terminal:" if off else "Or from a terminal:")
    words = ["python", "-m", "dashboard.project", str(run.folder), "--method", method]
    words += ["--skip-undefined", *network_words(run)]
    st.code(shlex.join(words), language="bash")
    return False


@st.fragment(run_every=1)
@refusals()
def _wait(run: RunReader, method: str) -> None:
    share = runs.map_jobs().share(run, method)
    if share is None:
        st.rerun()
    words = f"Computing the map of {plain(run.name)}, which is then kept: {100 * share:.0f} %"
    st.progress(share, text=words)
    if not runs.read_only() and st.button("Cancel", key=f"cancel map {run.name}", type="tertiary"):
        runs.map_jobs().cancel(run, method)
        st.rerun()


def _grid(
    run: RunReader, ids: list[int], epoch: int | None, notes: dict[int, str], link: str
) -> None:
    say_no_pictures(run)
    st.html(as_html(cards(run, ids, epoch or run.last_epoch, notes), link=link))


def show_folded(title: str, icon: str, key: str, show: Callable[[], None]) -> None:
    """Offer a part of a page behind its title; nothing of it is made before it is opened."""
    folded = st.expander(title, key=key, icon=icon, on_change="rerun")
    if folded.open:
        with folded:
            show()


def say_no_pictures(run: RunReader) -> None:
    """Say where a run has no pictures, and why."""
    if not run.has_images:
        why = f": {run.absent['images']}" if "images" in run.absent else ""
        st.info(f"This run keeps no pictures{plain(why)}.", icon=":material/info:")


def _note_selection(name: str) -> None:
    st.session_state["drawn on"] = name


def offer_files(stem: str, name: str, file: Callable[[str], bytes]) -> None:
    """Offer a figure and its data as `stem` with an ending; `file` makes a kind when asked."""
    with download_row():
        for kind, mime in MIME.items():
            st.download_button(
                kind.upper(),
                data=partial(file, kind),
                file_name=f"{stem}.{kind}",
                mime=mime,
                key=f"{kind} {name}",
                on_click="ignore",
                type="tertiary",
                help=f"Download the {'data of the figure' if kind == 'csv' else 'figure'}",
            )


@contextmanager
def download_row() -> Iterator[None]:
    """Put download buttons in a row at the right."""
    with st.container(
        horizontal=True,
        horizontal_alignment="right",
        vertical_alignment="center",
        gap="small",
    ):
        st.markdown(":gray[:material/download:]", width="content")
        yield


def figure_file(name: str, table: pd.DataFrame, typography: Typography | None, kind: str) -> bytes:
    """Return a figure's file; of no typography, a plain one as wide as a page of AAAI."""
    from dashboard.export.render import export_figure  # Matplotlib, only when asked

    return export_figure(name, table, kind, typography or Typography("aaai-text"))


def _time(seconds: int) -> str:
    return f"{seconds} seconds" if seconds < 90 else f"{round(seconds / 60)} minutes"
