"""Transition: which label became which, believed and true; its cells' pictures; its pattern."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.cached import laboratory as cached_laboratory
from dashboard.cached import samples as cached_samples
from dashboard.drawing.text import percent, shorten
from dashboard.figures.selection import absent_criteria
from dashboard.views.parts.blocks import say_absent, selection_of, show_figure
from dashboard.views.parts.choices import (
    ANY,
    choose,
    choose_criterion,
    choose_epoch,
    choose_number,
    choose_segment,
    class_name,
    criterion_order,
    plain,
    settings_box,
)
from dashboard.views.parts.part_pictures import offer_review, show_part
from hmw_core.class_limit import check_classes
from hmw_core.criteria.compute import without_absent
from hmw_core.criteria.of_run import criteria_of, pick_criterion
from hmw_core.errors import UsageError
from hmw_core.laboratory.duel import suggested_budget
from hmw_core.laboratory.transition import (
    CONFIDENT_RULE,
    INTERVAL_RULE,
    SUGGESTION_RULE,
    confident_counts,
    designed_shares,
    matrix_error,
    measured_counts,
    noted_shares,
    pair_counts,
    row_shares,
)
from hmw_core.laboratory.transition_pattern import (
    BIC_RULE,
    MOST,
    SAMPLE_RULE,
    SampleEvidence,
    classify_pattern,
    known_groups,
    verdict,
)
from hmw_core.log.reader import RunReader

SOURCES = {
    "suggestions": "suggestions of flagged samples",
    "confident": "confident joint (cleanlab)",
}
VIEWS = {"matrix": "The matrix, and the pictures of a cell", "pattern": "Which kind of noise"}
LARGEST = 15  # cells of the table
PICTURES_A_SECOND = 2_000  # read, reduced and ranked; measured on two cores


def truth_of(run: RunReader) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the true shares and how many samples each row has; None where nothing tells."""
    measured = measured_counts(run)
    if measured is not None:
        return row_shares(measured).share, measured.sum(axis=1)
    noted = noted_shares(run)
    return None if noted is None else (noted, np.ones(run.n_classes))


def say_error(run: RunReader, counts: np.ndarray) -> None:
    """Say how far the estimate is from the truth, where that is known."""
    n_beside, n = counts.sum() - np.trace(counts), counts.sum()
    head = f"The estimate has **{percent(n_beside / n)}** of the labels wrong."
    truth = truth_of(run)
    if truth is None:
        st.markdown(f"{head} No true label is known, so nobody can say how far it is off.")
        return
    found = matrix_error(row_shares(counts).share, *truth)
    wrong = float(np.sum(truth[1] * (1 - np.diag(truth[0]).clip(0, 1))) / np.sum(truth[1]))
    flips = percent(found.of_flips)
    st.markdown(
        f"{head} Really it is {percent(wrong)}. Per row, **{percent(found.total_variation)}** of "
        f"the samples lie in wrong cells (total variation distance; worst: "
        f"{plain(shorten(run.class_names[found.worst], 40))}, "
        f"{percent(found.worst_total_variation)}); of the flips alone, whatever their number, "
        f"**{flips}**. The mean absolute error of a cell is {percent(found.mean_absolute)}."
    )


def members(run: RunReader, panel: str, believed: pd.DataFrame) -> pd.DataFrame:
    """Return `row` (believed or true label, Int64) and `given_label` by `sample_id`."""
    if panel == "measured":
        samples = run.samples().set_index("sample_id")
        return samples[["true_label", "given_label"]].set_axis(["row", "given_label"], axis=1)
    return believed[["believed_label", "given_label"]].set_axis(["row", "given_label"], axis=1)


def largest_cells(run: RunReader, counts: np.ndarray) -> pd.DataFrame:
    """Return the cells beside the diagonal with the most samples, with what is true of them."""
    shares = row_shares(counts)
    measured = measured_counts(run)
    beside = np.where(np.eye(len(counts), dtype=bool), -1, counts)
    order = np.argsort(-beside, axis=None, kind="stable")[:LARGEST]
    cells = [divmod(int(at), len(counts)) for at in order if beside.flat[at] > 0]
    names = [shorten(name, 40) for name in run.class_names]
    table = pd.DataFrame(
        {
            "believed": [names[i] for i, _ in cells],
            "given": [names[j] for _, j in cells],
            "samples": [round(float(counts[i, j])) for i, j in cells],
            "share of row": [percent(shares.share[i, j]) for i, j in cells],
            "95 % interval": [
                f"{100 * shares.low[i, j]:.1f} to {100 * shares.high[i, j]:.1f} %" for i, j in cells
            ],
        }
    )
    if measured is not None:
        true = row_shares(measured).share
        table["truly"] = [percent(true[i, j]) for i, j in cells]
    return table.assign(row=[i for i, _ in cells], column=[j for _, j in cells])


def chosen_cells(run: RunReader, table: pd.DataFrame, source: str) -> tuple[str, list[Any], str]:
    """Return the panel, its cells (row, given) and what to call them: box, table, or menus."""
    drawn = selection_of(["transition"])
    if drawn:
        points = [p["customdata"] for p in drawn.get("points", []) if p.get("customdata")]
        panels = {str(point[0]) for point in points if str(point[0]) in ("measured", source)}
        if len(panels) == 1:
            panel = panels.pop()
            rows = st.session_state.get("given rows", False)
            cells = [(int(p[2]), int(p[1])) if rows else (int(p[1]), int(p[2])) for p in points]
            of = "true" if panel == "measured" else "believed"
            named = [
                f"{of} {shorten(run.class_names[i], 60)}, given {shorten(run.class_names[j], 60)}"
                for i, j in cells
            ]
            return panel, cells, named[0] if len(named) == 1 else f"{len(named)} cells of the box"
        st.caption("The box holds no cell whose samples are known, so the menus below count.")
    labels = [ANY, *map(str, range(run.n_classes))]

    shown = partial(class_name, run)
    truth = run.samples()["true_label"].notna().any()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        of = "believed"
        if truth:
            of = st.segmented_control(
                "Rows", ["believed", "true"], default="believed", required=True, key="rows of cell"
            )
        first = table.iloc[0] if len(table) else None
        start = labels.index(str(first["row"])) if first is not None else 0
        row = choose("believed", f"{of.capitalize()} label", labels, shown=shown, default=start)
        start = labels.index(str(first["column"])) if first is not None else 0
        given = choose("given", "Given label", labels, shown=shown, default=start)
    every = range(run.n_classes)
    cells = [
        (i, j)
        for i in (every if row == ANY else [int(row)])
        for j in (every if given == ANY else [int(given)])
        if i != j or ANY not in (row, given)  # "any" means any other label
    ]
    panel = "measured" if of == "true" else source
    return panel, cells, f"{of} {shown(row)}, given {shown(given)}"


def take_cell(table: pd.DataFrame) -> None:
    """Show the pictures of the row that was clicked in the table of confusions."""
    rows = st.session_state["confusions"]["selection"]["rows"]
    if rows:
        cell = table.iloc[rows[0]]
        st.session_state["choice believed"] = str(cell["row"])
        st.session_state["choice given"] = str(cell["column"])
        st.session_state["rows of cell"] = "believed"
        st.session_state.pop("chart transition", None)  # a box drawn before no longer counts


def pictures(
    run: RunReader,
    believed: pd.DataFrame,
    table: pd.DataFrame,
    source: str,
    criterion: str,
    epoch: int | None,
) -> None:
    """Show the pictures of the chosen cells, and offer to judge them."""
    panel, cells, what = chosen_cells(run, table, source)
    rows = members(run, panel, believed).dropna()
    wanted = {i * run.n_classes + j for i, j in cells}
    key = rows["row"].astype("int64") * run.n_classes + rows["given_label"]
    ids = rows.index[key.isin(wanted)]
    if not len(ids):
        st.info(f"No sample is in {plain(what)}.", icon=":material/info:")
        return
    score = cached_samples.scores(run, criterion, epoch, None)
    ascending = pick_criterion(run, criterion).higher_means == "clean"
    ordered = (
        score.reindex(ids)
        .sort_index()
        .sort_values(ascending=ascending, kind="stable", na_position="last")
    )
    st.markdown(f"**{len(ids):,} samples**: {plain(what)}.")
    offer_review(run, ordered.index.tolist(), f"{what}, most suspicious by {criterion} first")
    names = run.class_names
    belief = believed["believed_label"]

    def note(sample_id: int) -> str:
        label = belief.get(sample_id)
        return "" if pd.isna(label) else f"believed {shorten(names[int(label)], 30)}"

    show_part(
        run,
        ordered.index.tolist(),
        note,
        order=f"Most suspicious first: {criterion_order(run, criterion)}.",
        epoch=epoch,
        key=f"{panel} {what}",
    )


def pattern(run: RunReader, counts: np.ndarray, **options: Any) -> None:
    """Say which pattern the flips have, measured and believed, with the evidence."""
    groups = known_groups(run.class_names)
    of_groups = None if groups is None else groups[0]
    measured = measured_counts(run)
    tables = {}
    for name, found in (("Measured from true labels", measured), ("As believed", counts)):
        if found is None:
            continue
        try:
            tables[name] = classify_pattern(found, of_groups)
            st.markdown(f"{name}: {verdict(tables[name])}")
        except UsageError as reason:
            st.markdown(f"{name}: {plain(str(reason))}.")
    if measured is None:
        st.info(
            "Without true labels this is the pattern of what the training believes: clean samples "
            "that it confuses look like flips to the classes they resemble. Whether a flip depends "
            "on the picture **cannot be told at all**: the same network ranks hard pictures first, "
            "and hard pictures are what instance-dependent noise would flip.",
            icon=":material/info:",
        )
    elif len(tables) == 2 and _best(tables["Measured from true labels"]) != _best(
        tables["As believed"]
    ):
        st.warning(
            "What the training believes shows another pattern than the true labels do: clean "
            "samples flagged by mistake, and wrong suggestions, have a pattern of their own.",
            icon=":material/difference:",
        )
    show_figure("transition_pattern", run, **options)
    groups_said = (
        "These class names have no known groups, so the block pattern is not asked."
        if groups is None
        else f"Groups of the block pattern: {groups[1]}."
    )
    st.caption(f"{BIC_RULE} {groups_said}")
    for name, table in tables.items():
        with st.expander(f"{name}: every hypothesis with its numbers"):
            shown = table.drop(columns=["is_best"]).round(1)
            st.dataframe(shown, hide_index=True, height="content")
    if measured is not None:
        by_sample(run)


def _best(table: pd.DataFrame) -> list[str]:
    return table.loc[table["is_best"], "hypothesis"].to_list()


def by_sample(run: RunReader) -> None:
    """Say whether the picture decides which labels flip, once asked."""
    st.markdown("**Does the picture decide?**")
    if not run.has_images:
        st.info("This run keeps no pictures, so it cannot be told.", icon=":material/info:")
        return
    n = min(int(run.samples()["true_label"].notna().sum()), MOST)
    seconds = max(round(n / PICTURES_A_SECOND + run.n_samples / 10_000), 1)
    asked = st.session_state.setdefault("asked by sample", set())
    if (run.name, run.network) not in asked:
        if not st.button(f"Look at {n:,} pictures (about {seconds} s)", icon=":material/search:"):
            st.caption(SAMPLE_RULE)
            return
        asked.add((run.name, run.network))
    try:
        evidence = cached_laboratory.noise_by_sample(run)
    except UsageError as reason:
        st.info(f"Not shown: {plain(str(reason))}.", icon=":material/info:")
        return
    for found in evidence:
        st.markdown(evidence_sentence(found))
    st.caption(SAMPLE_RULE)


def evidence_sentence(found: SampleEvidence) -> str:
    """Say what the pictures tell about which samples flip, or where to."""
    asked = "**Whether** a label flips" if found.what == "whether" else "**Where to** it flips"
    if found.depends is None:
        why = (
            "no class has enough flipped and clean samples"
            if found.what == "whether"
            else "no class has enough flips to two classes or more"
        )
        return f"{asked}: cannot be told, {why}."
    answer = (
        "the picture tells, so this is instance-dependent"
        if found.depends
        else "not shown to depend on the picture"
    )
    return (
        f"{asked}: {answer}. AUROC within a true class {found.auroc:.3f} (95 % interval "
        f"{found.low:.3f} to {found.high:.3f}; {found.n_samples:,} samples of {found.n_classes} "
        "classes)."
    )


def nothing(run: RunReader) -> str:
    """Return why there is no matrix to estimate, in a sentence; empty where there is one."""
    if not without_absent(criteria_of(run), run):
        return "This log has no criterion to flag samples by."
    try:
        check_classes(run.n_classes, "a matrix of true by given labels")
    except UsageError as reason:
        return f"{reason}."
    return ""


def show(run: RunReader) -> None:
    """Show the tab."""
    answer = st.container()
    row = st.container(horizontal=True, vertical_alignment="center")
    with row:
        part = choose_segment("transition", "Show", VIEWS)
    suggestion, why = suggested_budget(run.samples()["is_mislabeled"])
    with settings_box(row):
        source = choose("estimate", "Estimate from", list(SOURCES), shown=SOURCES.__getitem__)
        criterion = choose_criterion(run, "Flag by", only_present=True)
        budget = int(
            choose_number(
                "budget",
                "Flagged",
                suggestion,
                whole=True,
                high=run.n_samples,
                why=why,
                off=source == "confident",
            )
        )
        epoch = choose_epoch(run)
        given_rows = st.toggle(
            "Rows are given labels",
            key="given rows",
            help="Each row then sums over what it was given as",
        )
    try:
        if source == "confident":
            believed = cached_laboratory.believed_confidently(run, epoch)
        else:
            believed = cached_laboratory.believed_by_suggestions(run, budget, criterion, epoch)
    except UsageError as reason:
        st.info(f"Not shown: {plain(str(reason))}.", icon=":material/info:")
        return
    if source == "confident":
        counts = confident_counts(believed, run.n_classes)
    else:
        counts = pair_counts(believed["believed_label"], believed["given_label"], run.n_classes)
    with answer:
        say_error(run, counts)
    options: dict[str, Any] = {"criterion": criterion, "budget": budget, "epoch": epoch}
    if part == "pattern":
        pattern(run, counts, **options)
    else:
        show_figure("transition", run, select=True, source=source, given_rows=given_rows, **options)
        if not given_rows and designed_shares(run) is None and measured_counts(run) is not None:
            st.caption("This noise was designed by no matrix, so there is no third one to show.")
        cells = largest_cells(run, counts)
        if len(cells):
            st.markdown("**The largest confusions.** Click at the left of a row for its pictures.")
            st.dataframe(
                cells.drop(columns=["row", "column"]),
                hide_index=True,
                height=250,
                key="confusions",
                on_select=partial(take_cell, cells),
                selection_mode="single-row",
            )
        pictures(run, believed, cells, source, criterion, epoch)
    silent = int(believed["believed_label"].isna().sum())
    left_out = (
        f" {silent:,} samples are believed to be nothing, and are left out." if silent else ""
    )
    flagged = (
        f" Flagged are the {budget:,} most suspicious by {criterion_order(run, criterion)}"
        f"{': ' + why if budget == suggestion else ''}."
        if source == "suggestions"
        else ""
    )
    rule = SUGGESTION_RULE if source == "suggestions" else CONFIDENT_RULE
    st.caption(f"{rule}{flagged}{left_out} {INTERVAL_RULE}")
    say_absent(absent_criteria(run, criteria_of(run)))
