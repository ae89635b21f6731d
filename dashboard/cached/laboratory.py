"""What the criterion laboratory computes of a run."""

from collections.abc import Sequence

import pandas as pd

from dashboard.cached.kept import kept_for
from hmw_core.laboratory import (
    duel,
    label_contest,
    learning_order,
    memorised,
    stability,
    thresholds,
    transition,
    transition_pattern,
)
from hmw_core.laboratory.learning_order import Onset
from hmw_core.log.reader import RunReader

paired_criteria = kept_for(max_entries=8, show_spinner="Reading the log ...")(duel.paired_criteria)
believed_by_suggestions = kept_for(
    max_entries=8, show_spinner="Reading what the training predicted ..."
)(transition.believed_by_suggestions)
believed_confidently = kept_for(
    max_entries=8, show_spinner="Reading the logits of every epoch ..."
)(transition.believed_confidently)
noise_by_sample = kept_for(
    "samples.parquet", max_entries=8, show_spinner="Looking at the pictures ..."
)(transition_pattern.noise_by_sample)
fitted = kept_for(
    *("samples.parquet", "signals"),
    max_entries=4,
    show_spinner="Reading when labels were fitted ...",
)(memorised.fitted)
threshold_table = kept_for(max_entries=32, show_spinner="Fitting the rules ...")(
    thresholds.threshold_table
)
two_modes = kept_for(max_entries=64, show_spinner="Looking for two modes ...")(thresholds.two_modes)
combined_flags = kept_for(max_entries=8, show_spinner="Reading both runs ...")(thresholds.combine)
label_table = kept_for(max_entries=8, show_spinner="Comparing the labels ...")(
    label_contest.label_contest
)
learning_table = kept_for(max_entries=4)(learning_order.learning_table)


@kept_for(max_entries=16)
def onsets(run: RunReader, level: float) -> dict[int, Onset]:
    """Return `learning_order.onsets` of the run."""
    return learning_order.onsets(learning_table(run), run, level)


@kept_for(max_entries=8, show_spinner="Reading the log ...")
def steadiness(
    chosen: Sequence[RunReader], criterion: str, budget: int, n_epochs: int
) -> pd.DataFrame:
    """Return `stability.steadiness` at one run's late epochs or over several runs.

    Raises
    ------
    UsageError
        If the runs' samples cannot be paired.
    """
    return stability.steadiness(stability.rankings(chosen, criterion, n_epochs), budget)
