"""What Inspect shows of classes and of a page of samples."""

import numpy as np
import pandas as pd

from dashboard.cached.kept import kept_for
from dashboard.cached.samples import LOG, samples_of, scores
from dashboard.presenters.suspects import ClassCounts, count_classes
from hmw_core.log.reader import RunReader
from hmw_core.samples.method_parts import method_labels as labels_of_method
from hmw_core.samples.suggestions import suggested_label


@kept_for(*LOG, "metrics", max_entries=16)
def class_counts(run: RunReader) -> ClassCounts:
    """Return the samples and suspects of each class."""
    return count_classes(samples_of(run, None), run.n_classes)


@kept_for(*LOG, max_entries=64)
def suggestions(run: RunReader, sample_ids: tuple[int, ...], epoch: int | None) -> pd.Series:
    """Return the label suggested for each of these samples, Int64 by `sample_id`, null for none."""
    return suggested_label(run, list(sample_ids), epoch)


method_labels = kept_for(*LOG, "method", max_entries=8)(labels_of_method)


def score_at(run: RunReader, criterion: str, epoch: int) -> np.ndarray:
    """Return a criterion's score up to an epoch, float64 (N,), row = sample_id."""
    found = scores(run, criterion, None if epoch == run.last_epoch else epoch, None)
    return found.reindex(range(run.n_samples)).to_numpy(np.float64)
