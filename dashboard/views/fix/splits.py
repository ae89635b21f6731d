"""Pictures that are in the training and in the test split, side by side."""

import streamlit as st

from dashboard import runs
from dashboard.cached import samples as cached_samples
from dashboard.presenters.duplicate_pairs import split_pairs_html, test_cards
from dashboard.presenters.gallery import cards
from dashboard.views.addresses import link_to
from dashboard.views.fix.duplicates import PAGE, SECONDS, progress_bar
from dashboard.views.parts.choices import plain
from dashboard.views.parts.part_pictures import go_to_review, review_button
from hmw_core.log.reader import RunReader
from hmw_core.pictures.across_splits import across_splits, compare_splits, why_not
from hmw_core.pictures.duplicates import NEAR, suggested_threshold


def show(run: RunReader) -> None:
    """Show pictures that are in the training and in the test split."""
    why = why_not(run)
    if why is not None:
        st.info(
            f"Which pictures both splits share is not known: {plain(why)}.", icon=":material/info:"
        )
        return
    pairs = cached_samples.kept_splits(run)
    here = st.session_state.get("splits here", {})
    if pairs is None:
        pairs = here.get(run.name)
    if pairs is None:
        if runs.read_only():
            st.info("The two splits have not been compared yet.", icon=":material/info:")
            return
        seconds = max(round(run.n_samples * SECONDS), 1)
        st.info(
            "A test picture that was also trained on makes the test accuracy too good. The two "
            f"splits have not been compared yet; it takes about {seconds} s and is kept.",
            icon=":material/info:",
        )
        if not st.button("Compare training and test", type="primary"):
            return
        pairs = compare_splits(run, progress_bar())
        st.session_state["splits here"] = {run.name: pairs}
        st.rerun()
    found = across_splits(run, pairs)
    n_test = len(run.test_images())
    n_differ = int(found["differs"].sum())
    st.markdown(
        f"**{found['test_id'].nunique():,} of {n_test:,} test pictures** are in the training "
        f"split, too, or nearly so; **{n_differ:,}** pairs have different labels."
    )
    limit = suggested_threshold(pairs, "pixels")
    st.caption(
        f"Nearly the same: equal files, or a pixel distance up to {limit:.3f}, {NEAR:.0%} of the "
        "typical one to the nearest training pictures. **Next:** look-alikes may stay, "
        "real copies do not belong in a test. Where the labels differ, one of the two is "
        "wrong."
    )
    if found.empty:
        return
    shown = found.sort_values("differs", ascending=False, kind="stable")
    if review_button(f"Review the {shown['sample_id'].nunique():,} training samples"):
        go_to_review(
            run, list(dict.fromkeys(shown["sample_id"].tolist())), "also in the test split"
        )
    n_pages = -(-len(shown) // PAGE)
    page = st.pagination(n_pages, key=f"splits of {len(shown)}") if n_pages > 1 else 1
    part = shown.iloc[(page - 1) * PAGE : page * PAGE]
    ids = sorted(set(part["sample_id"].tolist()))
    by_id = {card.sample_id: card for card in cards(run, ids, run.last_epoch, {})}
    tests = test_cards(run, sorted(set(part["test_id"].tolist())))
    st.html(split_pairs_html(part, by_id, tests, f"{link_to('samples', run)}&sample="))
