"""The map of Inspect: hovering shows a picture, a click picks, an outline filters."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.drawing.cloud import Look
from dashboard.drawing.outlines import as_text, outlines_of
from dashboard.drawing.robust import outside_words
from dashboard.presenters import linked, linked_cloud
from dashboard.presenters.gallery import picture_address
from dashboard.presenters.linked import Places
from dashboard.presenters.linked_cloud import PICKED_MARKERS, TOP_MARKERS
from dashboard.views.inspect.picks import as_array, toggle
from dashboard.views.inspect.state import Inspected
from dashboard.views.parts.blocks import CONFIG
from dashboard.views.parts.choices import set_text
from dashboard.views.parts.pointer import Click, pointer
from hmw_core.criteria.of_run import title_of

CHART = "chart samples"
KEPT = "samples map"
OUTLINE_STYLE = """<style>
.st-key-chart-samples .selectionlayer path { pointer-events: none !important; }
</style>"""


def show(it: Inspected, places: Places) -> tuple[Look, pd.Series]:
    """Show the map; return its look, and the value of each sample on it by sample_id.

    It is the same one as before unless something else than its own outline changed. The browser
    makes a changed chart again, with the outline as a line and what lies outside it pale; until
    then the browser shows the outline that was drawn on it.
    """
    run, chosen = it.run, it.chosen
    key = (
        (run.name, run.network), chosen.colour, chosen.criterion, chosen.filters, tuple(it.picked),
        it.samples, places, tuple(it.verdict.items()) if chosen.colour == "verdict" else None,
    )  # fmt: skip
    kept = st.session_state.get(KEPT)
    if kept is None or kept["key"] != key or kept["drawn"] != it.outlines:
        kept = {**_draw(it, places), "key": key}
        st.session_state[KEPT] = kept
    # An outline takes the mouse for itself: none could be drawn inside it.
    st.html(OUTLINE_STYLE)
    by = linked_cloud.colour_title(run, chosen.colour) or title_of(chosen.colour)
    st.plotly_chart(
        kept["figure"],
        key=CHART,
        config={**CONFIG, "editSelection": False},
        on_select=_note_outline,
        selection_mode=("box", "lasso"),
        alt=f"Map of the samples, coloured by {by}",
    )
    _follow_mouse(it, places, kept)
    _caption(places, kept, it.picked)
    return kept["colours"]


def _draw(it: Inspected, places: Places) -> dict[str, Any]:
    samples, criterion = it.samples, it.chosen.criterion
    window = linked_cloud.window_of(samples, places, it.given_label)
    table, look = linked_cloud.prepare(
        samples, places, it.shown, it.chosen.colour, it.run.class_names, it.verdict, window
    )
    is_picture = linked_cloud.is_drawn_as_picture(table)
    top = linked.in_order(samples, it.shown, criterion, first=True)[:TOP_MARKERS]
    top = top[np.isfinite(samples.score(criterion)[top])]
    ringed = linked_cloud.marks(table, as_array(it.picked[:PICKED_MARKERS]), look)
    marked = linked_cloud.marks(table, top, look)
    figure = linked_cloud.draw(table, look, marked, ringed, it.outlines, window)
    hovered = [top, as_array(it.picked)] if is_picture else [np.flatnonzero(it.shown)]
    return {
        "drawn": it.outlines,
        "made": it.outlines,
        "figure": figure,
        "colours": (look, table.set_index("sample_id")["value"]),
        "is_picture": is_picture,
        "n_top": len(top),
        "is_pale": bool((~table["is_shown"] & (table["edge"] == "")).any()),
        "n_outside": int((table["is_shown"] & (table["edge"] != "")).sum()),
        "told": linked_cloud.told_of(samples, np.unique(np.concatenate(hovered)), criterion),
    }


def _follow_mouse(it: Inspected, places: Places, kept: dict[str, Any]) -> None:
    run = it.run

    def clicked(click: Click) -> None:
        found = click.sample_id
        if found is None:
            found = linked_cloud.nearest(places, it.shown, click[1:])
        if found is not None and 0 <= found < run.n_samples:
            toggle(found)

    data = {
        "chart": f"st-key-{CHART.replace(' ', '-')}",
        "picture": picture_address(run) if run.has_images else None,
        "classes": run.class_names,
        "criterion": title_of(it.chosen.criterion),
        "smooth": it.chosen.smooth,
        "anywhere": kept["is_picture"],
        **kept["told"],
    }
    pointer(data, key="mouse on the map", on_click=clicked)


def _caption(places: Places, kept: dict[str, Any], picked: list[int]) -> None:
    drawn = f"{places.title}. Hover for a picture, click to pick, draw a lasso or a box to filter. "
    if kept["is_picture"]:
        drawn += (
            f"Drawn as a picture: only the {kept['n_top']:,} most suspicious of those in colour "
            "can be hovered, all can be clicked. "
        )
    if len(picked) > PICKED_MARKERS:
        drawn += f"Only the first {PICKED_MARKERS:,} of the picked have a ring. "
    if kept["is_pale"]:
        drawn += "Pale grey is what class, filters and outline leave out. "
    st.caption(f"{drawn}{outside_words(kept['n_outside'])}")


def _note_outline() -> None:
    outlines = outlines_of(st.session_state[CHART]["selection"])
    set_text("outline", as_text(outlines))
    kept = st.session_state[KEPT]
    if not kept["made"]:
        kept["drawn"] = outlines  # by the browser; on a chart made with one, two would be seen
