"""Pictures in both splits: planted copies are found, and a run that keeps no test split says so."""

import numpy as np
import pytest

from hmw_core import RunReader, RunWriter
from hmw_core.errors import UsageError
from hmw_core.log import layout
from hmw_core.pictures.across_splits import across_splits, compare_splits, kept_splits, why_not
from tests.hmw_core.pictures.test_duplicates import as_jpeg, brighter, scenes


def write(folder, train, test=None, test_label=None) -> RunReader:
    labels = np.arange(len(train)) % 4
    writer = RunWriter.create(
        folder,
        given_label=labels,
        n_classes=4,
        n_epochs=1,
        images=train,
        test_images=test,
        test_label=test_label,
    )
    writer.record(np.arange(len(train)), logits=np.eye(4, dtype=np.float32)[labels])
    writer.end_epoch(1)
    writer.finish()
    return RunReader(folder)


def test_planted_copies_are_found_and_nothing_else(tmp_path):
    train, test = scenes(160, seed=1), scenes(40, seed=2)
    planted = {3: (50, train[50]), 7: (51, as_jpeg(train[51])), 9: (53, train[53][:, ::-1])}
    planted[11] = (54, brighter(train[54]))
    for test_id, (_, picture) in planted.items():
        test[test_id] = picture
    label = np.zeros(40, dtype=np.int64)
    label[3], label[7], label[9], label[11] = 2, 3, 0, 2  # given: 50 % 4 = 2, 3, 1, 2
    run = write(tmp_path / "run", train, test, label)
    assert kept_splits(run) is None
    found = across_splits(run, compare_splits(run))
    assert dict(zip(found["test_id"], found["sample_id"], strict=True)) == {
        test_id: sample_id for test_id, (sample_id, _) in planted.items()
    }
    assert found.set_index("test_id")["differs"].to_dict() == {
        3: False,
        7: False,
        9: True,
        11: False,
    }
    assert found["test_id"].iloc[0] == 3  # the equal file comes first
    assert found["same_bytes"].tolist() == [True, False, False, False]
    kept = kept_splits(run)
    assert kept is not None
    assert across_splits(run, kept).equals(found)


def test_a_run_of_before_says_why_nothing_is_known(tmp_path):
    run = write(tmp_path / "run", scenes(20))
    assert "without the pictures of its test split" in (why_not(run) or "")
    assert kept_splits(run) is None
    assert run.test_images().empty
    with pytest.raises(UsageError, match="test split"):
        compare_splits(run)


def test_test_pictures_are_kept_once_a_data_set(tmp_path):
    train, test = scenes(20), scenes(10, seed=3)
    one = write(tmp_path / "one", train, test, [0] * 10)
    two = write(tmp_path / "two", train, test, [0] * 10)
    other = write(tmp_path / "three", train, test, [1] * 10)
    names = [run.info["dataset"]["test_fingerprint"] for run in (one, two, other)]
    assert names[0] == names[1] != names[2]
    folder = layout.images_file(one.folder, one.info["dataset"]["fingerprint"]).parent
    assert len(list(folder.glob("test-*.parquet"))) == 2
    assert one.test_images([3, 99])["label"].fillna(-1).tolist() == [0, -1]
    assert set(other.test_images()["label"]) == {1}


def test_pictures_without_labels_or_of_another_number_are_refused(tmp_path):
    train, test = scenes(20), scenes(10, seed=3)
    with pytest.raises(UsageError, match="go together"):
        write(tmp_path / "a", train, test)
    with pytest.raises(UsageError, match="10 test images but 9 test labels"):
        write(tmp_path / "b", train, test, [0] * 9)


def test_damaged_file_of_test_pictures_is_none(tmp_path):
    run = write(tmp_path / "run", scenes(20), scenes(10, seed=3), [0] * 10)
    name = run.info["dataset"]
    layout.test_images_file(run.folder, name["fingerprint"], name["test_fingerprint"]).write_bytes(
        b"PAR1 and nothing"
    )
    assert run.test_images().empty
    assert across_splits(run, compare_splits(run)).empty
