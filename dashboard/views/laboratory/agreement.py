"""Agreement: what can be said of criteria, samples and epochs where true labels are not known."""

import math
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import runs
from dashboard.cached import laboratory as cached_laboratory
from dashboard.cached import review as cached_review
from dashboard.cached.lessons import lesson
from dashboard.figures.base import CannotShow
from dashboard.figures.selection import absent_criteria
from dashboard.views.addresses import page_file, query_of
from dashboard.views.parts.blocks import offer_table, say_absent, show_figure
from dashboard.views.parts.choices import (
    choose,
    choose_criterion,
    choose_epoch,
    choose_k,
    choose_number,
    choose_segment,
    plain,
    remember,
    settings_box,
    with_asked,
)
from dashboard.views.parts.lesson import show_lesson
from dashboard.views.parts.part_pictures import offer_review, show_part
from hmw_core.criteria.compute import without_absent
from hmw_core.criteria.kept import score_table
from hmw_core.criteria.of_run import criteria_of, main_criteria_of, pick_criterion, title_of, with_k
from hmw_core.errors import UsageError
from hmw_core.experiments.seeds import same_labels, siblings
from hmw_core.laboratory.agreement import RULE as AGREEMENT_RULE
from hmw_core.laboratory.agreement import SHARE, usual_budget
from hmw_core.laboratory.audited import audit_estimates, judged_streams
from hmw_core.laboratory.stability import (
    N_CHECKPOINTS,
    PARTS,
    ambiguous_order,
    checkpoints,
    counts,
)
from hmw_core.laboratory.stability import RULE as RANKINGS_RULE
from hmw_core.log.reader import RunReader
from hmw_core.review.remaining import remaining_errors
from hmw_core.statistics.ranking import auroc, precision_recall_at_budget

SECTIONS = {
    "criteria": "Do the criteria agree?",
    "samples": "Which samples are ambiguous?",
    "reviewed": "What do reviewed samples say?",
}
STEADY = {
    "pictures": "Their pictures",
    "rankings": "How often samples are flagged",
    "epochs": "How fast the rankings settle",
}
PART_TITLES = {"ambiguous": "Ambiguous", "steady": "Flagged steadily", "never": "Never flagged"}
MOST = 45  # criteria in one matrix
MOST_RANKINGS = 50
UNKNOWN = "–"


def choose_criteria(run: RunReader) -> list[str]:
    """Return the criteria chosen, `criteria=` in the address; by default the main ones."""
    there = with_asked(list(without_absent(criteria_of(run), run)), "criteria")
    usual = [name for name in main_criteria_of(run) if name in there]
    asked = [name for name in st.query_params.get("criteria", "").split(",") if name in there]
    chosen = st.multiselect(
        "Criteria",
        there,
        default=asked or usual,
        format_func=lambda name: title_of(name),
        max_selections=MOST,
        key=f"criteria of {run.name}",
    )
    remember("criteria", None if chosen == usual else ",".join(chosen) or None)
    k = choose_k(run, chosen)
    return list(dict.fromkeys(with_k(name, k) for name in chosen))


def choose_budget(run: RunReader) -> tuple[int, str]:
    """Return how many samples each criterion flags, `budget=` in the address, and why so many."""
    wrong = run.samples()["is_mislabeled"]
    suggested = usual_budget(wrong)
    why = (
        "as many as are mislabeled"
        if wrong.notna().all()
        else f"{100 * SHARE:.0f} % of the samples, as nobody knows how many are mislabeled"
    )
    budget = int(
        choose_number("budget", "Flag", suggested, whole=True, high=run.n_samples, why=why)
    )
    return (
        budget,
        f"Flagged: the {budget:,} most suspicious{', ' + why if budget == suggested else ''}.",
    )


def share_with_interval(share: float, low: float, high: float) -> str:
    """Return a share with its interval, or that it is not known."""
    return UNKNOWN if math.isnan(share) else f"{share:.3f} ({low:.3f} to {high:.3f})"


def agreement_section(run: RunReader, row: DeltaGenerator) -> None:
    """Show which criteria say the same."""
    with settings_box(row):
        names = choose_criteria(run)
        budget, flagged = choose_budget(run)
        epoch = choose_epoch(run)
    options: dict[str, Any] = {"criteria": names, "budget": budget, "epoch": epoch}
    show_figure("agreement", run, **options)
    st.caption(f"{flagged} {AGREEMENT_RULE}")
    say_absent(absent_criteria(run, main_criteria_of(run)))
    try:
        table = runs.table("agreement", run, **options)
    except (CannotShow, UsageError):
        return
    pairs = table[table["criterion"].map(names.index) < table["against"].map(names.index)]
    pairs = pairs.sort_values("shared", kind="stable")
    st.subheader("Pairs, the least alike first", anchor=False)
    st.dataframe(
        pd.DataFrame(
            {
                "Criterion": pairs["title"],
                "Against": pairs["against_title"],
                "Spearman": pairs["rho"],
                "In common": pairs["n_shared"],
                "Share": pairs["shared"],
                "By chance": pairs["shared_by_chance"],
                "Jaccard": pairs["jaccard"],
                "Jaccard by chance": pairs["jaccard_by_chance"],
                "Samples": pairs["n_samples"],
                "Head to head": "/" + pairs["duel"],
            }
        ),
        hide_index=True,
        column_config={
            **{
                name: st.column_config.NumberColumn(format="%.3f")
                for name in ("Spearman", "Share", "By chance", "Jaccard", "Jaccard by chance")
            },
            "In common": st.column_config.NumberColumn(format="%.0f"),
            "Head to head": st.column_config.LinkColumn(display_text="open"),
        },
    )
    st.caption(
        "Criteria made of the same signal agree whether it is right or wrong, so agreement is no "
        "proof. Of a sample that only one of two flags, one of them is wrong: “head to head” shows "
        "which samples those are."
    )


def samples_section(run: RunReader, row: DeltaGenerator) -> None:
    """Show the samples on which rankings of several epochs or seeds do not agree."""
    seeds = [run, *(r for r in siblings(run, runs.all_runs()[0]) if r.folder != run.folder)]
    paired = [r for r in seeds if r.last_epoch and same_labels(run, r)]
    sources = {"epochs": "Epochs of this run", "seeds": f"The last epoch of {len(paired)} seeds"}
    with settings_box(row):
        criterion = choose_criterion(run, "Criterion")
        there = list(sources) if len(paired) > 1 else ["epochs"]
        source = choose("looks", "Rankings", there, shown=sources.__getitem__)
        n_rankings = N_CHECKPOINTS
        if source == "epochs":
            n_rankings = int(
                choose_number(
                    "checkpoints", "Epochs", N_CHECKPOINTS, whole=True, high=MOST_RANKINGS
                )
            )
        budget, flagged = choose_budget(run)
    chosen = paired if source == "seeds" else [run]
    try:
        found = cached_laboratory.steadiness(chosen, criterion, budget, n_rankings)
        part_numbers(found, run)
    except UsageError:
        found = None  # the figure says why
    st.caption(f"{title_of(criterion)}. {flagged}")
    if len(seeds) > len(paired):
        st.caption(
            f"{len(seeds) - len(paired)} more seed(s) of this recipe drew other labels or samples, "
            "or have no epoch yet; samples cannot be followed into them."
        )
    elif len(seeds) == 1:
        st.caption("There is no other seed of this recipe, so epochs of this run are ranked.")
    options: dict[str, Any] = {"criterion": criterion, "budget": budget, "n_epochs": n_rankings}
    if source == "epochs":
        at = checkpoints(run, n_rankings)
        st.caption(
            f"Rankings at the epochs {', '.join(map(str, at))}: evenly spaced from the middle of "
            "the log to its end, each with the score as it would be had the training ended there."
        )
        if len(at) < 2:
            st.info(
                "One epoch gives one ranking, so no verdict can change.",
                icon=":material/info:",
            )
    what = choose_segment("steady", "Show", STEADY)
    if what == "pictures":
        if found is not None:
            pictures_of_part(run, found, criterion, source, budget)
    elif what == "rankings":
        show_figure("stability_rankings", chosen, **options)
        st.caption(RANKINGS_RULE)
    else:
        show_figure("stability_by_epoch", run, budget=budget)


def pictures_of_part(
    run: RunReader, found: pd.DataFrame, criterion: str, source: str, budget: int
) -> None:
    """Show the pictures of a part, and offer to judge them."""
    part = choose_segment("steadiness", "Pictures of", PART_TITLES)
    ids = (
        ambiguous_order(found).tolist()
        if part == "ambiguous"
        else found[found["part"].eq(part).fillna(False)].sort_values("mean_rank").index.tolist()
    )
    if not ids:
        st.info(f"{PART_TITLES[part]}: no sample.", icon=":material/info:")
        return
    st.subheader(f"{PART_TITLES[part]}: {len(ids):,} samples", anchor=False)
    over, of = "seeds" if source == "seeds" else "epochs", title_of(criterion)
    offer_review(run, ids, f"{PART_TITLES[part]} by {of} over {over}, {budget:,} flagged")
    order = (
        "First the samples on which the rankings are most divided."
        if part == "ambiguous"
        else "Most suspicious first, by the mean rank over the rankings."
    )
    rows = found.loc[ids]
    notes = {
        int(i): f"flagged by {n} of {of_all}"
        for i, n, of_all in zip(ids, rows["n_flagged"], rows["n_rankings"], strict=True)
    }
    show_part(run, ids, notes.__getitem__, order=order, key=part)


def part_numbers(found: pd.DataFrame, run: RunReader) -> None:
    """Show how many samples each part has, and how many of them are mislabeled."""
    table = counts(found, run.samples().set_index("sample_id")["is_mislabeled"])
    for column, part in zip(st.columns(3), PARTS, strict=True):
        row = table.loc[part]
        with column:
            st.metric(PART_TITLES[part], f"{int(row['n_samples']):,}")
            if row["n_known"]:
                st.caption(
                    f"**{100 * row['precision']:.1f} %** really mislabeled "
                    f"({int(row['n_mislabeled']):,} of {int(row['n_known']):,}, 95 % interval "
                    f"{100 * row['low']:.1f} to {100 * row['high']:.1f} %)"
                )
    unscored = int((found["n_rankings"] == 0).sum())
    if unscored:
        st.caption(f"{unscored:,} samples have no score in any ranking and are in no part.")
    if not table["n_known"].sum():
        st.caption("True labels are not known, so nobody can say how many are mislabeled.")


def reviewed_section(run: RunReader, row: DeltaGenerator) -> None:
    """Show what verdicts on random samples say of each criterion."""
    with settings_box(row):
        names = choose_criteria(run)
        budget, flagged = choose_budget(run)
    st.caption(flagged)
    log = cached_review.review_log(run)
    for sentence in log.damage:
        st.warning(plain(sentence), icon=":material/warning:")
    streams = judged_streams(log)
    n_said = int(streams[["n_keep", "n_relabel"]].to_numpy().sum())
    if not n_said:
        st.info(
            "Nobody has judged a sample of this run yet. On the Review page, with random checks "
            "on, every verdict on a random sample adds to what is shown here.",
            icon=":material/info:",
        )
        st.page_link(page_file("review"), label="Review", query_params=query_of("review", run.name))
        return
    shown = streams.rename_axis("Stream").rename(
        columns={
            "n_keep": "keep",
            "n_relabel": "relabel",
            "n_unsure": "unsure or skipped",
            "share_wrong": "wrong, of keep and relabel",
        }
    )
    offer_table(
        shown,
        "verdicts by stream",
        "Verdicts that stand, by what showed the sample. Only the audit's samples were drawn at "
        "random. A ranking shows samples because it suspects them, and a selection because "
        "somebody chose them: their share of wrong labels says nothing about other samples, and "
        "would flatter the criterion that ranked them.",
    )
    found = remaining_errors(run)
    st.markdown(f"**Errors left.** {plain(found.recommendation)}")
    for note in found.notes:
        st.caption(plain(note))
    if not names:
        st.info("No criterion is chosen.", icon=":material/info:")
        return
    scores = score_table(run, names)
    table = audit_estimates(run, scores, budget, log=log)
    offer_table(
        estimates_shown(run, scores, table, budget),
        "estimates from reviewed samples",
        f"Estimates from {int(table['n_judged'].iloc[0]):,} judged samples of the audit, of which "
        f"{int(table['n_wrong'].iloc[0]):,} were wrong; 95 % intervals in brackets. Precision: of "
        f"the {budget:,} flagged, the mislabeled share, from the flagged samples that ranked "
        "review has passed through (all known) and the audit's among the rest (exact interval). "
        "Recall: of the audit's wrong samples, the share that is flagged (Wilson). AUROC: over the "
        "judged samples of the audit. Verdicts count as the truth; unsure and skipped ones are "
        "left out as if they were so by chance. Intervals of several criteria rest on the same "
        "few samples, so that criteria may differ less surely, or more, than they overlap.",
    )
    if table["auroc"].isna().all():
        st.caption("An AUROC takes at least one wrong and one right sample in the audit.")


def estimates_shown(
    run: RunReader, scores: pd.DataFrame, table: pd.DataFrame, budget: int
) -> pd.DataFrame:
    """Return the estimates as they are read, beside the truth where it is known."""
    shown = {
        "Criterion": [title_of(name) for name in table.index],
        "Flagged and judged": [
            f"{n:.0f} of {of:.0f}"
            for n, of in zip(table["n_known"], table["n_flagged"], strict=True)
        ],
    }
    for name, heading in (("precision", "Precision"), ("recall", "Recall"), ("auroc", "AUROC")):
        columns = [table[name], table[f"{name}_low"], table[f"{name}_high"]]
        shown[heading] = [share_with_interval(*row) for row in zip(*columns, strict=True)]
    wrong = run.samples().set_index("sample_id")["is_mislabeled"].loc[scores.index]
    if wrong.notna().all():
        means = [(scores[name], pick_criterion(run, name).higher_means) for name in table.index]
        at = [precision_recall_at_budget(s, wrong, higher, budget) for s, higher in means]
        shown["Precision by true labels"] = [f"{one.precision:.3f}" for one in at]
        shown["AUROC by true labels"] = [f"{auroc(s, wrong, higher):.3f}" for s, higher in means]
    return pd.DataFrame(shown)


def nothing(run: RunReader) -> str:
    """Return why there is nothing to show, in a sentence; here there always is something."""
    return ""


def show(run: RunReader) -> None:
    """Show the tab."""
    if not run.samples()["is_mislabeled"].notna().any():
        show_lesson(lesson(run))
    row = st.container(horizontal=True, vertical_alignment="center")
    with row:
        section = choose_segment("section", "Question", SECTIONS)
    sections = {
        "criteria": agreement_section,
        "samples": samples_section,
        "reviewed": reviewed_section,
    }
    sections[section](run, row)
