"""The samples of a run: their arrays, scores, places on the map, curves, features and pairs."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dashboard.cached.kept import kept_for
from dashboard.figures.maps import check_features
from dashboard.figures.paper import sample_curves
from dashboard.figures.selection import chosen_samples
from dashboard.jobs.background import missing_map
from dashboard.presenters.linked import Places, Samples
from hmw_core.criteria.kept import score_table
from hmw_core.feature_space import neighbours
from hmw_core.log.reader import RunReader
from hmw_core.pictures import across_splits, duplicates
from hmw_core.samples import compare, contrast

LOG = ("samples.parquet", "signals", "scores")

chosen = kept_for(max_entries=64)(chosen_samples)
class_bands = kept_for(
    "samples.parquet", "signals", max_entries=64, show_spinner="Reading the class ..."
)(sample_curves.class_bands)
directions = kept_for("features", max_entries=4, show_spinner="Reading the features ...")(
    neighbours.directions
)
kept_pairs = kept_for("features", "duplicates", max_entries=4)(duplicates.kept_pairs)
kept_splits = kept_for("duplicates", max_entries=4)(across_splits.kept_splits)
paired_scores = kept_for(max_entries=8, show_spinner="Reading the logs ...")(compare.paired_scores)
_contrast_columns = kept_for(
    *LOG, "verdicts.jsonl", max_entries=4, show_spinner="Measuring the samples ..."
)(contrast.contrast_columns)


@kept_for(max_entries=64)
def scores(run: RunReader, criterion: str, epoch: int | None, given_label: int | None) -> pd.Series:
    """Return a criterion's score of a class by `sample_id`."""
    return score_table(run, [criterion], epoch, given_label)[criterion]


@kept_for(*LOG, "method", "metrics", max_entries=4, show_spinner="Reading the samples ...")
def samples_of(run: RunReader, epoch: int | None) -> Samples:
    """Return the arrays of a run's samples; verdicts do not renew them."""
    return Samples(run, epoch)


@kept_for(
    *("samples.parquet", "features", "projections"),
    max_entries=4,
    show_spinner="Reading the map ...",
)
def places_of(run: RunReader) -> Places | None:
    """Return where the map has a run's samples, or None if it is not computed yet.

    Raises
    ------
    CannotShow
        If the run has nothing to map.
    """
    check_features(run)
    return None if missing_map(run, "auto") is not None else Places(run)


@kept_for(*LOG, "verdicts.jsonl", max_entries=16, show_spinner="Comparing with the rest ...")
def why_these(
    run: RunReader, sample_ids: np.ndarray, epoch: int | None, because_of: Sequence[str]
) -> pd.DataFrame:
    """Return `contrast.why_these` of a selection.

    Raises
    ------
    UsageError
        If there is nothing to compare.
    """
    return contrast.why_these(_contrast_columns(run, epoch), sample_ids, because_of)
