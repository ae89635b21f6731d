"""Pictures that are there more than once, first those with different given labels."""

from typing import cast

import pandas as pd
import streamlit as st

from dashboard import runs
from dashboard.cached import samples as cached_samples
from dashboard.presenters.duplicate_pairs import (
    histogram,
    pairs_html,
)
from dashboard.presenters.gallery import cards
from dashboard.views.addresses import link_to
from dashboard.views.parts.blocks import CONFIG
from dashboard.views.parts.choices import (
    choose,
    plain,
    remember,
)
from dashboard.views.parts.part_pictures import go_to_review, review_button
from hmw_core.errors import UsageError
from hmw_core.feature_space.embeddings import Progress
from hmw_core.log.reader import RunReader
from hmw_core.pictures.duplicates import (
    NEAR,
    By,
    compare_pairs,
    distance,
    near_duplicates,
    suggested_threshold,
    typical_distance,
)

PAGE = 18  # pairs
SECONDS = 90 / 50_000  # a sample; on two cores that are otherwise idle
DIFFERENT, ALL = "different", "all"
WHICH = {DIFFERENT: "Different given labels", ALL: "All near-duplicates"}
MEASURES: dict[By, str] = {"pixels": "Pixels", "features": "Features"}


def pairs_or_offer(run: RunReader) -> pd.DataFrame:
    """Return the pairs that are kept; where there are none, offer to compare and end the page."""
    try:
        pairs = cached_samples.kept_pairs(run)
    except UsageError as reason:
        st.info(f"Not shown: {plain(str(reason))}.", icon=":material/info:")
        st.stop()
    here = st.session_state.get("pairs here", {})
    if pairs is not None or (run.name, run.network) in here:
        return here[run.name, run.network] if pairs is None else pairs
    if runs.read_only():
        st.info(
            f"The {run.n_samples:,} samples have not been compared yet: whoever keeps the run "
            "does it on this page of a dashboard that was started without --read-only.",
            icon=":material/info:",
        )
        st.stop()
    where = st.empty()
    with where.container():
        seconds = max(round(run.n_samples * SECONDS), 1)
        st.info(
            f"The {run.n_samples:,} samples have not been compared yet. It takes about "
            f"{seconds} s and is kept with the run.",
            icon=":material/info:",
        )
        asked = st.button("Find near-duplicates", type="primary")
    if not asked:
        st.stop()
    with where.container():
        pairs = compare_pairs(run, progress=progress_bar())
    # Where the run's folder cannot be written.
    st.session_state["pairs here"] = {(run.name, run.network): pairs}
    where.empty()
    return pairs


def progress_bar() -> Progress:
    """Show how far a comparison is; return what it tells that."""
    text = "Comparing; leaving this page stops it"
    bar = st.progress(0.0, text=text)

    def report(done: int, total: int) -> None:
        bar.progress(done / total, text=text)

    return report


def choose_threshold(pairs: pd.DataFrame, by: By) -> float:
    """Return the largest distance of a near-duplicate, `pixels_distance=` in the address."""
    suggested = round(suggested_threshold(pairs, by), 4)
    most = max(round(typical_distance(pairs, by), 3), 2 * suggested, 0.001)
    key, name = f"duplicates {by}", f"{by}_distance"
    asked = st.query_params.get(name) or st.session_state.get("address", {}).get(name)
    value = suggested
    try:
        value = suggested if asked is None else float(asked)
    except ValueError:
        st.warning(f"Distance: “{plain(str(asked))}” is no number, so this shows the suggestion.")
    value = min(max(value, 0.0), most) if value == value else suggested
    st.session_state[key] = value
    chosen = st.slider(
        "Largest distance",
        0.0,
        most,
        step=most / 200,
        format="%.3f",
        key=key,
        on_change=lambda: remember(name, f"{st.session_state[key]:.4g}"),
        help=f"Suggested: {suggested:.3f}, {NEAR:.0%} of the typical neighbour's distance",
    )
    if asked is not None and chosen == suggested:
        remember(name, None)
    return float(chosen)


def explain(pairs: pd.DataFrame, by: By, threshold: float) -> None:
    """Show how far apart neighbours and random pairs are, and why the threshold lies there."""
    typical = typical_distance(pairs, by)
    drawn = distance(pairs[pairs["found_by"] == "random"], by).dropna()
    with st.expander("Why this threshold?", icon=":material/bar_chart:"):
        st.plotly_chart(
            histogram(pairs, by, threshold), config=CONFIG, key="distances", alt="Distances"
        )
        beyond = float((drawn <= threshold).mean()) if len(drawn) else float("nan")
        how = (
            "1 minus the correlation of the grey pictures' details (shading and noise taken out), "
            "the least over a shift by a pixel and a mirror"
            if by == "pixels"
            else "1 minus the cosine of the features"
        )
        st.caption(
            f"**Distance**: {how}. A sample's nearest are typically {typical:.3f} away; the "
            f"suggested threshold is a fifth of that, since how alike mere look-alikes are differs "
            f"from data set to data set. Of {len(drawn):,} pairs drawn at random, "
            f"{100 * beyond:.2f} % lie below the threshold. Real copies stand apart at the far "
            "left; where the curve runs into the threshold without a gap, look-alikes come in."
        )


def show_pairs(run: RunReader, table: pd.DataFrame) -> None:
    """Show pairs side by side, a page of them at a time."""
    n_pages = -(-len(table) // PAGE)
    page = st.pagination(n_pages, key=f"pairs of {len(table)}") if n_pages > 1 else 1
    part = table.iloc[(page - 1) * PAGE : page * PAGE]
    ids = sorted({*part["sample_id"].tolist(), *part["other_id"].tolist()})
    by_id = {card.sample_id: card for card in cards(run, ids, run.last_epoch, {})}
    st.html(pairs_html(part, by_id, f"{link_to('samples', run)}&sample="))


def review(run: RunReader, table: pd.DataFrame) -> None:
    """Hand the samples of these pairs to the review page, a pair after the other."""
    pairs = table[["sample_id", "other_id"]].to_numpy().ravel()
    ids = list(dict.fromkeys(pairs.tolist()))
    what = "near-duplicates with different labels"
    if not table["differs"].all():
        what = "near-duplicates"
    if review_button(f"Review these {len(ids):,} samples"):
        go_to_review(run, ids, what)


def show(run: RunReader) -> None:
    """Show pictures that are there more than once, first those with different given labels."""
    st.caption(
        "Nearly the same picture with two different labels: at least one of them is almost "
        "surely wrong."
    )
    pairs = pairs_or_offer(run)
    measures = [by for by in MEASURES if distance(pairs, by).notna().any()]
    if not measures:
        st.info("Nothing here can be compared: too few pictures or features with any detail.")
        st.stop()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        which = choose("pairs", "Show", list(WHICH), shown=WHICH.__getitem__)
        shown_as = {str(by): words for by, words in MEASURES.items()}
        by = cast(By, choose("measure", "Nearly the same by", measures, shown=shown_as.__getitem__))
        threshold = choose_threshold(pairs, by)
    found = near_duplicates(run, pairs, by, threshold)
    found = found.sort_values("differs", ascending=False, kind="stable")  # conflicts first
    shown = found[found["differs"]] if which == DIFFERENT else found
    n_differ = int(found["differs"].sum())
    st.markdown(
        f"**{len(found):,} pairs** of near-duplicates in {found['group'].nunique():,} groups; "
        f"**{n_differ:,}** of them have different given labels."
    )
    if by == "features":
        st.caption(
            "By features alone: a network gives much the same features to any two samples it "
            "takes for "
            "the same kind, so these pairs are look-alikes to the network, and not all of them "
            "copies."
        )
    if run.has_true_label and len(found):
        agree = (found["true_label"] == found["other_true_label"]).mean()
        st.caption(
            f"The true labels, known here, are the same in {100 * agree:.0f} % of the pairs."
        )
    if not measures == list(MEASURES):
        lacks = "features" if "features" not in measures else "pictures"
        st.caption(f"This run keeps no {lacks}, so the {measures[0]} alone decide.")
    explain(pairs, by, threshold)
    if shown.empty:
        more = " Move the threshold up to see looser ones." if found.empty else ""
        st.info(f"No such pair.{more}", icon=":material/check_circle:")
    else:
        review(run, shown)
        show_pairs(run, shown)
