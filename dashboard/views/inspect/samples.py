"""Samples: map, gallery and table of one run, linked by sample_id."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.cached import review as cached_review
from dashboard.cached import samples as cached_samples
from dashboard.drawing.outlines import Outline, as_text, from_text, outlines_of
from dashboard.drawing.screen_cloud import MARKERS_UP_TO
from dashboard.figures.base import CannotShow
from dashboard.presenters import linked, linked_cloud
from dashboard.presenters.gallery import as_html, cards_of, data_address
from dashboard.presenters.linked import Places, Samples
from dashboard.presenters.linked_cloud import COLOURS, PICKED_MARKERS, TOP_MARKERS
from dashboard.views.addresses import link_to
from dashboard.views.parts.blocks import CONFIG, PAGE, offer_map
from dashboard.views.parts.choices import (
    IN_ADDRESS,
    choose,
    choose_criterion,
    criterion_title,
    keep_text,
    plain,
    set_text,
    with_asked,
)
from dashboard.views.parts.contrast import show_contrast
from dashboard.views.parts.part_pictures import go_to_review
from dashboard.views.parts.picker import picker
from dashboard.views.parts.sample_filters import choose_filters, clear_filters
from hmw_core.criteria import MAIN_CRITERIA
from hmw_core.criteria.compute import why_absent
from hmw_core.criteria.of_run import criteria_of, is_criterion, pick_criterion, title_of
from hmw_core.errors import UsageError
from hmw_core.file_names import file_name
from hmw_core.log.reader import RunReader

CHART = "chart samples"
OUTLINE_STYLE = """<style>
.st-key-chart-samples .selectionlayer path { pointer-events: none !important; }
</style>"""
FIRST, LAST = "first", "last"
ORDER = {FIRST: "most suspicious first", LAST: "least suspicious first"}
GALLERY_HEIGHT = 460  # px; as high as the map


def show(run: RunReader) -> None:
    """Show the samples of all classes."""
    st.caption("Draw a lasso or a box on the map; pick pictures or rows to find them on it.")
    colour, criterion, order, filters, epoch = _controls(run)
    samples = cached_samples.samples_of(run, epoch)
    verdict = cached_review.verdicts_of(run)
    places = _places(run)
    outlines = _outlines(run) if places is not None else ()
    picked = _picked(run)
    passed = filters.passed(samples, verdict)
    shown = passed & places.inside(outlines) if places is not None and outlines else passed
    ids = linked.in_order(samples, shown, criterion, first=order == FIRST)
    with st.container(horizontal=True, vertical_alignment="center"):
        _say_filters(run, filters.said(run.class_names), outlines, len(ids))
        chosen = np.array(picked, dtype=np.int64) if picked else ids
        asked_why = _actions(run, samples, verdict, chosen, "picked" if picked else "shown")
    _say_limits(run, outlines, places)
    right = st.container()
    if places is not None:
        left, right = st.columns([11, 9])
        with left:
            base = ((run.name, run.network), colour, criterion, filters, tuple(picked))
            _map(run, samples, places, (passed, shown), verdict, base, outlines)
    with right:
        with st.container():  # there with and without pages, so that the gallery stays in place
            part = _page_of(ids, criterion, order)
        rows = linked.rows(samples, part, run.class_names, verdict, _columns(criterion))
        pictures = run.images(part.tolist())
        _gallery(run, rows, pictures, criterion, picked)
    if asked_why and len(chosen):
        show_contrast(run, chosen, epoch, [] if picked else filters.columns())
    _table(run, rows, pictures, picked)


def _controls(run: RunReader) -> tuple[str, str, str, linked.Filters, int | None]:
    colours = [*COLOURS, *with_asked(list(criteria_of(run)), "colour_by")]
    if not run.samples()["true_label"].notna().any():
        colours = [name for name in colours if name not in ("true_label", "is_mislabeled")]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        colour = choose(
            "colour_by",
            "Colour by",
            colours,
            shown=lambda name: COLOURS.get(name) or criterion_title(run, name),
        )
        criterion = choose_criterion(run, "Sort by")
        order = choose("order", "Order", list(ORDER), shown=ORDER.__getitem__, quiet=True)
        with st.popover("Filters", icon=":material/filter_alt:"):
            filters, epoch = choose_filters(run)
    return colour, criterion, order, filters, epoch


def _places(run: RunReader) -> Places | None:
    """Return the map; where there is none, say why, and offer to compute it."""
    try:
        places = cached_samples.places_of(run)
    except CannotShow as reason:
        st.info(f"No map: {plain(str(reason))}.", icon=":material/info:")
        return None
    if places is None:
        offer_map(run, "auto")
    return places


def _outlines(run: RunReader) -> tuple[Outline, ...]:
    try:
        return from_text(keep_text("outline", run))
    except UsageError as error:
        st.warning(f"{str(error).capitalize()}.")
        set_text("outline", "")
        return ()


def _picked(run: RunReader) -> list[int]:
    text = keep_text("pick", run)
    picked = linked.numbers(text, run.n_samples)
    if picked is None:
        st.warning(f"Picked samples: “{plain(text)}” is not a list of samples of this run.")
        set_text("pick", "")
    return picked or []


def _say_filters(
    run: RunReader, said: list[str], outlines: tuple[Outline, ...], n_shown: int
) -> None:
    if outlines:
        said = [*said, "inside the outline"]
    which = f": {plain(' · '.join(said))}" if said else ""
    st.markdown(f"**{n_shown:,} of {run.n_samples:,} samples**{which}", width="stretch")
    if said:
        icon = ":material/filter_alt_off:"
        st.button("Show all", type="tertiary", icon=icon, on_click=_show_all)


def _show_all() -> None:
    clear_filters()
    set_text("outline", "")


def _say_limits(run: RunReader, outlines: tuple[Outline, ...], places: Places | None) -> None:
    if outlines and len(as_text(outlines)) > IN_ADDRESS:
        st.caption("The outline has too many corners for the address; a shared link is without it.")
    if len(st.session_state["kept pick"]) > IN_ADDRESS:
        st.caption("Too many samples are picked for the address; a shared link is without them.")
    if outlines and places is not None and len(places.sample_id) < run.n_samples:
        missing = run.n_samples - len(places.sample_id)
        st.caption(f"{missing:,} samples have no place on the map, so no outline holds them.")


def _map(
    run: RunReader,
    samples: Samples,
    places: Places,
    passed_and_shown: tuple[np.ndarray, np.ndarray],
    verdict: dict[int, str],
    base: tuple[Any, ...],
    outlines: tuple[Outline, ...],
) -> None:
    """Show the map; the same one as before unless something else than its own outline changed.

    The browser makes a changed chart again, with the outline as a line and what lies
    outside it pale; until then the browser shows the outline that was drawn on it.
    """
    passed, shown = passed_and_shown
    colour, criterion, picked = base[1], base[2], base[4]
    key = (*base, samples, places, tuple(verdict.items()) if colour == "verdict" else None)
    kept = st.session_state.get("samples map")
    if kept is None or kept["key"] != key or kept["drawn"] != outlines:
        table, look = linked_cloud.prepare(samples, places, shown, colour, run.class_names, verdict)
        top = linked.in_order(samples, shown, criterion, first=True)[:TOP_MARKERS]
        figure = linked_cloud.draw(
            table,
            look,
            _marks(run, samples, table, top[samples.rank(criterion)[top] > 0], criterion, look),
            _marks(run, samples, table, np.array(picked, dtype=np.int64), criterion, look),
            outlines,
        )
        n_top = int((samples.rank(criterion)[top] > 0).sum())
        kept = {"key": key, "drawn": outlines, "made": outlines, "n_top": n_top, "figure": figure}
        st.session_state["samples map"] = kept
    # An outline takes the mouse for itself: none could be drawn inside it.
    st.html(OUTLINE_STYLE)
    st.plotly_chart(
        kept["figure"],
        key=CHART,
        config={**CONFIG, "editSelection": False},
        on_select=_note_outline,
        selection_mode=("box", "lasso"),
        alt="Map of the samples",
    )
    drawn = f"{len(places.sample_id):,} samples, {places.title}. "
    if len(places.sample_id) > MARKERS_UP_TO:
        drawn += (
            f"Drawn as a picture; the {kept['n_top']:,} most suspicious of those in colour are "
            "markers that say what they are. "
        )
    if len(picked) > PICKED_MARKERS:
        drawn += f"Only the first {PICKED_MARKERS:,} of the picked have a ring. "
    if kept["made"]:
        drawn += "Pale grey is what the filters or the outline leave out. "
    elif not passed.all():
        drawn += "Pale grey is what the filters leave out. "
    st.caption(f"{drawn}“Show all” takes the outline away.")


def _marks(
    run: RunReader,
    samples: Samples,
    table: pd.DataFrame,
    ids: np.ndarray,
    criterion: str,
    look: linked_cloud.Look,
) -> pd.DataFrame:
    """Return the rows of the map's table of these samples, in their order, and what they say."""
    at = np.full(samples.n, -1, dtype=np.int64)
    at[table["sample_id"].to_numpy()] = np.arange(len(table))
    rows = table.iloc[at[ids][at[ids] >= 0]]
    return linked_cloud.marks(rows, samples, run.class_names, criterion, look)


def _note_outline() -> None:
    outlines = outlines_of(st.session_state[CHART]["selection"])
    set_text("outline", as_text(outlines))
    kept = st.session_state["samples map"]
    if not kept["made"]:
        kept["drawn"] = outlines  # by the browser; on a chart made with one, two would be seen


def _actions(
    run: RunReader, samples: Samples, verdict: dict[int, str], chosen: np.ndarray, how: str
) -> bool:
    """Offer what can be done with the chosen samples; tell whether to say what sets them apart."""
    what = f"{len(chosen):,} {how}"
    icon, none = ":material/rate_review:", not len(chosen)
    if st.button(f"Review {len(chosen):,}", type="primary", icon=icon, disabled=none, help=what):
        go_to_review(run, chosen.tolist(), f"{what} on the samples page")
    st.download_button(
        "CSV",
        data=lambda: linked.as_csv(samples, chosen, verdict),
        file_name=file_name(run.name, "-samples.csv"),
        mime="text/csv",
        on_click="ignore",
        icon=":material/download:",
        disabled=none,
        help=f"Ids, labels, verdicts, scores and ranks of the {what}",
    )
    if how == "picked" and st.button("Unpick", type="tertiary", icon=":material/close:"):
        set_text("pick", "")
        st.rerun()
    return st.toggle("Why these?", key="why these", disabled=none)


def _page_of(ids: np.ndarray, criterion: str, order: str) -> np.ndarray:
    n_pages = -(-len(ids) // PAGE)
    page = 1
    if n_pages > 1:
        # Another list begins at its first page.
        first = int(ids[0])
        page = st.pagination(n_pages, key=f"{n_pages} from {first} by {criterion} {order}")
    return ids[(page - 1) * PAGE : page * PAGE]


def _columns(criterion: str) -> list[str]:
    return [criterion, *(name for name in MAIN_CRITERIA if name != criterion)]


def _gallery(
    run: RunReader,
    rows: pd.DataFrame,
    pictures: dict[int, bytes],
    criterion: str,
    picked: list[int],
) -> None:
    if not len(rows):
        st.info("No sample passes the filters and lies inside the outline.")
        return
    if not run.has_images:
        st.info("This run keeps no pictures.", icon=":material/info:")
    if rows[criterion].isna().all():
        why = why_absent(run, pick_criterion(run, criterion))
        reason = f": {plain(why)}" if why else ""
        st.info(f"No score by {title_of(criterion)}{reason}.", icon=":material/info:")
    notes = {
        int(i): "no score" if pd.isna(rank) else f"#{rank:,} · {score:.3g}"
        for i, rank, score in zip(
            rows["sample_id"], rows[f"rank_{criterion}"], rows[criterion], strict=True
        )
    }
    html = as_html(
        cards_of(rows, pictures, notes), link=f"{link_to('samples', run)}&sample=", width=84
    )
    with st.container(height=GALLERY_HEIGHT, border=False):
        picker(html, picked, key="samples gallery", on_click=_toggle)


def _toggle(sample_id: int) -> None:
    picked = _kept_picks()
    changed = [i for i in picked if i != sample_id]
    set_text("pick", _as_list(changed if len(changed) < len(picked) else [*picked, sample_id]))


def _table(
    run: RunReader, rows: pd.DataFrame, pictures: dict[int, bytes], picked: list[int]
) -> None:
    """Show the gallery's samples as rows that can be picked."""
    if not len(rows):
        return
    ids = rows["sample_id"].tolist()
    wanted = [row for row, sample_id in enumerate(ids) if sample_id in picked]
    kept = st.session_state.setdefault("samples table", {"number": 0, "rows": []})
    if kept["rows"] != wanted:
        # Picked elsewhere: a table's choice cannot be set, so the table is made again.
        kept = {"number": kept["number"] + 1, "rows": wanted}
        st.session_state["samples table"] = kept
    key = f"samples table {kept['number']}"
    if pictures:
        addresses = [data_address(pictures[i])[0] if i in pictures else None for i in ids]
        rows = rows.assign(picture=addresses)[["picture", *rows.columns]]
    rows = rows.dropna(axis="columns", how="all")

    def note() -> None:
        chosen_rows = st.session_state[key]["selection"]["rows"]
        st.session_state["samples table"]["rows"] = sorted(chosen_rows)
        chosen = [ids[row] for row in sorted(chosen_rows) if row < len(ids)]
        others = [i for i in _kept_picks() if i not in ids or i in chosen]
        set_text("pick", _as_list([*others, *(i for i in chosen if i not in others)]))

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
            known.title, format="%.3g", help=f"{end.capitalize()} is suspicious. {known.unit}"
        )
        config[f"rank_{name}"] = st.column_config.NumberColumn(f"rank by {known.title}")
    return config


def _kept_picks() -> list[int]:
    return [int(word) for word in st.session_state["kept pick"].split(",") if word]


def _as_list(ids: list[int]) -> str:
    return ",".join(map(str, ids))
