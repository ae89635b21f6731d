"""The parts and labels of a method: a small log written by hand, with samples that it skips."""

import numpy as np
import pandas as pd
import pytest

from hmw_core import RunReader, RunWriter
from hmw_core.laboratory.label_contest import DIFFER, METHOD, VOTES, WRONG, label_contest
from hmw_core.log.schema import MethodColumn
from hmw_core.samples.method_parts import (
    CHANGED,
    NO_YES,
    has_labels,
    method_labels,
    part_columns,
    parts_of,
)

STATE = (
    MethodColumn("kept", "", "true or false", "trained on", dtype="bool"),
    MethodColumn("group", "", "", "part", dtype="int32", categories=("in", "out")),
    MethodColumn("method_label", "class", "0 to 2", "own label", dtype="int32"),
    MethodColumn("doubt", "nat", "0 or more", "doubt"),
)
GIVEN = np.array([2, 0, 1, 0, 2, 1])
TRUE = np.array([2, 0, 1, 1, 0, -1])  # 3 and 4 are mislabeled, 5 is not known
PREDICTED = np.array([[2, 0, 1, 1, 2, 0], [2, 2, 1, 1, 2, 1]])  # by epoch


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> RunReader:
    """Epoch 1 knows all samples but the last, epoch 2 only samples 0 and 4."""
    writer = RunWriter.create(
        tmp_path_factory.mktemp("runs") / "parts",
        given_label=GIVEN,
        true_label=TRUE,
        n_classes=3,
        n_epochs=2,
        method_state=STATE,
    )
    told = (
        ([0, 1, 2, 3, 4], [1, 1, 0, 0, 1], [0, 1, 0, 1, 1], [2, 0, 1, 0, 1]),
        ([0, 4], [1, 0], [0, 1], [2, 0]),
    )
    for epoch, (ids, kept, group, label) in enumerate(told, start=1):
        writer.record(np.arange(6), logits=np.eye(3)[PREDICTED[epoch - 1]])
        state = {
            "kept": np.array(kept, bool),
            "group": np.array(group),
            "method_label": np.array(label),
            "doubt": np.zeros(len(ids)),
        }
        writer.record(np.array(ids), state=state)
        writer.end_epoch(epoch)
    writer.finish()
    return RunReader(writer.folder)


def test_columns_that_part_the_samples(run, tiny_run):
    assert part_columns(run) == {"kept": NO_YES, "group": ("in", "out"), "method_label": CHANGED}
    assert part_columns(tiny_run) == {}
    assert not has_labels(tiny_run)
    assert method_labels(tiny_run).isna().all()


def test_parts_are_those_of_the_epoch(run):
    assert parts_of(run, "kept", 1).codes.tolist() == [1, 1, 0, 0, 1, -1]
    assert parts_of(run, "kept").codes.tolist() == [1, -1, -1, -1, 0, -1]
    assert parts_of(run, "group", 1).codes.tolist() == [0, 1, 0, 1, 1, -1]
    assert parts_of(run, "method_label", 1).codes.tolist() == [0, 0, 0, 0, 1, -1]


def test_a_label_is_the_last_that_was_told(run):
    assert method_labels(run, 1).tolist() == [2, 0, 1, 0, 1, pd.NA]
    assert method_labels(run).tolist() == [2, 0, 1, 0, 0, pd.NA]


def test_whose_label_is_right(run):
    table = label_contest(run).set_index(["among", "label"])
    # Of 3 and 4, the method has 4 right; the votes have 3 right, and no other class for 4.
    assert table.loc[(WRONG, METHOD), ["n", "right"]].tolist() == [2, 1]
    assert table.loc[(WRONG, VOTES), ["n", "right"]].tolist() == [2, 1]
    # They differ on 1 (the votes tie, and say the later 2), on 3 and on 4.
    assert table.loc[(DIFFER, METHOD), ["n", "right"]].tolist() == [3, 2]
    assert table.loc[(DIFFER, VOTES), ["n", "right"]].tolist() == [3, 1]
    assert 0 < table.loc[(WRONG, METHOD), "low"] < 0.5 < table.loc[(WRONG, METHOD), "high"] < 1


def test_without_true_labels_nobody_is_right(unknown_run):
    assert label_contest(unknown_run).empty
