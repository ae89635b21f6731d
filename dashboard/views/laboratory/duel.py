"""Head to head: two criteria at one budget, samples only one flags, and which is right there."""

import math
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.cached import laboratory as cached_laboratory
from dashboard.drawing.text import percent
from dashboard.figures.selection import absent_criteria
from dashboard.views.parts.blocks import say_absent, show_figure
from dashboard.views.parts.choices import (
    DIRECTION,
    choose,
    choose_epoch,
    choose_k,
    choose_number,
    choose_segment,
    criterion_title,
    plain,
    settings_box,
    with_asked,
)
from dashboard.views.parts.part_pictures import offer_review, rank_text, show_part
from hmw_core.criteria.compute import without_absent
from hmw_core.criteria.of_run import criteria_of, title_of, with_k
from hmw_core.errors import UsageError
from hmw_core.laboratory.duel import (
    QUADRANTS,
    RULE,
    Contest,
    contest,
    quadrant_counts,
    quadrants,
    reviewed_counts,
    suggested_budget,
)
from hmw_core.log.reader import RunReader

PARTS = {
    "parts": "Where they differ",
    "pictures": "Pictures of the four parts",
    "budgets": "At every number of flags",
}
PAPERS_CLAIM = (
    " The paper's claim is about the part that the last loss flags and IAM keeps: that these are "
    "hard-to-learn clean samples. It holds here as far as their clean share is high **and** above "
    "that of the mirror part."
)
PAPERS_PAIR = ("last_loss", "iam")


def part_name(part: str, a: str, b: str) -> str:
    """Return a part's title: which criterion flags it and which keeps it."""
    one, two = title_of(a), title_of(b)
    return {
        "both": "Both flag",
        "only A": f"{one} flags, {two} keeps",
        "only B": f"{two} flags, {one} keeps",
        "neither": "Neither flags",
    }[part]


def clean_sentence(counts: pd.DataFrame, part: str, name: str) -> str:
    """Say how many samples of a part really are clean."""
    row = counts.loc[part]
    n_known, n_wrong = int(row["n_known"]), int(row["n_mislabeled"])
    head = f"**{name}**: {int(row['n_samples']):,} samples"
    if not row["n_samples"]:
        return f"{head}."
    if not n_known:
        return f"{head}, none of known true label."
    unknown = int(row["n_samples"]) - n_known
    left_out = f"; {unknown:,} of unknown true label do not count" if unknown else ""
    return (
        f"{head}, of which **{n_known - n_wrong:,} of {n_known:,} really are clean: "
        f"{percent(1 - row['precision'])}** (95 % interval {100 * (1 - row['high']):.1f} to "
        f"{100 * (1 - row['low']):.1f} %{left_out})."
    )


def verdict_sentence(found: Contest, a: str, b: str) -> str:
    """Say which criterion is better at this budget, with its numbers."""
    one, two = title_of(a), title_of(b)
    better = {"A": one, "B": two}.get(found.better)
    head = (
        f"At this budget **{better} is better**."
        if better
        else "At this budget **this run does not tell which is better**."
    )
    p = "p < 0.001" if found.p < 0.001 else f"p = {found.p:.3f}"
    return (
        f"{head} Precision {percent(found.precision_a)} ({one}) against "
        f"{percent(found.precision_b)} ({two}): a difference of "
        f"**{100 * found.difference:+.1f} points** (95 % interval {100 * found.low:+.1f} to "
        f"{100 * found.high:+.1f}). Of the mislabeled samples that exactly one finds, {one} finds "
        f"{found.found_by_a_only:,} and {two} {found.found_by_b_only:,} (exact test, {p})."
    )


def who_is_right(run: RunReader, parts: pd.DataFrame, a: str, b: str) -> None:
    """Say how many flags of only one criterion are clean, and which criterion is better."""
    counts = quadrant_counts(parts)
    if not counts["n_known"].sum():
        st.info(
            "True labels are not known, so no flag can be called right. The verdicts on each part "
            "are below.",
            icon=":material/info:",
        )
        reviewed(run, parts, a, b)
        return
    found = contest(counts)
    if not math.isnan(found.difference):
        st.markdown(verdict_sentence(found, a, b))
    for part in ("only A", "only B"):
        st.markdown(clean_sentence(counts, part, part_name(part, a, b)))
    if counts["n_known"].sum() < counts["n_samples"].sum():
        reviewed(run, parts, a, b)


def reviewed(run: RunReader, parts: pd.DataFrame, a: str, b: str) -> None:
    """Show what people said of each part."""
    said = reviewed_counts(run, parts)
    if not said["n_judged"].sum():
        st.caption("Nobody has judged a sample of any part yet: review a part below.")
        return
    rows = [
        {
            "part": part_name(part, a, b),
            "judged": int(row["n_judged"]),
            "label was wrong": int(row["n_wrong"]),
            "unsure or skipped": int(row["n_unsure"]),
            "wrong of judged": f"{percent(row['share'])} ({100 * row['low']:.0f} to "
            f"{100 * row['high']:.0f} %)"
            if row["n_judged"]
            else "–",
        }
        for part, row in said.iterrows()
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True)
    st.caption(
        "Current verdicts, taken as right, with 95 % intervals (Wilson). They describe a whole "
        "part only where its judged samples were drawn at random: the most suspicious ones, judged "
        "first, are mislabeled more often than the rest."
    )


def pictures(run: RunReader, parts: pd.DataFrame, a: str, b: str, epoch: int | None) -> None:
    """Show a part's pictures, and offer to judge them."""
    part = st.segmented_control(
        "Pictures of",
        QUADRANTS,
        default="only A",
        required=True,
        format_func=lambda part: part_name(part, a, b),
        key="part",
        label_visibility="collapsed",
    )
    rows = parts[parts["part"] == part].set_index("sample_id")
    name = part_name(part, a, b)
    if rows.empty:
        st.info(f"No sample is in the part “{name}”.", icon=":material/info:")
        return
    budget = int(parts["part"].isin(["both", "only A"]).sum())
    offer_review(
        run, rows.index.tolist(), f"{name}: the {budget:,} most suspicious of each criterion"
    )
    one, two = title_of(a), title_of(b)
    show_part(
        run,
        rows.index.tolist(),
        lambda i: f"{one} {rank_text(rows['rank_a'][i])}, {two} {rank_text(rows['rank_b'][i])}",
        order="Ordered by the better of the two ranks, which stand with each; 1 is the most "
        "suspicious.",
        epoch=epoch,
        key=f"{part} {a} {b} {budget}",
    )


def nothing(run: RunReader) -> str:
    """Return why no two criteria can be compared, in a sentence; empty where they can."""
    if len(without_absent(criteria_of(run), run)) > 1:
        return ""
    return "This log has fewer than two criteria, so none can be held against another."


def choose_pair(run: RunReader, row: DeltaGenerator) -> tuple[str, str]:
    """Return the two criteria, without the k of Eq. 6."""
    names = list(without_absent(criteria_of(run), run))
    shown = partial(criterion_title, run)
    with row:
        start = names.index("last_loss") if "last_loss" in names else 0
        menu = with_asked(names, "criterion")
        a = choose("criterion", "Criterion A", menu, shown=shown, default=start, help=DIRECTION)
        rivals = [name for name in (PAPERS_PAIR[1], PAPERS_PAIR[0], *names) if name in names]
        rival = next(name for name in rivals if name != a)
        menu, start = with_asked(names, "against"), names.index(rival)
        b = choose("against", "Criterion B", menu, shown=shown, default=start, help=DIRECTION)
    return a, b


def show(run: RunReader) -> None:
    """Show the tab."""
    answer = st.container()
    row = st.container(horizontal=True, vertical_alignment="bottom")
    a, b = choose_pair(run, row)
    suggestion, why = suggested_budget(run.samples()["is_mislabeled"])
    with settings_box(row):
        k = choose_k(run, [a, b])
        budget = int(
            choose_number(
                "budget", "Each flags", suggestion, whole=True, high=run.n_samples, why=why
            )
        )
        axes = st.segmented_control("Axes", ["ranks", "scores"], default="ranks", required=True)
        epoch = choose_epoch(run)
    a, b = with_k(a, k), with_k(b, k)
    try:
        pairs = cached_laboratory.paired_criteria(run, a, b, epoch)
    except UsageError as reason:
        st.info(f"Not shown: {plain(str(reason))}.", icon=":material/info:")
        return
    parts = quadrants(pairs, budget)
    with answer:
        who_is_right(run, parts, a, b)
    options: dict[str, Any] = {"criterion": a, "against": b, "budget": budget, "epoch": epoch}
    part = choose_segment("duel", "Show", PARTS)
    if part == "parts":
        left, right = st.columns(2)
        with left:
            show_figure("duel_parts", run, **options)
        with right:
            show_figure("duel", run, **options, ranks=axes == "ranks")
    elif part == "pictures":
        pictures(run, parts, a, b, epoch)
    else:
        show_figure("duel_budget", run, **options)
    suggested = f": {why}" if budget == suggestion else ""
    missing = int(pairs[["score_a", "score_b"]].isna().any(axis=1).sum())
    without = (
        f" {missing:,} samples have no score by one of the two, which cannot flag them."
        if missing
        else ""
    )
    claim = (
        PAPERS_CLAIM if {a, b} == set(PAPERS_PAIR) and parts["is_mislabeled"].notna().any() else ""
    )
    st.caption(
        f"Each criterion flags its {budget:,} most suspicious samples{suggested}.{without} {RULE}"
        f"{claim}"
    )
    say_absent(absent_criteria(run, criteria_of(run)))
