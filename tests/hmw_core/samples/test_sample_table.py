"""One row a sample: labels, prediction, verdict, scores and ranks, each against its source."""

import shutil

import numpy as np
import pandas as pd
import pytest

from hmw_core import RunReader, RunWriter
from hmw_core.criteria import CRITERIA, MAIN_CRITERIA
from hmw_core.criteria.kept import score_table
from hmw_core.errors import UsageError
from hmw_core.log import verdicts
from hmw_core.log.verdicts import Verdict
from hmw_core.samples.sample_table import sample_table, suspicion_rank

KNOWN = [
    "given_label",
    "true_label",
    "is_mislabeled",
    "source",
    "predicted_label",
    "verdict",
    "new_label",
]


def test_columns_and_rows(tiny_run):
    table = sample_table(tiny_run)
    ranked = [column for name in MAIN_CRITERIA for column in (name, f"rank_{name}")]
    assert table.columns.tolist()[len(KNOWN) :] == ranked
    assert set(table.columns[: len(KNOWN)]) == set(KNOWN)
    assert table.index.tolist() == list(range(60))
    assert table.index.name == "sample_id"
    samples = tiny_run.samples()
    assert (table["given_label"] == samples["given_label"]).all()
    assert (table["true_label"] == samples["true_label"]).all()
    assert table["verdict"].isna().all()
    assert table["new_label"].isna().all()


@pytest.mark.parametrize("epoch", [None, 2])
def test_scores_and_predictions_are_those_of_the_log(tiny_run, epoch):
    table = sample_table(tiny_run, ["iam", "mean_loss"], epoch)
    assert set(table) == {*KNOWN, "iam", "rank_iam", "mean_loss", "rank_mean_loss"}
    pd.testing.assert_frame_equal(
        table[["iam", "mean_loss"]], score_table(tiny_run, ["iam", "mean_loss"], epoch)
    )
    last = tiny_run.signals(["predicted_label"], epochs=[epoch or 4])
    assert table["predicted_label"].tolist() == last["predicted_label"].tolist()


@pytest.mark.parametrize("criterion", MAIN_CRITERIA)
def test_the_first_ranks_are_the_suspicious_ones(tiny_run, criterion):
    table = sample_table(tiny_run, [criterion])
    ranks = table[f"rank_{criterion}"]
    assert sorted(ranks) == list(range(1, 61))
    assert set(ranks[table["is_mislabeled"].to_numpy(bool)]) == set(range(1, 7))


def test_rank_by_hand():
    score = pd.Series([0.5, np.nan, 2.0, 0.5, -1.0], index=[3, 1, 4, 0, 2])
    losses = suspicion_rank(score, CRITERIA["mean_loss"])  # high is suspicious
    assert losses.sort_index().tolist() == [2, pd.NA, 4, 3, 1]
    margins = suspicion_rank(score, CRITERIA["aum"])  # low is suspicious
    assert margins.sort_index().tolist() == [2, pd.NA, 1, 3, 4]
    assert str(margins.dtype) == "Int64"


@pytest.mark.parametrize("criterion", ["mean_loss", "aum"])
def test_without_any_score_nothing_is_ranked(criterion):
    assert suspicion_rank(pd.Series([np.nan, np.nan]), CRITERIA[criterion]).isna().all()
    assert suspicion_rank(pd.Series([], dtype=float), CRITERIA[criterion]).empty


def test_the_verdict_that_stands_is_shown(tiny_folder, tmp_path):
    shutil.copytree(tiny_folder, tmp_path / "tiny")
    run = RunReader(tmp_path / "tiny")
    said = [Verdict(3, "keep", 3), Verdict(3, "relabel", 3, 1), Verdict(4, "unsure", 4)]
    verdicts.append(run, said)
    table = sample_table(run, [])
    assert table["verdict"].dropna().to_dict() == {3: "relabel", 4: "unsure"}
    assert table["new_label"].dropna().to_dict() == {3: 1}
    assert table.loc[3, "given_label"] == 3
    verdicts.undo(run, [said[1].id])
    assert sample_table(run, []).loc[3, "verdict"] == "keep"


def test_types_are_the_same_with_and_without_verdicts(tiny_folder, tmp_path):
    shutil.copytree(tiny_folder, tmp_path / "tiny")
    run = RunReader(tmp_path / "tiny")
    before = sample_table(run, ["iam"]).dtypes
    verdicts.append(run, [Verdict(3, "relabel", 3, 1)])
    assert sample_table(run, ["iam"]).dtypes.equals(before)
    assert before["predicted_label"] == before["new_label"] == "Int64"


def test_unknown_true_labels_stay_unknown(unknown_run):
    table = sample_table(unknown_run, ["aum"])
    assert table[["true_label", "is_mislabeled"]].isna().all(axis=None)
    assert table["rank_aum"].notna().all()


def test_what_an_epoch_missed_is_null_and_has_no_last_rank(tmp_path):
    with RunWriter.create(
        tmp_path / "run", given_label=[0, 1, 0, 1], n_classes=2, n_epochs=2
    ) as writer:
        writer.record([0, 1, 2], logits=np.array([[2.0, 0], [1, 0], [0, 3]]))
        writer.end_epoch(1)
        writer.record([0, 1], logits=np.array([[2.0, 0], [1, 0]]))
        writer.end_epoch(2)
    table = sample_table(RunReader(tmp_path / "run"), ["last_loss", "mean_loss", "hm_weight"])
    assert table["predicted_label"].tolist() == [0, 0, pd.NA, pd.NA]
    assert table["rank_last_loss"].tolist() == [2, 1, pd.NA, pd.NA]
    assert table["rank_mean_loss"].tolist() == [3, 2, 1, pd.NA]
    assert table[["hm_weight", "rank_hm_weight"]].isna().all(axis=None)  # no cosine was logged


def test_before_the_first_epoch_there_are_only_labels(tmp_path):
    RunWriter.create(tmp_path / "run", given_label=[0, 1, 2], n_classes=3, n_epochs=2).finish()
    table = sample_table(RunReader(tmp_path / "run"), ["iam"])
    assert table["given_label"].tolist() == [0, 1, 2]
    assert table[["predicted_label", "iam", "rank_iam"]].isna().all(axis=None)
    assert table["predicted_label"].dtype == "Int64"


def test_an_unknown_criterion_is_refused(tiny_run):
    with pytest.raises(UsageError, match="unknown criterion 'luck'; known: last_loss"):
        sample_table(tiny_run, ["luck"])
