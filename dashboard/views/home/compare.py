"""Compare: two runs and more, their settings, curves, and what each makes of the same samples."""

import pandas as pd
import streamlit as st

from dashboard import runs
from dashboard.cached import samples as cached_samples
from dashboard.drawing.text import shorten
from dashboard.presenters.counterparts import counterparts
from dashboard.presenters.settings import setting_name, setting_text
from dashboard.views.parts.blocks import show_figure
from dashboard.views.parts.choices import (
    choose,
    choose_criterion,
    choose_number,
    criterion_order,
    plain,
)
from dashboard.views.parts.part_pictures import offer_review, rank_text, show_part
from dashboard.views.parts.tabs import show_tabs
from hmw_core.criteria.of_run import title_of
from hmw_core.errors import UsageError
from hmw_core.log.reader import RunReader
from hmw_core.samples.compare import (
    PARTS,
    RankCorrelation,
    config_differences,
    flagged_parts,
    part_counts,
    rank_correlation,
)

MOST = 6  # runs in one figure: as many as there are colours
SHARE = 0.05  # of the samples are flagged where nobody knows how many are mislabeled


def letter(place: int) -> str:
    """Return what the page calls a run: A, B, ..."""
    return chr(ord("A") + place)


def differences(chosen: list[RunReader]) -> None:
    """Show the settings in which the runs differ."""
    st.subheader("What differs in how they were made", anchor=False)
    table = config_differences(chosen)
    if table.empty:
        st.info("Nothing: the same settings, data, versions and commit.", icon=":material/info:")
        return
    said = table.map(setting_text)
    said.index = said.index.map(setting_name)
    said.columns = [f"{letter(n)}: {shorten(run.name, 40)}" for n, run in enumerate(chosen)]
    st.dataframe(said, height="content")
    st.caption("Settings that are the same in all of them are left out.")


def agreement(pairs: pd.DataFrame) -> None:
    """Say how alike two runs rank the samples."""
    found: RankCorrelation = rank_correlation(pairs["score_a"], pairs["score_b"])
    missing = len(pairs) - found.n
    left_out = f" {missing:,} without a score in one of them are left out." if missing else ""
    if found.rho != found.rho:
        st.markdown(f"No rank correlation can be told from {found.n:,} samples.{left_out}")
        return
    st.markdown(
        f"**Spearman's rank correlation {found.rho:.3f}** (95 % interval {found.low:.3f} to "
        f"{found.high:.3f}, n = {found.n:,} samples): 1 is the same order, 0 none in common."
        f"{left_out} The interval is about samples, not about other seeds."
    )
    other = int(pairs["given_label_a"].ne(pairs["given_label_b"]).sum())
    if other:
        st.warning(
            f"{other:,} of {len(pairs):,} samples have another given label in B than in A. Their "
            "scores are about different labels: suspicious in one run and not in the other may "
            "just mean that the label was mended, or spoilt.",
            icon=":material/label:",
        )


def suggested_budget(pairs: pd.DataFrame) -> int:
    """Return how many to flag at first: as many as are mislabeled, or a small share."""
    wrong = pairs["is_mislabeled_a"]
    count = int(wrong.sum()) if wrong.notna().all() else round(SHARE * len(pairs))
    return min(max(count, 1), len(pairs))


def flagged(a: RunReader, b: RunReader, pairs: pd.DataFrame, budget: int, criterion: str) -> None:
    """Show what both runs flag, and what only one does."""
    parts = flagged_parts(pairs, budget)
    counts = part_counts(parts)
    known = bool(counts["n_known"].sum())
    names = {"both": "Both", "only A": "Only A", "only B": "Only B"}
    whose = {
        "both": "",
        "only A": f" ({shorten(a.name, 30)})",
        "only B": f" ({shorten(b.name, 30)})",
    }
    for column, which in zip(st.columns(3), PARTS, strict=True):
        row = counts.loc[which]
        with column:
            st.metric(f"{names[which]}{whose[which]}", f"{row['n_samples']:,.0f}")
            if row["n_known"]:
                st.caption(
                    f"**{100 * row['precision']:.1f} %** really mislabeled "
                    f"({row['n_mislabeled']:.0f} of {row['n_known']:.0f}, 95 % interval "
                    f"{100 * row['low']:.0f} to {100 * row['high']:.0f} %)"
                )
    if not known:
        st.caption("True labels are not known, so nobody can say which flags are right.")
    part = st.segmented_control(
        "Pictures of",
        PARTS,
        default="only A",
        required=True,
        format_func=lambda name: names[name],
        key="part",
    )
    ids = parts.loc[parts["part"] == part, "sample_id"].to_numpy()
    run = b if part == "only B" else a
    if not len(ids):
        st.info(f"No sample is in the part “{names[part]}”.", icon=":material/info:")
        return
    by = f"{title_of(criterion)}, the {budget:,} most suspicious of {a.name} and of {b.name}"
    offer_review(run, ids.tolist(), f"{names[part]} by {by}")
    st.caption(f"With the labels of {plain(run.name)}; most suspicious first.")
    rows = parts[parts["part"] == part].set_index("sample_id")

    def note(sample_id: int) -> str:
        row = rows.loc[sample_id]
        return f"rank {rank_text(row['rank_a'])} in A, {rank_text(row['rank_b'])} in B"

    show_part(
        run, ids, note, order=f"Most suspicious first: {criterion_order(run, criterion)}.", key=part
    )


def show(first: RunReader) -> None:
    """Show the page."""
    by_name = {run.name: run for run in runs.all_runs()[0]}
    others = [run.name for run in counterparts(first, list(by_name.values()))]
    if not others:
        st.info(
            f"There is no second run to compare {plain(first.name)} with. "
            "Train one on the Train page.",
            icon=":material/info:",
        )
        st.stop()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        second = by_name[choose("with", "Run B", others)]
        more = st.multiselect(
            "More in curves and settings",
            [name for name in others if name != second.name],
            max_selections=MOST - 2,
            key="more runs",
            placeholder="none",
        )
        criterion = choose_criterion(first, "Criterion")
    chosen = [first, second, *(by_name[name] for name in more if name in by_name)]

    def made() -> None:
        show_figure("training_progress", chosen, criterion=criterion)
        differences(chosen)

    show_tabs(
        "compare",
        {
            "made": ("Curves and settings", made),
            "samples": ("The same samples", lambda: same_samples(first, second, criterion)),
        },
    )


def same_samples(first: RunReader, second: RunReader, criterion: str) -> None:
    """Show how alike two runs rank the same samples, and what each flags."""
    try:
        pairs = cached_samples.paired_scores(first, second, criterion)
    except UsageError as reason:
        st.info(f"Not shown: {plain(str(reason))}.", icon=":material/info:")
        return
    why = (
        "as many as are mislabeled in A"
        if pairs["is_mislabeled_a"].notna().all()
        else f"{100 * SHARE:.0f} % of the samples, as nobody knows how many are mislabeled"
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        budget = int(
            choose_number(
                "budget",
                "Most suspicious flagged in each run",
                suggested_budget(pairs),
                whole=True,
                high=len(pairs),
                why=why,
            )
        )
        ranks = st.segmented_control(
            "Axes", ["scores", "ranks"], default="scores", required=True, key="axes"
        )
    if budget == suggested_budget(pairs):
        st.caption(f"Flagged in each run: the {budget:,} most suspicious, {why}.")
    agreement(pairs)
    show_figure(
        "compare_scores",
        [first, second],
        criterion=criterion,
        budget=budget,
        ranks=ranks == "ranks",
    )
    st.subheader("What each flags", anchor=False)
    flagged(first, second, pairs, budget, criterion)
