"""In which order samples come up."""

import numpy as np
import pandas as pd
import pytest

from hmw_core.criteria import CRITERIA, MAIN_CRITERIA
from hmw_core.criteria.kept import score_table
from hmw_core.errors import UsageError
from hmw_core.review.queue import audit_sample, queue


@pytest.mark.parametrize("criterion", MAIN_CRITERIA)
def test_the_most_suspicious_come_first_under_every_criterion(tiny_run, criterion):
    table = queue(tiny_run, criterion)
    assert tuple(table) == ("sample_id", "rank", "score")
    assert set(table["sample_id"][:6]) == set(range(0, 60, 10))  # the mislabeled ones
    assert table["rank"].tolist() == list(range(1, 61))
    is_falling = CRITERIA[criterion].higher_means == "mislabeled"
    assert table["score"].is_monotonic_decreasing or not is_falling
    assert table["score"].is_monotonic_increasing or is_falling
    score = score_table(tiny_run, [criterion])[criterion]
    assert (table.set_index("sample_id")["score"].sort_index() == score).all()


def test_a_class_is_ranked_by_itself(tiny_run):
    table = queue(tiny_run, "iam", given_label=1)
    labels = tiny_run.samples()["given_label"]
    assert sorted(table["sample_id"]) == labels.index[labels == 1].tolist()
    assert table["rank"].tolist() == list(range(1, len(table) + 1))
    whole = queue(tiny_run, "iam")
    assert whole.loc[whole["sample_id"].isin(table["sample_id"]), "sample_id"].tolist() == (
        table["sample_id"].tolist()
    )


def test_a_selection_keeps_its_ranks(tiny_run):
    whole = queue(tiny_run, "aum").set_index("sample_id")
    table = queue(tiny_run, "aum", sample_ids=[30, 4, 17, 4])
    assert table["sample_id"].tolist() == whole.index[whole.index.isin([4, 17, 30])].tolist()
    assert (table.set_index("sample_id")["rank"] == whole["rank"].loc[table["sample_id"]]).all()
    assert queue(tiny_run, "aum", sample_ids=[]).empty


def test_an_earlier_epoch_has_its_own_order(tiny_run):
    early = queue(tiny_run, "last_loss", epoch=1)
    assert (early["score"] != queue(tiny_run, "last_loss")["score"]).any()
    score = score_table(tiny_run, ["last_loss"], epoch=1)["last_loss"]
    assert early["score"].tolist() == score[early["sample_id"]].tolist()


def test_samples_without_a_score_come_last_without_a_rank(tiny_run, monkeypatch):
    score = score_table(tiny_run, ["iam"]).astype(float)
    score.loc[[0, 7, 3]] = np.nan
    monkeypatch.setattr("hmw_core.review.queue.score_table", lambda *_: score)
    table = queue(tiny_run, "iam")
    assert table["sample_id"][57:].tolist() == [0, 3, 7]
    assert table["rank"][57:].isna().all()
    assert table["rank"][:57].tolist() == list(range(1, 58))


def test_equal_scores_go_by_sample_id(tiny_run, monkeypatch):
    score = score_table(tiny_run, ["mean_loss"]) * 0.0
    monkeypatch.setattr("hmw_core.review.queue.score_table", lambda *_: score[::-1])
    assert queue(tiny_run, "mean_loss")["sample_id"].tolist() == list(range(60))


@pytest.mark.parametrize(
    ("about", "why"),
    [
        ({"criterion": "luck"}, "unknown criterion 'luck'; known: last_loss"),
        ({"given_label": 5}, r"classes 0\.\.4, not 5"),
        ({"given_label": -1}, r"classes 0\.\.4, not -1"),
        ({"sample_ids": [3, 60, 61]}, r"no sample 60 \(2 of those chosen\)"),
        ({"sample_ids": [4], "given_label": 1}, r"class 1 has no sample 4"),
    ],
)
def test_what_cannot_be_queued(tiny_run, about, why):
    with pytest.raises(UsageError, match=why):
        queue(tiny_run, **{"criterion": "iam"} | about)


def test_the_audit_is_one_order_for_everybody(tiny_run, unknown_run):
    table = audit_sample(tiny_run)
    assert tuple(table) == ("sample_id", "rank")
    assert sorted(table["sample_id"]) == list(range(60))
    assert table["rank"].tolist() == list(range(1, 61))
    # Pinned: a colleague with another version of NumPy must see the same order.
    assert table["sample_id"][:8].tolist() == [11, 3, 20, 13, 2, 59, 53, 48]
    pd.testing.assert_frame_equal(table, audit_sample(unknown_run))
    assert audit_sample(tiny_run, seed=1)["sample_id"].tolist() != table["sample_id"].tolist()


def test_the_audit_of_a_class_is_the_whole_one_without_the_others(tiny_run):
    labels = tiny_run.samples()["given_label"].to_numpy()
    whole = audit_sample(tiny_run, seed=3)["sample_id"].to_numpy()
    of_class = audit_sample(tiny_run, seed=3, given_label=2)
    assert of_class["sample_id"].tolist() == whole[labels[whole] == 2].tolist()
    assert of_class["rank"].tolist() == list(range(1, len(of_class) + 1))


def test_every_sample_is_as_often_in_the_front_of_the_audit(tiny_run):
    fronts = [audit_sample(tiny_run, seed=s)["sample_id"].to_numpy()[:15] for s in range(400)]
    counts = np.bincount(np.concatenate(fronts), minlength=60)
    # 400 draws of 15 in 60: 100 each, standard deviation 8.7; chi-square of 59 degrees.
    assert ((counts - 100) ** 2 / 75).sum() < 100.0


@pytest.mark.parametrize(
    ("about", "why"), [({"seed": -1}, "0 or above"), ({"given_label": 9}, r"0\.\.4, not 9")]
)
def test_what_cannot_be_audited(tiny_run, about, why):
    with pytest.raises(UsageError, match=why):
        audit_sample(tiny_run, **about)
