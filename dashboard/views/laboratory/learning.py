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
from dashboard.views.parts.choices import choose, choose_class, plain
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


def show(run: RunReader) -> None:
    """Show the tab."""
    st.caption(
        "When each class's clean and mislabeled samples are first fitted, when memorising sets "
        "in, and where the training would best have stopped."
    )
    try:
        with st.spinner("Reading the predictions of every epoch ...", show_time=True):
            table = cached_laboratory.learning_table(run)
    except UsageError as reason:
        st.info(f"Not shown: {plain(str(reason))}.", icon=":material/info:")
        st.stop()
    wrong = run.samples()["is_mislabeled"]
    known = int(wrong.notna().sum())
    n_wrong = int(wrong.sum())
    st.caption(
        "Fitted: the training pass (augmented picture, before the update) predicts the given "
        "label. Of "
        "a clean sample that is learning, of a mislabeled one memorising."
    )
    if not known:
        st.info(
            "No true label of this run is known, so clean and mislabeled samples cannot be told "
            "apart, "
            "nor the onset found. All samples are shown together: to split them by a criterion's "
            "suspicion would only show what that criterion already says.",
            icon=":material/info:",
        )
    elif known < run.n_samples:
        st.caption(
            f"The true label of {run.n_samples - known:,} samples is unknown: a line of their own."
        )
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
                quiet=True,
            )
        )
    elif known:
        st.info(
            "No sample is known to be mislabeled, so nothing is memorised.", icon=":material/info:"
        )
    found = cached_laboratory.onsets(run, level)
    show_figure("learning_order_curves", run, level=level)
    if n_wrong:
        st.caption(ONSET_RULE)

    st.subheader("Where to stop", anchor=False)
    offer_table(
        stop_table(run, table, found.get(-1)),
        f"stopping rules of {run.name}",
        f"Where each rule would have stopped {run.name}, which was trained to epoch "
        f"{run.last_epoch}. "
        "An oracle needs numbers that no training has in time. The best test accuracy is the "
        "best of "
        f"{run.last_epoch} noisy numbers, so a little optimistic, and one run is one draw. "
        f"Predictions settle: the first epoch whose share of changed predictions (mean of "
        f"{SMOOTHED} epochs) "
        f"is not undercut in the next {PATIENCE}, after Label Wave (Yuan et al., 2024); the "
        "patience is "
        "our choice, and tuned on no run. The learning rate's schedule continues to the last "
        "epoch: a "
        "shorter training with its own schedule would end elsewhere. The log has no accuracy on "
        "held-out noisy labels, so that rule is not here.",
    )
    show_figure("learning_order_stop", run, level=level)

    kind = st.segmented_control(
        "Share predicted",
        list(KINDS),
        default="now",
        required=True,
        format_func=KINDS.__getitem__,
        key="learning kind",
    )
    show_figure("learning_order_classes", run, level=level, kind=kind)
    if run.n_classes > MOST:
        st.caption(f"{MOST} of {run.n_classes} classes: those with the most mislabeled samples.")
    event = st.segmented_control(
        "Median epoch of being",
        list(EVENTS),
        default="first",
        required=True,
        format_func=EVENTS.__getitem__,
        key="learning event",
    )
    show_figure("learning_order_medians", run, event=event)
    st.caption(MEDIAN_RULE)
    if n_wrong:
        with st.expander("Onset of each class"):
            offer_table(
                onset_table(run, found),
                f"onset of {run.name}",
                f"Above chance by {100 * level:g} % or more. {ONSET_RULE}",
            )

    st.subheader("Fitted last", anchor=False)
    latest(run, choose_class(run, all_classes=True))
