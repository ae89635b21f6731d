"""What `RunWriter.create` says of labels and classes before anything is trained."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from hmw_core import RunReader, RunWriter
from hmw_core.errors import UsageError

GIVEN = [0, 1, 2, 0]


def create(folder, **changes):
    arguments = {"given_label": GIVEN, "n_classes": 3, "n_epochs": 1, **changes}
    RunWriter.create(folder, **arguments).finish()
    return RunReader(folder)


@pytest.mark.parametrize(
    "labels",
    [
        GIVEN,
        np.array(GIVEN, np.uint8),
        torch.tensor(GIVEN),
        pd.Series(GIVEN, index=[3, 2, 1, 0]),
        pd.Series(GIVEN, dtype="Int64"),
        pd.Series(GIVEN).astype("category"),
    ],
)
def test_whole_numbers_of_any_kind_are_labels(labels, tmp_path):
    run = create(tmp_path / "run", given_label=labels, n_classes=np.int64(3), n_epochs=np.int8(1))
    assert run.samples()["given_label"].tolist() == GIVEN


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([0.0, 1.0], r"got float64 of shape \(2,\)"),
        ([True, False], r"got bool of shape \(2,\)"),
        ([[0], [1]], r"got int64 of shape \(2, 1\)"),
        (np.eye(3, dtype=int), r"got int64 of shape \(3, 3\)"),
        (["cat", "dog"], r"got <U3 of shape \(2,\)"),
        (pd.Series(["cat", "dog"]).astype("category"), r"of shape \(2,\)"),
        (pd.Series([0, None], dtype="Int64"), r"got float64 of shape \(2,\)"),
        ([None, 1], r"got object of shape \(2,\)"),
        ([[0], [1, 2]], "whole numbers, one a sample"),
        (np.ma.array([0, 1], mask=[0, 1]), r"got masked int64 of shape \(2,\)"),
        ([], "non-empty"),
        ([0, 3], r"must lie in 0\.\.2, got 0\.\.3"),
        ([1, -100], r"must lie in 0\.\.2, got -100\.\.1"),
    ],
)
def test_other_labels_are_one_sentence_and_leave_no_folder(labels, said, tmp_path):
    with pytest.raises(UsageError, match=said) as caught:
        create(tmp_path / "run", given_label=labels)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_every_negative_true_label_is_unknown(tmp_path):
    run = create(tmp_path / "run", true_label=[0, -1, -100, 1])
    assert run.samples()["true_label"].isna().tolist() == [False, True, True, False]
    assert run.samples()["is_mislabeled"].isna().tolist() == [False, True, True, False]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["crane", "bat", "crane"], "classes 0 and 2 are both called 'crane'"),
        (["crane", "crane ", "bat"], "classes 0 and 1 are both called 'crane'"),
        (["red  fox", "bat", "red fox"], "classes 0 and 2 are both called 'red fox'"),
        (["caf\u00e9", "cafe\u0301", "bat"], "classes 0 and 1 are both called 'caf\u00e9'"),
        ([1, "1", 2], "classes 0 and 1 are both called '1'"),
        (["", "bat", " \t"], "classes 0 and 2 are both called ''"),
        (["cat", "bat"], "3 classes but 2 class names"),
    ],
)
def test_names_that_no_file_of_labels_can_tell_apart_are_refused(names, said, tmp_path):
    with pytest.raises(UsageError, match=said):
        create(tmp_path / "run", class_names=names)
    assert not (tmp_path / "run").exists()


def test_names_that_differ_are_kept_as_they_are(tmp_path):
    names = ["Crane", "crane", " cat "]
    assert create(tmp_path / "run", class_names=names).class_names == names


@pytest.mark.parametrize(
    ("n_classes", "said"),
    [
        (3, []),
        (4, ["Of the 4 classes, '3' has no sample."]),
        (12, ["Of the 12 classes, 9 ('3', '4', '5', '6', '7', '8', ...) have no sample."]),
    ],
)
def test_a_class_without_a_sample_is_said(n_classes, said, tmp_path):
    run = create(tmp_path / "run", n_classes=n_classes)
    assert [warning.text for warning in run.warnings] == said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"n_classes": 3.0}, "n_classes must be a whole number, got 3.0"),
        ({"n_classes": "3"}, "n_classes must be a whole number, got '3'"),
        ({"n_classes": 1, "given_label": [0]}, "n_classes must be 2 or more, got 1"),
        ({"n_epochs": 0}, "n_epochs must be 1 or more, got 0"),
        ({"n_epochs": None}, "n_epochs must be a whole number, got None"),
    ],
)
def test_counts_are_whole_numbers(changes, said, tmp_path):
    with pytest.raises(UsageError, match=said):
        create(tmp_path / "run", **changes)


def test_counts_of_numpy_are_counts_in_json(tmp_path):
    create(tmp_path / "run", n_classes=np.int64(3), n_epochs=np.int64(2))
    info = json.loads((tmp_path / "run" / "run.json").read_text())
    assert (info["dataset"]["n_classes"], info["n_epochs"]) == (3, 2)
