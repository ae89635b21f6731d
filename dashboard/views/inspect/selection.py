"""What is shown on Inspect, in words, and what can be done with it."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import runs
from dashboard.drawing.style import Typography
from dashboard.drawing.text import shorten
from dashboard.figures.base import CannotShow
from dashboard.figures.paper.clusters import COLOURS as LABEL_COLOURS
from dashboard.presenters import linked
from dashboard.presenters.linked_cloud import colour_title
from dashboard.views.inspect.state import Inspected
from dashboard.views.parts.bulk import offer_bulk
from dashboard.views.parts.choices import plain, set_text
from dashboard.views.parts.part_pictures import go_to_review
from dashboard.views.parts.sample_filters import clear_filters
from hmw_core.criteria.of_run import criteria_of
from hmw_core.file_names import file_name
from hmw_core.log.reader import RunReader

OF_A_CLASS = {
    "is_mislabeled": ("class_clusters", "Fig. 5"),
    "hm_weight": ("class_weights", "Fig. 6"),
}


def show(it: Inspected) -> bool:
    """Say which samples are shown and offer what can be done with them; return "Why these?"."""
    run, filters, n_picked = it.run, it.chosen.filters, len(it.picked)
    said = filters.said(run.class_names)
    words = [*said, "inside the outline"] if it.outlines else said
    which = f": {plain(' · '.join(words))}" if words else ""
    also = f" · {n_picked:,} picked, below" if n_picked else ""
    count = f"{len(it.ids):,} of {run.n_samples:,} samples"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{count}**{which}{also}", width="stretch")
        if it.outlines or len(said) > (filters.given_label is not None):
            icon = ":material/filter_alt_off:"
            st.button("Show all", type="tertiary", icon=icon, on_click=_show_all)
        offer(it, it.ids, " · ".join(words) or "all samples", "shown")
        _offer_figure(run, filters.given_label, it.chosen.colour, it.chosen.epoch)
        return st.toggle("Why these?", key="why these", disabled=not len(it.ids))


def offer(it: Inspected, ids: np.ndarray, what: str, how: str) -> None:
    """Offer to judge some samples, one by one or all at once, and to take them along as CSV."""
    run, chosen, off = it.run, it.chosen, runs.read_only()
    if st.button(
        f"Review the {len(ids):,} {how}",
        type="primary" if how == "shown" else "secondary",
        icon=":material/rate_review:",
        disabled=off or not len(ids),
        help="This server is read-only" if off else None,
    ):
        go_to_review(run, ids.tolist(), f"{len(ids):,} {how} on Inspect: {what}")
    offer_bulk(
        run, ids.tolist(), what, criterion=chosen.criterion, epoch=chosen.epoch, key=f"bulk {how}"
    )
    st.download_button(
        "CSV",
        data=partial(linked.as_csv, it.samples, ids, it.verdict),
        file_name=file_name(run.name, f"-{how}.csv"),
        mime="text/csv",
        key=f"CSV {how}",
        on_click="ignore",
        icon=":material/download:",
        disabled=not len(ids),
        help=f"Ids, labels, verdicts, scores and ranks of the {len(ids):,} {how}",
    )


def _show_all() -> None:
    clear_filters()
    set_text("outline", "")


def _offer_figure(run: RunReader, given_label: int | None, colour: str, epoch: int | None) -> None:
    """Offer the figure of the map as a PDF, in the colour on screen."""
    figure, paper = _figure_of(given_label, colour)
    of = "all classes" if given_label is None else f"class {run.class_names[given_label]}"
    name = "" if given_label is None else f"-{run.class_names[given_label]}"
    by = colour_title(run, colour) or colour
    why = _why_no_figure(run, figure, colour, epoch)
    st.download_button(
        "PDF",
        data=partial(pdf_of, run, given_label, colour, epoch),
        file_name=file_name(run.name, f"{shorten(name, 40)}-{figure}-{colour}.pdf"),
        mime="application/pdf",
        on_click="ignore",
        icon=":material/picture_as_pdf:",
        disabled=bool(why),
        help=plain(f"None: {why}" if why else f"{paper} of {of} by {by}"),
    )


def _why_no_figure(run: RunReader, figure: str, colour: str, epoch: int | None) -> str:
    if not run.feature_epochs():
        return "the run has no features"
    if colour in LABEL_COLOURS:
        return ""
    title = colour_title(run, colour)
    if title is not None and colour not in criteria_of(run):
        return f"no figure shows the {title}"
    if figure == "clusters" and epoch is not None and epoch not in run.feature_epochs():
        return f"the run has no features of epoch {epoch} to draw its scores on"
    return ""


def pdf_of(run: RunReader, given_label: int | None, colour: str, epoch: int | None) -> bytes:
    """Return the typeset figure of a class, or of all, in a colour of the map."""
    from dashboard.export.render import export_figure  # Matplotlib, only when asked

    figure, _ = _figure_of(given_label, colour)
    options: dict[str, Any] = {"given_label": given_label}
    if figure == "clusters":
        options = {"colour": colour}
    if colour not in LABEL_COLOURS:
        options["epoch"] = epoch
    table = runs.table(figure, [run], **options)
    if figure == "clusters" and given_label is not None:
        table = of_class(table, run, given_label)
    return export_figure(figure, table, "pdf", Typography("aaai-text"))


def _figure_of(given_label: int | None, colour: str) -> tuple[str, str]:
    """Return the name of a figure, and what it is of the paper."""
    if given_label is None:
        return "clusters", "Fig. 4"
    return OF_A_CLASS.get(colour, ("clusters", "Drawn as Fig. 4"))


def of_class(table: pd.DataFrame, run: RunReader, given_label: int) -> pd.DataFrame:
    """Return what `figures.paper.clusters` made of a run, of one of its classes."""
    ids = run.sample_ids(given_label)
    own = table["sample_id"].isin(ids) | table["class_label"].eq(given_label)
    if not table.loc[own, "sample_id"].notna().any():
        raise CannotShow("no sample of this class has a place on the map")
    panel = f"{run.name}: class {run.class_names[given_label]}"
    return table[own].assign(panel=panel, n_samples=len(ids))
