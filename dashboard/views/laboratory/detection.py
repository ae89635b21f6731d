"""Detection: which criterion finds the mislabeled samples, where true labels are known."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import runs
from dashboard.cached.lessons import lesson
from dashboard.figures.base import CannotShow
from dashboard.figures.selection import absent_criteria
from dashboard.presenters.detection_tables import (
    best_sentence,
    classes_caption,
    classes_table,
    epochs_caption,
    epochs_table,
    measures_caption,
    measures_table,
    pair_sentence,
    pairs_caption,
    pairs_table,
    rules_caption,
    rules_table,
    seeds_caption,
    seeds_table,
)
from dashboard.views.parts.blocks import offer_table, say_absent, show_figure
from dashboard.views.parts.choices import (
    DIRECTION,
    choose,
    choose_epoch,
    choose_k,
    choose_number,
    choose_segment,
    class_name,
    criterion_title,
    plain,
    remember,
    settings_box,
    with_asked,
)
from dashboard.views.parts.lesson import show_lesson
from hmw_core.criteria.compute import without_absent
from hmw_core.criteria.of_run import criteria_of, main_criteria_of, title_of, with_k
from hmw_core.errors import UsageError
from hmw_core.experiments.seeds import same_labels, siblings
from hmw_core.laboratory.contest import MEASURES, N_RESAMPLES, contest_of, seconds_of
from hmw_core.laboratory.contest_tables import SHARE_NOTE
from hmw_core.laboratory.hard import MEAN_RANK, Hard, hard_text
from hmw_core.log.reader import RunReader
from hmw_core.samples.groups import HARD_FRACTION, HARD_NOTE

PARTS = {
    "measures": "How well each does",
    "pairs": "Who beats whom",
    "epochs": "By epoch",
    "classes": "By class",
    "rules": "What is hard",
    "seeds": "Over seeds",
}
BUDGETS = {
    "mislabeled": "as many as mislabeled",
    "count": "a number of samples",
    "share": "a share of the samples (%)",
}
WORTH_ASKING = 3.0  # seconds of resampling that nobody has to wait for unasked
CONTESTS = {"all": "all clean", "hard": "hard clean"}
OWN = "this run"
BY_ALL = "mean rank of the contest's criteria"
ENOUGH = 5  # seeds
MOST_OTHERS = 4  # seeds that say what is hard


def choose_criteria(run: RunReader) -> list[str]:
    """Return the criteria in the contest, `criteria=` in the address where not the main ones."""
    there = with_asked(list(without_absent(criteria_of(run), run)), "criteria")
    default = [name for name in there if name in main_criteria_of(run)]
    key = "choice criteria"
    written = st.session_state.setdefault("address", {}).get("criteria")
    in_address = st.query_params.get("criteria")
    asked = st.session_state.get(key, written.split(",") if written else default)
    if in_address is not None and in_address != written:
        asked = in_address.split(",")
    foreign = [name for name in asked if name not in there]
    if foreign:
        st.warning(f"Criteria: there is no “{plain(foreign[0])}” here, so it is left out.")
    st.session_state[key] = [name for name in asked if name in there] or default
    shown = partial(criterion_title, run)
    value = st.multiselect(
        "Criteria in the contest", there, format_func=shown, key=key, help=DIRECTION
    )
    remember("criteria", None if value == default else ",".join(value))
    k = choose_k(run, value)
    return list(dict.fromkeys(with_k(name, k) for name in value))


def choose_budget(run: RunReader, n_mislabeled: int) -> float | int | None:
    """Return how many samples a review takes, or their share; None for as many as mislabeled."""
    kind = choose(
        "flag", "Budget of a review", list(BUDGETS), shown=BUDGETS.__getitem__, quiet=True
    )
    why = "as many as are mislabeled"
    if kind == "count":
        return int(choose_number("budget", "Samples", n_mislabeled, whole=True, why=why))
    if kind == "share":
        share = round(100 * n_mislabeled / run.n_samples, 1) or 0.1
        return choose_number("budget_share", "Per cent", share, low=0.01, high=100, why=why) / 100
    return None


def choose_hard(run: RunReader, names: Sequence[str]) -> Hard | None:
    """Return which clean samples are in the contest; None for all."""
    kind = choose(
        "contest",
        "Contest",
        list(CONTESTS),
        shown=lambda kind: f"{CONTESTS[kind]} against mislabeled",
        quiet=True,
    )
    if kind == "all":
        return None
    there = with_asked(list(without_absent(criteria_of(run), run)), "hard_by")
    start = there.index("last_loss") if "last_loss" in there else 0
    by = choose(
        "hard_by",
        "Hard is what",
        [*there, MEAN_RANK],
        shown=lambda name: BY_ALL if name == MEAN_RANK else criterion_title(run, name),
        default=start,
        quiet=True,
    )
    source = OWN
    others = [other.name for other in paired_seeds(run)]
    if others and by != MEAN_RANK:
        source = choose("hard_in", "Seen by", [OWN, *others], quiet=True)
    return Hard(by, choose_share(), None if source == OWN else source)


def choose_share() -> float:
    """Return which share of the clean samples is hard."""
    label, usual = "Share of the clean that is hard (%)", 100 * HARD_FRACTION
    return choose_number("hard_share", label, usual, low=0.01, high=100) / 100


def paired_seeds(run: RunReader) -> list[RunReader]:
    """Return the other seeds of this recipe on the same samples and given labels."""
    others = siblings(run, runs.all_runs()[0])
    return [o for o in others if o.name != run.name and o.last_epoch and same_labels(run, o)]


def say_hard(hard: Hard, names: Sequence[str]) -> None:
    """Warn beside every contest of hard samples which criterion its choice disadvantages."""
    if hard.by == MEAN_RANK:
        said = (
            "The mean rank of all criteria in the contest decides what is hard, so the choice is "
            "biased against each of them about alike, and most against families with many "
            "members."
        )
    elif hard.from_run:
        said = (
            f"Run {plain(hard.from_run)}, another seed on the same samples and labels, decides "
            "what is hard. So chance errors of this run's scores cause no bias; samples that every "
            f"training finds hard by {title_of(hard.by)} still do."
        )
    elif hard.by in names:
        said = f"{HARD_NOTE} Here {title_of(hard.by)} chooses, and takes part."
    else:
        said = f"{HARD_NOTE} Here {title_of(hard.by)} chooses, which does not take part."
    st.caption(
        f"**What is hard.** Against all mislabeled samples: {plain(hard_text(hard))}. {said} They "
        "are chosen once, before any resampling. The part “What is hard” asks all rules at once."
    )


def is_drawn(run: RunReader, names: list[str], options: dict[str, Any]) -> bool:
    """Tell whether the resamples are drawn, or may be at once; else offer to draw them."""
    hard = None
    if options.get("hard_by"):
        hard = Hard(options["hard_by"], options["hard_fraction"], options.get("hard_from"))
    n_resamples = options["n_resamples"]
    seconds = seconds_of(run.n_samples, len(names), n_resamples)
    key = f"drawn {run.name} {run.network} {names} {sorted(options.items(), key=str)}"
    if seconds < WORTH_ASKING or st.session_state.get(key):
        return True
    try:
        contest_of(
            run,
            names,
            options.get("epoch"),
            options.get("given_label"),
            hard=hard,
            budget=options.get("budget"),
            n_resamples=n_resamples,
            only_kept=True,
        )
        return True
    except KeyError:
        pass
    st.info(
        f"{n_resamples:,} resamples of {run.n_samples:,} samples for {len(names)} criteria take "
        f"about {math.ceil(seconds)} seconds, and are kept with the run. Until then there are "
        "values without intervals.",
        icon=":material/info:",
    )
    if st.button("Draw the resamples", type="primary"):
        st.session_state[key] = True
        st.rerun()
    return False


def show_measures(run: RunReader, options: dict[str, Any], measure: str, a: str, b: str) -> None:
    """Show every criterion's measures, as figure and table, and say which is best."""
    table = runs.table("detection_pairs", run, measure=measure, **options)
    show_pair(table, a, b)
    if options["n_resamples"]:
        st.markdown(best_sentence(table))
    show_figure("detection_measures", run, **options)
    table = runs.table("detection_measures", run, **options)
    offer_table(
        measures_table(table, run), f"{run.name}-measures", measures_caption(run.name, table)
    )


def show_pair(table: pd.DataFrame, a: str, b: str) -> None:
    """Say in one sentence whether one criterion beats another."""
    rows = table[(table["a"] == a) & (table["b"] == b)]
    if rows.empty or math.isnan(rows["low"].iloc[0]):
        return
    # One colour whoever wins: the page takes no side.
    st.info(pair_sentence(rows.iloc[0]), icon=":material/balance:")


def show_pairs(run: RunReader, options: dict[str, Any], measure: str, a: str, b: str) -> None:
    """Show which criterion beats which, as a sentence, a figure and a table."""
    table = runs.table("detection_pairs", run, measure=measure, **options)
    show_pair(table, a, b)
    show_figure("detection_pairs", run, measure=measure, **options)
    if not options["n_resamples"]:
        return
    st.caption(
        f"**What the share is.** {SHARE_NOTE} **Many comparisons.** This matrix holds "
        f"{table['n_pairs'].iloc[0]} pairs, so that some would look decided by chance. “Together” "
        "intervals (largest standardised difference over all pairs in each resample, Romano and "
        "Wolf) hold for all of them at once with 95 %, and “beats” means that this interval leaves "
        "0 out. Trying other measures, epochs, classes and contests until somebody wins is more "
        "comparisons, which no interval here pays for."
    )
    offer_table(pairs_table(table), f"{run.name}-pairs-{measure}", pairs_caption(run.name, table))


def show_rules(run: RunReader, names: list[str], options: dict[str, Any], measure: str) -> None:
    """Show the contest of hard clean samples under every rule for what is hard."""
    others = [other.name for other in paired_seeds(run)][:MOST_OTHERS]
    figure = st.container()
    fraction = options.get("hard_fraction") or choose_share()
    given: dict[str, Any] = {
        "criteria": names,
        "epoch": options.get("epoch"),
        "hard_fraction": fraction,
        "hard_runs": others,
        "budget": options.get("budget"),
        "measure": measure,
    }
    st.caption(f"**What is hard.** {HARD_NOTE}")
    if not others:
        st.caption(
            "No other seed of this recipe was trained on the same samples and labels, so that no "
            "rule here is from outside this run. One more run with another `--seed` and the same "
            "`--data-seed` gives one."
        )
    with figure:
        show_figure("detection_rules", run, **given)
    try:
        table = runs.table("detection_rules", run, **given)
    except CannotShow:
        return
    offer_table(rules_table(table), f"{run.name}-rules-{measure}", rules_caption(run.name, table))


def show_seeds(run: RunReader, names: list[str], options: dict[str, Any], measure: str) -> None:
    """Show the spread over the seeds of this run's recipe."""
    found = [other for other in siblings(run, runs.all_runs()[0]) if other.last_epoch]
    longest = max(other.last_epoch for other in found)
    whole = [other for other in found if other.last_epoch == longest]
    if len(whole) < 2:
        st.info(
            f"{plain(run.name)} is the only run of its recipe here that reached epoch {longest}, "
            "so there is no spread over seeds. What the resamples say is about samples, not about "
            "other trainings: train the same command with another `--seed`.",
            icon=":material/info:",
        )
        return
    for other in found:
        if other.last_epoch < longest:
            st.caption(f"Left out: {plain(other.name)}, which has {other.last_epoch} epochs only.")
    if len(whole) < ENOUGH:
        st.caption(f"Only {len(whole)} seeds: an interval over so few is wide, and rightly so.")
    if options.get("given_label") is not None:
        st.caption("All classes, whichever is chosen above.")
    taken = ("epoch", "budget", "hard_by", "hard_fraction")
    given: dict[str, Any] = {k: options[k] for k in taken if k in options}
    given |= {"criteria": names, "measure": measure}
    show_figure("detection_seeds", whole, **given)
    try:
        table = runs.table("detection_seeds", whole, **given)
    except CannotShow:
        return
    paired = all(same_labels(whole[0], other) for other in whole[1:])
    offer_table(
        seeds_table(table, run), f"{run.name}-seeds-{measure}", seeds_caption(table, paired=paired)
    )


def nothing(run: RunReader) -> str:
    """Return why there is no contest, in a sentence; empty where there is one."""
    marks = run.samples()["is_mislabeled"]
    n_clean, n_mislabeled = int(marks.eq(False).sum()), int(marks.sum())
    if n_clean and n_mislabeled:
        return ""
    counts = f"{n_clean:,} clean and {n_mislabeled:,} mislabeled samples"
    return (
        f"{run.name} knows {'no true label' if marks.isna().all() else counts}, so nobody can say "
        "which criterion finds the mislabeled ones."
    )


def choose_options(run: RunReader) -> tuple[dict[str, Any], str, str, str, Hard | None]:
    """Return the options of the figures, the measure, the pair A and B, and what is hard."""
    names = choose_criteria(run)
    measure = choose("measure", "Measure", list(MEASURES), shown=MEASURES.__getitem__, quiet=True)
    candidates = names or list(main_criteria_of(run))
    a, b = (
        choose(
            side,
            label,
            candidates,
            shown=title_of,
            default=candidates.index(usual) if usual in candidates else 0,
            quiet=True,
        )
        for side, label, usual in (
            ("a", "Criterion A", "iam"),
            ("b", "Criterion B", "mean_loss"),
        )
    )
    budget = choose_budget(run, int(run.samples()["is_mislabeled"].sum()))
    labels = ["all", *(str(label) for label in range(run.n_classes))]
    label = choose("among", "Given label", labels, shown=partial(class_name, run), quiet=True)
    hard = choose_hard(run, names)
    resamples = choose(
        "resamples", "Resamples", ["200", str(N_RESAMPLES), "5000"], default=1, quiet=True
    )
    options: dict[str, Any] = {
        "criteria": names,
        "epoch": choose_epoch(run),
        "given_label": None if label == "all" else int(label),
        "budget": budget,
        "n_resamples": int(resamples),
    }
    if hard is not None:
        options |= {"hard_by": hard.by, "hard_fraction": hard.fraction, "hard_from": hard.from_run}
    return options, measure, a, b, hard


def show(run: RunReader) -> None:
    """Show the tab."""
    answer = st.container()
    with st.container(horizontal=True, vertical_alignment="center"):
        part = choose_segment("part", "Show", PARTS)
        with settings_box():
            options, measure, a, b, hard = choose_options(run)
    names = options["criteria"]
    with answer:
        show_lesson(lesson(run, options["given_label"]))
    if not names:
        st.info("Choose at least one criterion.", icon=":material/info:")
        return
    if hard is not None:
        say_hard(hard, names)
    try:
        if part in ("measures", "pairs") and not is_drawn(run, names, options):
            options["n_resamples"] = 0
        show_what(run, part, options, measure, a, b)
    except UsageError as reason:
        st.info(f"Not shown: {plain(str(reason))}.", icon=":material/info:")
    say_absent(absent_criteria(run, main_criteria_of(run)))


def show_what(
    run: RunReader, part: str, options: dict[str, Any], measure: str, a: str, b: str
) -> None:
    """Show one of `PARTS`.

    Raises
    ------
    UsageError
        If the run cannot show it.
    """
    unclassed = {k: v for k, v in options.items() if k not in ("given_label", "n_resamples")}
    unclassed["measure"] = measure
    if part == "measures":
        show_measures(run, options, measure, a, b)
    elif part == "pairs":
        show_pairs(run, options, measure, a, b)
    elif part == "epochs":
        unclassed |= {"first": a, "second": b}
        show_figure("detection_epochs", run, **unclassed)
        table = runs.table("detection_epochs", run, **unclassed)
        offer_table(
            epochs_table(table), f"{run.name}-epochs-{measure}", epochs_caption(run.name, table)
        )
    elif part == "classes":
        show_figure("detection_classes", run, **unclassed)
        table = runs.table("detection_classes", run, **unclassed)
        offer_table(
            classes_table(table), f"{run.name}-classes-{measure}", classes_caption(run.name, table)
        )
    elif part == "rules":
        show_rules(run, options["criteria"], options, measure)
    else:
        show_seeds(run, options["criteria"], options, measure)
