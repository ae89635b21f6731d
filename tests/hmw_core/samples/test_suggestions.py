"""What the log would have called a sample: votes counted by hand."""

import numpy as np
import pytest

from hmw_core import RunReader, RunWriter
from hmw_core.errors import UsageError
from hmw_core.samples import suggestions
from hmw_core.samples.suggestions import suggest, suggested_label

GIVEN = [0, 1, 2, 3, 0]
# Rows: epochs; -1 where the epoch missed the sample.
PREDICTED = [
    [2, 1, 3, 3, -1],
    [2, 1, 3, 1, -1],
    [0, 1, 1, 1, -1],
    [1, 1, 1, 3, -1],
    [0, 1, 2, 0, -1],
    [0, -1, 2, 0, -1],
]


@pytest.fixture(params=[500, 0], ids=["few", "many"])
def run(tmp_path, request, monkeypatch) -> RunReader:
    monkeypatch.setattr(suggestions, "FEW", request.param)
    with RunWriter.create(
        tmp_path / "run", given_label=GIVEN, n_classes=4, n_epochs=len(PREDICTED)
    ) as writer:
        for epoch, predicted in enumerate(PREDICTED, start=1):
            seen = np.flatnonzero(np.array(predicted) >= 0)
            writer.record(seen, logits=np.eye(4, dtype=np.float32)[np.array(predicted)[seen]])
            writer.end_epoch(epoch)
    return RunReader(tmp_path / "run")


def test_votes_of_all_epochs(run):
    table = suggest(run, [2, 0])
    assert tuple(table) == ("sample_id", "place", "label", "share")
    assert table["sample_id"].tolist() == [2, 2, 2, 0, 0, 0]
    assert table["place"].tolist() == [1, 2, 3, 1, 2, 3]
    # Sample 2: two votes each, the latest first.
    assert table["label"].tolist() == [2, 1, 3, 0, 2, 1]
    assert table["share"].tolist() == pytest.approx([1 / 3] * 3 + [3 / 6, 2 / 6, 1 / 6])


def test_only_the_best_and_only_the_last_epochs(run):
    table = suggest(run, [0, 1, 2, 3], window=3, top=1)
    assert table["label"].tolist() == [0, 1, 2, 0]
    assert table["share"].tolist() == pytest.approx([2 / 3, 1.0, 2 / 3, 2 / 3])  # 1 of 2 epochs
    assert suggest(run, [3], epoch=3, window=2)[["label", "share"]].values.tolist() == [[1, 1.0]]


def test_the_share_is_of_the_epochs_that_saw_the_sample(run):
    assert suggest(run, [1])["share"].tolist() == [1.0]
    assert suggest(run, [4]).empty


def test_the_suggested_label_is_never_the_given_one(run):
    label = suggested_label(run, [3, 0, 1, 2, 4])
    assert label.index.tolist() == [3, 0, 1, 2, 4]
    assert label.index.name == "sample_id"
    assert str(label.dtype) == "Int64"
    # 3: 1 and 0 have two votes, 0 the later ones; 1 was always called 1; no epoch saw 4.
    assert label.fillna(-1).tolist() == [0, 2, -1, 1, -1]
    assert suggested_label(run, [3], epoch=4).tolist() == [1]
    assert suggested_label(run, [0], window=2).isna().all()


def test_a_sample_asked_for_twice_comes_once(run):
    assert suggested_label(run, np.array([3, 3, 2])).index.tolist() == [3, 2]


@pytest.mark.parametrize("ids", [[], np.array([]), range(0)])
def test_no_sample_has_no_suggestion(run, ids):
    assert tuple(suggest(run, ids)) == ("sample_id", "place", "label", "share")
    assert suggest(run, ids).empty
    assert suggested_label(run, ids).empty


def test_before_the_first_epoch_nothing_is_suggested(run):
    assert suggest(run, [0, 1], epoch=0).empty
    assert suggested_label(run, [0, 1], epoch=0).isna().all()


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (lambda run: suggest(run, [5]), r"has the samples 0\.\.4, asked for 5\.\.5"),
        (lambda run: suggested_label(run, [-1, 2]), r"asked for -1\.\.2"),
        (lambda run: suggest(run, [1], top=0), "top must be at least 1, not 0"),
        (lambda run: suggest(run, [1], window=0), "at least 1 epoch, not 0"),
    ],
)
def test_what_cannot_be_asked(run, call, why):
    with pytest.raises(UsageError, match=why):
        call(run)


def test_the_true_label_is_suggested_for_what_is_mislabeled(tiny_run, unknown_run):
    samples = tiny_run.samples()
    wrong = samples["is_mislabeled"].to_numpy(bool)
    label = suggested_label(tiny_run, samples["sample_id"])
    assert (label[wrong] == samples["true_label"][wrong]).all()
    assert suggested_label(unknown_run, samples["sample_id"]).equals(label)
