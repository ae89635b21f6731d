"""Learning order: when clean and mislabeled samples are fitted, and where to stop."""

import numpy as np
import pandas as pd
import streamlit as st

from dashboard.cached import laboratory as cached_laboratory
from dashboard.drawing.text import percent
from dashboard.figures.dynamics.learning_order import when
from dashboard.figures.dynamics.learning_order_classes import MOST
from dashboard.figures.dynamics.learning_order_stop import noise_rate_of
from dashboard.views.parts.blocks import offer_table, show_figure
from dashboard.views.parts.choices import (
    choose,
    choose_class,
    choose_segment,
    plain,
    settings_box,
)
from dashboard.views.parts.part_pictures import go_to_review, review_button
from hmw_core.errors import UsageError
from hmw_core.laboratory.learning_order import (
    LEVEL,
    MEDIAN_RULE,
    ONSET_RULE,
    PATIENCE,
    SMOOTHED,
    Onset,
    stopping,
)
from hmw_core.log.reader import RunReader

PARTS = {
    "curves": "When wrong labels are memorised",
    "stop": "Where to stop",
    "classes": "Class by class",
    "medians": "Which class first",
    "last": "Fitted last",
}
LEVELS = {"0.02": "2 %", "0.05": "5 %", "0.1": "10 %", "0.2": "20 %"}
EVENTS = {"first": "predicted so once", "for good": "predicted so for good"}
KINDS = {"now": "at the epoch", "ever": "at least once so far"}
SOME = 500  # samples in a review queue


def onset_table(run: RunReader, found: dict[int, Onset]) -> pd.DataFrame:
    """Return the onset of each class, ready to be read; earliest first below all classes."""
    rows = sorted(found.items(), key=lambda item: (item[0] >= 0, item[1].epoch))
    return pd.DataFrame(
        {
            "Given label": [
                "all classes" if label < 0 else run.class_names[label] for label, _ in rows
            ],
            "Onset (epoch)": [
                when(one.epoch, one.low, one.high, run.last_epoch) for _, one in rows
            ],
            "Mislabeled samples": [one.n_mislabeled for _, one in rows],
        }
    )


def stop_table(run: RunReader, table: pd.DataFrame, onset: Onset | None) -> pd.DataFrame:
    """Return the stopping rules, ready to be read."""
    found = stopping(table, run, onset, noise_rate_of(run))
    rows = pd.DataFrame(
        {
            "Rule": found["rule"],
            "Needs": [
                f"{needs} (oracle)" if oracle else needs
                for needs, oracle in zip(found["needs"], found["is_oracle"], strict=True)
            ],
            "Epoch": ["none found" if pd.isna(e) else str(e) for e in found["epoch"]],
            "Test accuracy": [percent(v) for v in found["test_accuracy"]],
            "Below the best (points)": [
                "–" if np.isnan(v) else f"{100 * v:.1f}" for v in found["cost"]
            ],
            "Mislabeled samples fitted": [percent(v) for v in found["mislabeled_fitted"]],
        }
    )
    return rows.loc[:, [not rows[name].eq("–").all() for name in rows]]


def latest(run: RunReader, given_label: int | None) -> None:
    """Offer the samples that were never fitted, or fitted last, for review."""
    ids = run.sample_ids(given_label)
    epochs = cached_laboratory.fitted(run).loc[ids]
    never = epochs[epochs["first_fitted"].isna()].index
    order = epochs["first_memorised"].fillna(run.last_epoch + 1)
    last = order.sort_values(ascending=False, kind="stable").index[:SOME]
    chosen, what = (never, "never fitted") if len(never) else (last, "fitted for good last")
    wrong = run.samples()["is_mislabeled"].loc[chosen].dropna()
    share = ""
    if len(wrong):
        base = run.samples()["is_mislabeled"].loc[ids].dropna()
        share = (
            f" {100 * wrong.mean():.0f} % of them are mislabeled ({int(wrong.sum()):,} of "
            f"{len(wrong):,} known), of all samples here {100 * base.mean():.0f} %."
        )
    of = "" if given_label is None else f" of class {plain(run.class_names[given_label])}"
    st.markdown(
        f"**{len(chosen):,} of {len(ids):,} samples{of} were {what}.** Late or never is "
        f"suspicious, and hard clean samples are late, too.{share}"
    )
    queue = chosen[:SOME].tolist()
    all_of = len(queue) == len(chosen)
    if review_button(
        f"Review these {len(queue):,}" if all_of else f"Review {len(queue):,} of them"
    ):
        go_to_review(run, queue, f"{what} up to epoch {run.last_epoch}")


def nothing(run: RunReader) -> str:
    """Return why nothing is known of when labels were learned, in a sentence; empty where it is."""
    reason = run.absent.get("predicted_label")
    return f"{run.name} does not say when a label was fitted: {reason}." if reason else ""


def say_answer(run: RunReader, table: pd.DataFrame, onset: Onset | None) -> None:
    """Say when memorising sets in, and what stopping at the best epoch would have gained."""
    said = []
    if onset is not None and onset.n_mislabeled:
        at = when(onset.epoch, onset.low, onset.high, run.last_epoch)
        said.append(
            f"**Wrong labels are memorised from epoch {at}.**"
            if np.isfinite(onset.epoch)
            else f"**Wrong labels are not memorised by epoch {run.last_epoch}.**"
        )
    rules = stopping(table, run, onset, noise_rate_of(run)).set_index("rule")
    if "Best test accuracy" in rules.index and pd.notna(rules.loc["Best test accuracy", "epoch"]):
        best, last = rules.loc["Best test accuracy"], rules.loc["The last epoch"]
        said.append(
            f"The test accuracy is best at epoch {best['epoch']} "
            f"({percent(best['test_accuracy'])}, chosen in hindsight), and "
            f"{percent(last['test_accuracy'])} at the last, {run.last_epoch}."
        )
    if said:
        st.markdown(" ".join(said))


def show(run: RunReader) -> None:
    """Show the tab."""
    try:
        with st.spinner("Reading the predictions of every epoch ...", show_time=True):
            table = cached_laboratory.learning_table(run)
    except UsageError as reason:
        st.info(f"Not shown: {plain(str(reason))}.", icon=":material/info:")
        return
    wrong = run.samples()["is_mislabeled"]
    known, n_wrong = int(wrong.notna().sum()), int(wrong.sum())
    answer = st.container()
    row = st.container(horizontal=True, vertical_alignment="center")
    with row:
        part = choose_segment("learned", "Show", PARTS)
    level = LEVEL
    if n_wrong:
        names = list(LEVELS)
        level = float(
            choose(
                "level",
                "Onset: above chance by",
                names,
                shown=LEVELS.__getitem__,
                default=names.index(f"{LEVEL:g}"),
                container=settings_box(row),
                quiet=True,
            )
        )
    found = cached_laboratory.onsets(run, level)
    with answer:
        say_answer(run, table, found.get(-1))
    if part == "curves":
        show_figure("learning_order_curves", run, level=level)
        if n_wrong:
            st.caption(ONSET_RULE)
            offer_table(
                onset_table(run, found),
                f"onset of {run.name}",
                f"When memorising sets in: above chance by {100 * level:g} % or more.",
            )
    elif part == "stop":
        show_stop(run, table, found.get(-1), level)
    elif part == "classes":
        show_classes(run, level)
    elif part == "medians":
        show_medians(run)
    else:
        latest(run, choose_class(run, all_classes=True))
    st.caption(
        "Fitted: the training pass (augmented picture, before the update) predicts the given "
        "label. Of a clean sample that is learning, of a mislabeled one memorising."
    )
    if not known:
        st.info(
            "No true label of this run is known, so clean and mislabeled samples cannot be told "
            "apart, nor the onset found. All samples are shown together: to split them by a "
            "criterion's suspicion would only show what that criterion already says.",
            icon=":material/info:",
        )
    elif not n_wrong:
        st.info(
            "No sample is known to be mislabeled, so nothing is memorised.", icon=":material/info:"
        )
    elif known < run.n_samples:
        st.caption(
            f"The true label of {run.n_samples - known:,} samples is unknown: a line of their own."
        )


def show_stop(run: RunReader, table: pd.DataFrame, onset: Onset | None, level: float) -> None:
    """Show where each rule would have stopped the training."""
    offer_table(
        stop_table(run, table, onset),
        f"stopping rules of {run.name}",
        f"Where each rule would have stopped {run.name}, which was trained to epoch "
        f"{run.last_epoch}. An oracle needs numbers that no training has in time. The best test "
        f"accuracy is the best of {run.last_epoch} noisy numbers, so a little optimistic, and one "
        "run is one draw. Predictions settle: the first epoch whose share of changed predictions "
        f"(mean of {SMOOTHED} epochs) is not undercut in the next {PATIENCE}, after Label Wave "
        "(Yuan et al., 2024); the patience is our choice, and tuned on no run. The learning "
        "rate's schedule continues to the last epoch: a shorter training with its own schedule "
        "would end elsewhere. The log has no accuracy on held-out noisy labels, so that rule is "
        "not here.",
    )
    show_figure("learning_order_stop", run, level=level)


def show_classes(run: RunReader, level: float) -> None:
    """Show what is predicted of each class's samples, epoch by epoch."""
    kind = choose_segment("predicted", "Share predicted", KINDS)
    show_figure("learning_order_classes", run, level=level, kind=kind)
    if run.n_classes > MOST:
        st.caption(f"{MOST} of {run.n_classes} classes: those with the most mislabeled samples.")


def show_medians(run: RunReader) -> None:
    """Show when half of a class's samples are predicted so."""
    event = choose_segment("event", "Median epoch of being", EVENTS)
    show_figure("learning_order_medians", run, event=event)
    st.caption(MEDIAN_RULE)
