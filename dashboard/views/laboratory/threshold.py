"""Threshold: where each rule sets it on a criterion's score, what the rule believes, its band."""

import math

import numpy as np
import pandas as pd
import streamlit as st

from dashboard import runs
from dashboard.cached import laboratory as cached_laboratory
from dashboard.drawing.text import four_digits
from dashboard.presenters.thresholds import (
    caption,
    cells,
    flag_sentence,
    is_off,
    modes_sentence,
    with_interval,
    without_truth,
)
from dashboard.views.addresses import link_to
from dashboard.views.parts.blocks import offer_table, show_figure
from dashboard.views.parts.choices import (
    choose,
    choose_criterion,
    choose_epoch,
    choose_k,
    choose_number,
    plain,
    settings_box,
)
from dashboard.views.parts.part_pictures import offer_review, show_part
from hmw_core.criteria.compute import why_absent
from hmw_core.criteria.of_run import pick_criterion, title_of, with_k
from hmw_core.errors import UsageError
from hmw_core.experiments.seeds import siblings
from hmw_core.laboratory.thresholds import (
    RULES,
    has_threshold_samples,
    is_flagged,
    judged,
    partners,
    score_of,
    usable_rules,
)
from hmw_core.log.reader import RunReader
from hmw_core.statistics.ranking import suspicion

MOST_SEEDS = 5
QUICK = 3_000_000  # samples x epochs; a band over more is not computed unasked
AT_THE_CUT = 24  # pictures
WAYS = {
    "is_flagged": "flagged here, or there where this run has no score",
    "in_every": "flagged in every run that has a score",
}


def nothing(run: RunReader) -> str:
    """Return why there is nothing to show, in a sentence; here there always is something."""
    return ""


def show(run: RunReader) -> None:
    """Show the tab."""
    answer = st.container()
    row = st.container(horizontal=True, vertical_alignment="bottom")
    with row:
        criterion = choose_criterion(run, "Criterion", other_k=False)
        rules = list(usable_rules(run, criterion))
        rule = choose("rule", "Rule", rules, shown=lambda r: RULES[r].title)
    others = [r for r in siblings(run, runs.all_runs()[0]) if r.name != run.name and r.last_epoch]
    others = others[: MOST_SEEDS - 1]
    with settings_box(row):
        criterion = with_k(criterion, choose_k(run, [criterion]))
        level = choose_number(
            "level",
            "Posterior at the threshold",
            0.5,
            low=0.01,
            high=0.99,
            off=rule in ("valley", "threshold_samples"),
        )
        epoch = choose_epoch(run)
        with_truth = run.has_true_label and st.toggle(
            "Use the true labels",
            value=True,
            key="cut groups",
            help="Turn it off to judge the thresholds as one would without them.",
        )
        n_read = (epoch or run.last_epoch) * run.n_samples * (1 + len(others))
        with_band = st.toggle(
            "Show how the threshold moves",
            value=n_read <= QUICK,
            key="cut band",
            help=f"Over epochs, and over seeds where there are runs of them: {n_read / 1e6:,.1f} "
            f"million scores to read, about {max(1, round(n_read / 3e6))} s the first time.",
        )
    picked = pick_criterion(run, criterion)
    reason = why_absent(run, picked)
    if reason:
        st.info(f"This run has no such score: {plain(reason)}.", icon=":material/info:")
        return
    try:
        table = cached_laboratory.threshold_table(run, criterion, epoch, level)
        modes = cached_laboratory.two_modes(run, criterion, epoch)
    except UsageError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    table = table if with_truth else without_truth(table)
    warn, text = modes_sentence(modes, picked)
    with answer:
        if not math.isnan(table.loc[rule, "cut"]):
            st.markdown(flag_sentence(rule, table.loc[rule], picked))
        (st.warning if warn else st.success)(
            text, icon=":material/warning:" if warn else ":material/check_circle:"
        )
    show_figure(
        "threshold",
        [run, *others],
        criterion=criterion,
        rule=rule,
        epoch=epoch,
        level=level,
        groups=with_truth,
        with_band=with_band,
    )
    of_rule = RULES[rule]
    seeds = (
        f"Seeds: {len(others)} more run{'s' if len(others) > 1 else ''} of this recipe."
        if others
        else "There is no run of this recipe with another seed, so nothing is known about seeds."
    )
    st.caption(
        f"**{of_rule.title}** {of_rule.does}. {of_rule.believes}. :gray[{of_rule.source}.] The "
        "band goes from the lowest to the highest threshold at five epochs of the last quarter up "
        f"to the chosen one, or of several seeds at the chosen epoch. {seeds}"
    )
    chosen(run, criterion, rule, table.loc[rule], epoch, warned=warn)
    st.subheader("Every rule on this score", anchor=False)
    n_without = int(score_of(run, criterion, rule, epoch).isna().sum())
    is_known = not table["recall"].isna().all()
    offer_table(
        cells(table, picked),
        f"cuts-{run.name}-{criterion}",
        f"{title_of(criterion)} of {run.name}, epochs 1 to {epoch or run.last_epoch}. "
        + caption(picked, level, n_without, is_known),
    )
    threshold_samples(run, criterion, epoch, with_truth)


def chosen(
    run: RunReader, criterion: str, rule: str, row: pd.Series, epoch: int | None, *, warned: bool
) -> None:
    """Say what the chosen rule flags, and link to its samples and labels."""
    st.subheader("What it flags", anchor=False)
    if math.isnan(row["cut"]):
        st.info(
            f"{RULES[rule].title} finds no threshold here: {row['why']}.", icon=":material/info:"
        )
        return
    picked = pick_criterion(run, criterion)
    if is_off(row):
        told = (
            "as the missing second mode made likely"
            if warned
            else "and without true labels nothing on this page would have told"
        )
        st.warning(
            f"What the rule believes lies outside the interval of what is true, {told}.",
            icon=":material/psychology_alt:",
        )
    n_flagged = int(row["n_flagged"])
    if not n_flagged:
        st.info("Nothing lies on the suspicious side of the threshold.", icon=":material/info:")
        return
    score = score_of(run, criterion, rule, epoch)
    turned = pd.Series(suspicion(score, picked.higher_means), index=score.index)
    flagged = is_flagged(score, row["cut"], picked).fillna(False)
    ids = turned[flagged.astype(bool)].sort_values(ascending=False, kind="stable").index.to_numpy()
    what = f"flagged by {RULES[rule].title} on {title_of(criterion)}, {n_flagged:,} samples"
    if rule == "threshold_samples":
        st.caption(
            "This rule cuts the AUM of the training, whose margins count the extra class as well; "
            "the criterion AUM of the log knows the real classes only and may order a few samples "
            "differently."
        )
    else:
        at = "" if epoch is None else f"&epoch={epoch}"
        link = f"{link_to('labels', run)}&criterion={criterion}&flag={n_flagged}{at}"
        st.markdown(
            f":material/label: [Put these {n_flagged:,} flags on the Labels page]({link}), to take "
            "away or to train without them."
        )
    offer_review(run, ids, what)
    unit = picked.unit
    with st.expander("The flagged samples"):
        show_part(
            run,
            ids.tolist(),
            lambda i: f"{four_digits(score[i])} {unit}",
            order="Most suspicious first.",
            epoch=epoch,
            key="flagged",
        )
    near = (turned - suspicion([row["cut"]], picked.higher_means)[0]).abs()
    at_cut = near[np.isfinite(near)].sort_values(kind="stable").index[:AT_THE_CUT].to_numpy()
    order = turned[at_cut].sort_values(ascending=False, kind="stable").index.to_numpy()
    with st.expander(f"The {len(order)} samples nearest to the threshold"):
        show_part(
            run,
            order.tolist(),
            lambda i: f"{'flagged' if flagged[i] else 'kept'}, {four_digits(score[i])} {unit}",
            order="Most suspicious first; the threshold runs through the middle of them.",
            epoch=epoch,
            key="at the threshold",
        )


def threshold_samples(run: RunReader, criterion: str, epoch: int | None, with_truth: bool) -> None:
    """Say what threshold samples are, or let two runs judge each other's."""
    if criterion != "aum":
        return
    st.subheader("AUM's threshold samples", anchor=False)
    about = run.info.get("threshold_samples")
    if not has_threshold_samples(run) or about is None:
        st.caption(
            "This run was trained without. With them, a share of the training samples goes into a "
            "class of its own; how the network fits labels that no picture supports is then seen "
            "on them, and the 99th percentile of their AUM is the threshold (Pleiss et al., 2020). "
            "A run has them with"
        )
        st.code("python -m training train ... --threshold-samples auto", language="bash")
        return
    seed = "" if about["seed"] is None else f", seed {about['seed']}"
    st.caption(
        f"{about['n']:,} samples ({100 * about['share']:.1f} %{seed}) were trained "
        "on in a class of their own: they have no score in this run, and are not flagged. A second "
        "run with others judges them."
    )
    found = partners(run, runs.all_runs()[0])
    if not found and about["seed"] is None:  # imported: the other program has the seed
        return
    if not found:
        st.info(
            "There is no second run on the same samples and labels with other threshold samples. "
            "Train one as this one was, with another seed of the threshold samples:",
            icon=":material/info:",
        )
        st.code(
            "python -m training train ... --threshold-samples auto "
            f"--threshold-seed {about['seed'] + 1}",
            language="bash",
        )
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = choose("partner", "Second run", [other.name for other in found])
        way = st.segmented_control(
            "A sample is flagged if it is",
            list(WAYS),
            format_func=WAYS.__getitem__,
            default="is_flagged",
            required=True,
            key="way of combining",
        )
    other = next(r for r in found if r.name == name)
    try:
        table = cached_laboratory.combined_flags(run, other, epoch)
    except UsageError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    flags = table[way]
    real = judged(flags, run.samples()["is_mislabeled"])
    n_flagged, n_judged = int(flags.sum()), int(flags.notna().sum())
    said = [f"**Both runs together flag {n_flagged:,} of {n_judged:,} samples.**"]
    neither = len(flags) - n_judged
    if neither:
        said.append(f"{neither:,} are threshold samples of both, and judged by neither.")
    if with_truth and not math.isnan(real.precision):
        row = pd.Series(real._asdict())
        said.append(
            f"By the true labels {with_interval(row, 'precision')} of them are mislabeled, and "
            f"they are {with_interval(row, 'recall')} of all that are."
        )
    st.markdown(" ".join(said))
    if n_flagged:
        ids = np.flatnonzero(flags.fillna(False).to_numpy(dtype=bool))
        score = score_of(run, "aum", "threshold_samples", epoch)
        filled = score.fillna(score_of(other, "aum", "threshold_samples", epoch_of(other, epoch)))
        order = filled.loc[ids].sort_values(kind="stable").index.to_numpy()
        if st.toggle("Pictures and review of these", key="combined review"):
            offer_review(run, order, f"flagged by the threshold samples of two runs, {len(ids):,}")
            show_part(
                run,
                order.tolist(),
                lambda i: f"AUM {four_digits(filled[i])}",
                order="Lowest AUM first.",
                epoch=epoch,
                key="combined",
            )


def epoch_of(run: RunReader, epoch: int | None) -> int | None:
    """Return the epoch as far as a run has it."""
    return None if epoch is None else min(epoch, run.last_epoch)
