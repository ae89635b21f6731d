"""What a method did by epoch: a small log whose shares can be counted by hand."""

import numpy as np
import pytest

from hmw_core import RunReader, RunWriter
from hmw_core.criteria.kept import score_table
from hmw_core.errors import UsageError
from hmw_core.laboratory.method_course import (
    AGREE,
    ALL,
    CLEAN,
    MISLABELED,
    RIGHT,
    course,
    keeps_nothing,
)
from hmw_core.laboratory.stages import StageEpochs, scores_in_stage, stages_of
from hmw_core.log.schema import MethodColumn, MethodMetric

STATE = (
    MethodColumn("kept", "", "true or false", "trained on", dtype="bool", higher_means="clean"),
    MethodColumn("group", "", "", "part", dtype="int32", categories=("kept", "refurbished")),
    MethodColumn("method_label", "class", "0 to 2", "own label", dtype="int32"),
    MethodColumn("doubt", "nat", "0 or more", "doubt", higher_means="mislabeled"),
)
# Given labels are in no order, so that a row of the files is not its sample.
GIVEN = np.array([2, 0, 1, 0, 2, 1])
TRUE = np.array([2, 0, 1, 0, 0, 0])  # the last two are mislabeled
# By epoch; None: the epoch tells nothing of the sample, and the last epoch sees nobody.
KEPT = [[1, 1, 1, 1, 1, 1], [1, 1, 1, None, 0, 1]]
GROUP = [[0, 0, 0, 0, 0, 0], [0, 0, 1, None, 1, 0]]
LABEL = [[2, 0, 1, 0, 2, 1], [2, 1, 1, None, 0, 2]]
DOUBT = [[0, 0, 0, 0, 1, 1], [0, 0, 3, None, 4, 2]]
PREDICTED = {1: [[2, 0, 1, 0, 2, 1]] * 2, 2: [[2, 0, 1, 0, 2, 1], [2, 0, 1, 0, 0, 0]]}


def write(folder, *, true_label=TRUE, networks=2):
    writer = RunWriter.create(
        folder,
        given_label=GIVEN,
        true_label=true_label,
        n_classes=3,
        n_epochs=3,
        networks=networks,
        method_state=STATE,
        method_metrics=(MethodMetric("theta", "fraction", "threshold"),),
    )
    for epoch in (1, 2):
        for network in range(1, networks + 1):
            logits = np.eye(3)[PREDICTED[network][epoch - 1]]
            seen = np.array([v is not None for v in KEPT[epoch - 1]])
            state = {
                column.name: np.array([0 if v is None else v for v in values[epoch - 1]])[seen]
                for column, values in zip(STATE, (KEPT, GROUP, LABEL, DOUBT), strict=True)
            }
            state["kept"] = state["kept"].astype(bool)
            writer.record(np.arange(6), logits=logits, network=network)
            writer.record(np.flatnonzero(seen), state=state, network=network)
        writer.end_epoch(epoch, theta=0.5 * epoch, stage=["warm-up", "clean"][epoch - 1])
    writer.finish()
    return RunReader(folder)


@pytest.fixture(scope="module")
def values(tmp_path_factory):
    table = course(write(tmp_path_factory.mktemp("runs") / "course"))
    return table.set_index(["quantity", "kind", "group", "epoch"])["value"].sort_index()


def test_flags_are_shares_of_the_samples_that_an_epoch_knows(values):
    kept = values["kept", "flag"]
    assert kept[ALL].tolist() == [100, 80]
    assert kept[CLEAN].tolist() == [100, 100]
    assert kept[MISLABELED].tolist() == [100, 50]


def test_groups_and_how_many_in_each_are_mislabeled(values):
    assert values["group", "group", "kept"].tolist() == [100, 60]
    assert values["group", "group", "refurbished"].tolist() == [0, 40]
    assert values["group", "wrong", "kept", 2] == pytest.approx(100 / 3)
    assert values["group", "wrong", "refurbished", 2] == 50
    assert np.isnan(values["group", "wrong", "refurbished", 1])  # nobody was in it


def test_changes_of_labels_and_how_many_are_right(values):
    label = values["method_label", "label"]
    assert label[ALL, 2] == pytest.approx(60)  # samples 1, 4 and 5
    assert label[CLEAN, 2] == pytest.approx(100 / 3)  # sample 1 of 0, 1, 2
    assert label[MISLABELED, 2] == 100
    assert label[RIGHT, 2] == pytest.approx(100 / 3)  # sample 4 alone gets its true label
    assert np.isnan(label[RIGHT, 1])  # there was no change


def test_means_metrics_and_networks(values):
    assert values["doubt", "mean", CLEAN, 2] == 1
    assert values["doubt", "mean", MISLABELED, 2] == 3
    assert (("doubt", "mean", ALL, 2) in values) is False
    assert values["theta", "metric", ""].tolist() == [0.5, 1.0]
    assert values[AGREE, "networks", ALL].tolist() == [100, pytest.approx(400 / 6)]
    assert values[AGREE, "networks", MISLABELED, 2] == 0


def test_stages_are_those_of_the_first_network(tmp_path):
    run = write(tmp_path / "course")
    expected = [StageEpochs("warm-up", 1, 1), StageEpochs("clean", 2, 2)]
    assert stages_of(run) == expected
    assert stages_of(RunReader(run.folder, 2)) == expected
    assert set(course(run).query("epoch == 2")["stage"]) == {"clean"}


def test_criteria_of_one_stage_use_its_epochs_alone(tmp_path):
    run = write(tmp_path / "course")
    alone = {s: scores_in_stage(run, s, ["mean_loss"])["mean_loss"] for s in ("warm-up", "clean")}
    whole = score_table(run, ["mean_loss"])["mean_loss"]
    assert np.allclose((alone["warm-up"] + alone["clean"]) / 2, whole)
    assert scores_in_stage(run, "warm-up", ["kept"])["kept"].tolist() == [1] * 6
    with pytest.raises(UsageError, match="it has warm-up, clean"):
        scores_in_stage(run, "train")


def test_without_true_labels_all_samples_are_one_group(tmp_path):
    table = course(write(tmp_path / "unknown", true_label=None, networks=1))
    assert set(table["group"]) == {ALL, "kept", "refurbished", ""}
    assert "wrong" not in set(table["kind"])
    assert AGREE not in set(table["quantity"])


def test_a_method_that_keeps_nothing(tiny_run):
    assert "keeps nothing" in keeps_nothing(tiny_run)
    assert course(tiny_run).empty
