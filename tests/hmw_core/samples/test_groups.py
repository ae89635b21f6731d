"""Groups and chosen samples: the stated rules, by hand."""

import numpy as np
import pandas as pd
import pytest

from hmw_core.criteria import CRITERIA, MAIN_CRITERIA
from hmw_core.criteria.compute import score_of
from hmw_core.criteria.kept import score_table
from hmw_core.errors import UsageError
from hmw_core.samples.groups import RULES, choose_samples, groups, split_groups

LOSS = CRITERIA["last_loss"]


def test_score_table_is_the_criteria_side_by_side(tiny_run):
    table = score_table(tiny_run, ["aum", "last_loss"], epoch=2)
    assert table.columns.tolist() == ["aum", "last_loss"]
    for name in table:
        expected = score_of(CRITERIA[name], tiny_run, 2)
        pd.testing.assert_series_equal(table[name], expected, check_names=False)
    assert score_table(tiny_run).columns.tolist() == list(MAIN_CRITERIA)
    with pytest.raises(UsageError, match="unknown criterion"):
        score_table(tiny_run, ["nope"])


def test_groups_of_the_tiny_run(tiny_run):
    group = groups(tiny_run)
    assert group.value_counts().to_dict() == {"clean": 48, "hard": 6, "mislabeled": 6}
    assert (group[group == "mislabeled"].index % 10 == 0).all()
    assert (group[group == "hard"].index % 10 == 5).all()


def test_groups_of_one_class_are_the_hardest_of_that_class(tiny_run):
    group = groups(tiny_run, given_label=1, hard_fraction=0.5)
    samples = tiny_run.samples().loc[group.index]
    assert (samples["given_label"] == 1).all()
    assert (group == "hard").sum() == (~samples["is_mislabeled"]).sum() / 2


def test_groups_of_unknown_samples_are_null(unknown_run):
    group = groups(unknown_run)
    assert len(group) == 60
    assert group.isna().all()


def split(loss, wrong, fraction, criterion=LOSS):
    index = pd.Index(range(len(loss)), name="sample_id")
    marks = pd.Series(pd.array(wrong, dtype="boolean"), index=index)
    result = split_groups(pd.Series(loss, index=index), criterion, marks, fraction)
    return [None if pd.isna(value) else value for value in result]


def test_split_by_hand():
    loss, wrong = [0.1, 0.9, 0.5, 0.9, 2.0, 3.0], [False, False, False, False, True, None]
    assert split(loss, wrong, 0.25) == ["clean", "hard", "clean", "clean", "mislabeled", None]
    assert split(loss, wrong, 0.5)[:4] == ["clean", "hard", "clean", "hard"]
    assert split(loss, wrong, 0.0)[:4] == ["clean"] * 4
    assert split(loss, wrong, 1.0)[:4] == ["hard"] * 4
    # A criterion whose high scores mean clean finds the low ones hard.
    assert split(loss, wrong, 0.25, CRITERIA["iam"])[0] == "hard"


def test_a_sample_without_a_score_is_never_hard():
    assert split([np.nan, 0.1], [False, False], 1.0) == ["clean", "hard"]


@pytest.mark.parametrize("fraction", [-0.1, 1.1, float("nan")])
def test_fraction_out_of_range(fraction):
    with pytest.raises(UsageError, match="fraction"):
        split([1.0], [False], fraction)


def chosen(run, *arguments):
    table = choose_samples(run, *arguments)
    assert table["rule"].tolist() == [RULES[role] for role in table["role"]]
    return dict(zip(table["role"], table["sample_id"], strict=True))


@pytest.mark.parametrize("epoch", [None, 2])
@pytest.mark.parametrize("given_label", [1, None])
def test_chosen_samples_follow_the_rule(tiny_run, given_label, epoch):
    roles = chosen(tiny_run, given_label, epoch)
    loss = score_table(tiny_run, ["mean_loss", "last_loss"], epoch, given_label)
    wrong = tiny_run.samples()["is_mislabeled"].loc[loss.index].astype(bool)
    by_mean = loss[~wrong].sort_values("mean_loss", kind="stable")
    half = by_mean[: (len(by_mean) + 1) // 2].sort_values("last_loss", kind="stable")
    assert roles["easy"] == half.index[(len(half) - 1) // 2]
    assert roles["hard"] == by_mean.index[int(np.ceil(0.95 * len(by_mean))) - 1]
    mislabeled = loss[wrong].sort_values("mean_loss", kind="stable")
    assert roles["mislabeled"] == mislabeled.index[(len(mislabeled) - 1) // 2]


def test_a_class_without_mislabeled_samples_has_no_such_role(tiny_run):
    assert list(chosen(tiny_run, 2)) == ["easy", "hard"]


def test_unknown_true_labels_give_ranks_of_the_loss(unknown_run):
    roles = chosen(unknown_run, 1)
    loss = score_table(unknown_run, ["mean_loss"], given_label=1)["mean_loss"].sort_values()
    assert list(roles) == ["low", "middle", "high"]
    assert loss[roles["low"]] < loss[roles["middle"]] < loss[roles["high"]]
    assert roles["low"] == loss.index[0]


def test_a_class_without_samples_chooses_none(tiny_run):
    assert chosen(tiny_run, 99) == {}
