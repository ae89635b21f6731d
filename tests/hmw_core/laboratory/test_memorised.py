"""When a given label was first fitted and memorised for good: small logs worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from hmw_core import RunReader, RunWriter
from hmw_core.errors import UsageError
from hmw_core.laboratory.memorised import (
    MEANING,
    first_fitted,
    first_memorised,
    fitted,
    fitted_by_epoch,
)

# Predictions of each sample by epoch; the given labels are all 0, and None is a missed epoch.
PREDICTED = [
    [0, 0, 0, 0, 0],  # always fitted
    [1, 0, 1, 0, 0],  # fitted at 2, lost, for good at 4
    [1, 1, 1, 1, 0],  # only at the last
    [0, 0, 0, 0, 1],  # lost at the last
    [1, 1, 1, 1, 1],  # never
    [None, 0, None, 0, None],  # a missed epoch neither begins nor ends a stretch
    [1, 0, None, 1, None],  # the last prediction there is, is wrong
    [None, None, None, None, None],
]
FITTED = [1, 2, 5, 1, None, 2, 2, None]
MEMORISED = [1, 4, 5, None, None, 2, None, None]
MEMORISED_AT_3 = [1, None, None, 1, None, 2, 2, None]
FITTED_AT_3 = [1, 2, None, 1, None, 2, 2, None]


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> RunReader:
    """Two classes of given label in turn, so that the files' order is not that of the ids."""
    predicted = [row for row in PREDICTED for _ in (0, 1)]
    given = np.tile([0, 1], len(PREDICTED))
    writer = RunWriter.create(
        tmp_path_factory.mktemp("runs") / "fitted",
        given_label=given,
        true_label=None,
        n_classes=2,
        n_epochs=5,
    )
    for epoch in range(5):
        seen = np.array([i for i, row in enumerate(predicted) if row[epoch] is not None])
        wrong = np.array([predicted[i][epoch] for i in seen])
        logits = np.eye(2)[np.where(wrong == 0, given[seen], 1 - given[seen])]
        writer.record(seen, logits=logits)
        writer.end_epoch(epoch + 1)
    writer.finish("finished")
    return RunReader(writer.folder)


def expected(values: list[int | None]) -> pd.Series:
    doubled = [value for value in values for _ in (0, 1)]
    index = pd.RangeIndex(len(doubled), name="sample_id")
    return pd.Series(doubled, index=index, dtype="Int64")


def test_by_hand(run):
    pd.testing.assert_series_equal(
        first_fitted(run), expected(FITTED), check_names=False, check_index_type=False
    )
    pd.testing.assert_series_equal(
        first_memorised(run), expected(MEMORISED), check_names=False, check_index_type=False
    )


def test_only_epochs_up_to_the_one_given_count(run):
    table = fitted(run, 3)
    assert table["first_fitted"].tolist() == expected(FITTED_AT_3).tolist()
    assert table["first_memorised"].tolist() == expected(MEMORISED_AT_3).tolist()


def test_one_pass_gives_what_a_pass_for_each_epoch_gives(run):
    for epoch, table in fitted_by_epoch(run, [5, 1, 3]):
        pd.testing.assert_frame_equal(table, fitted(run, epoch), check_index_type=False)
    assert [epoch for epoch, _ in fitted_by_epoch(run, [5, 1, 3, 99])] == [1, 3, 5]


def test_what_is_kept_with_the_run_is_what_was_computed(run):
    first = fitted(run)
    assert list((run.folder / "cache").glob("fitted*"))
    pd.testing.assert_frame_equal(fitted(RunReader(run.folder)), first)


def test_every_column_says_what_it_means(run):
    assert set(fitted(run)) == set(MEANING)


def test_a_log_without_predictions_is_refused_with_the_reason(run, monkeypatch):
    monkeypatch.setattr(RunReader, "absent", {"predicted_label": "the source has only margins"})
    with pytest.raises(UsageError, match="only margins"):
        fitted(run)


def test_a_run_without_epochs_is_refused(tmp_path):
    writer = RunWriter.create(
        tmp_path / "new", given_label=np.array([0, 1]), true_label=None, n_classes=2, n_epochs=5
    )
    with pytest.raises(UsageError, match="none of these epochs"):
        fitted(RunReader(writer.folder))
