"""Detection measures: against scikit-learn, by hand, and in every degenerate case."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from hmw_core.criteria import CRITERIA, MAIN_CRITERIA
from hmw_core.criteria.compute import score_of
from hmw_core.errors import UsageError
from hmw_core.laboratory.detection import detect
from hmw_core.statistics.ranking import auroc, average_precision, precision_recall_at_budget

MEASURES = (auroc, average_precision, precision_recall_at_budget)


def noisy_scores(n: int, decimals: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(n)
    is_mislabeled = rng.random(n) < 0.3
    return np.round(rng.normal(size=n) + is_mislabeled, decimals), is_mislabeled


@pytest.mark.parametrize("n", [10, 500, 5000])
@pytest.mark.parametrize("decimals", [0, 1, 12])
def test_agrees_with_scikit_learn_with_and_without_ties(n, decimals):
    score, wrong = noisy_scores(n, decimals)
    assert auroc(score, wrong, "mislabeled") == pytest.approx(roc_auc_score(wrong, score))
    assert auroc(score, wrong, "clean") == pytest.approx(roc_auc_score(wrong, -score))
    expected = average_precision_score(wrong, score)
    assert average_precision(score, wrong, "mislabeled") == pytest.approx(expected)


def test_direction_is_the_criterions():
    wrong = [False, False, True]
    assert auroc([1.0, 2.0, 3.0], wrong, "mislabeled") == 1.0
    assert auroc([1.0, 2.0, 3.0], wrong, "clean") == 0.0
    with pytest.raises(ValueError, match="higher_means"):
        auroc([1.0, 2.0, 3.0], wrong, "noisy")


def test_all_tied_is_chance():
    wrong = np.array([True, False, False, False])
    assert auroc(np.zeros(4), wrong, "mislabeled") == 0.5
    assert average_precision(np.zeros(4), wrong, "mislabeled") == 0.25
    assert precision_recall_at_budget(np.zeros(4), wrong, "mislabeled", 2) == (0.25, 0.5, 2)


def test_budget_by_hand():
    score, wrong = [9.0, 8.0, 7.0, 6.0, 5.0], [True, False, True, False, False]
    assert precision_recall_at_budget(score, wrong, "mislabeled") == (0.5, 0.5, 2)
    assert precision_recall_at_budget(score, wrong, "mislabeled", 1) == (1.0, 0.5, 1)
    assert precision_recall_at_budget(score, wrong, "mislabeled", 0.6) == (2 / 3, 1.0, 3)
    assert precision_recall_at_budget(score, wrong, "mislabeled", 1.0) == (0.4, 1.0, 5)
    assert precision_recall_at_budget(score, wrong, "mislabeled", 99) == (0.4, 1.0, 5)
    assert precision_recall_at_budget(score, wrong, "mislabeled", 0.0) == (1.0, 0.5, 1)
    assert precision_recall_at_budget(score, wrong, "clean", np.int64(2)) == (0.0, 0.0, 2)


def test_budget_through_equal_scores_is_the_expected_value():
    score, wrong = [3.0, 2.0, 2.0, 2.0, 1.0], [True, True, False, False, False]
    precision, recall, _ = precision_recall_at_budget(score, wrong, "mislabeled", 2)
    assert precision == pytest.approx((1 + 1 / 3) / 2)
    assert recall == pytest.approx((1 + 1 / 3) / 2)


@pytest.mark.parametrize("budget", [-1, 0, -0.1, 1.5, float("nan")])
def test_budget_out_of_range(budget):
    with pytest.raises(UsageError, match="budget"):
        precision_recall_at_budget([1.0, 2.0], [True, False], "mislabeled", budget)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize(
    ("score", "wrong"),
    [
        ([], []),
        ([1.0, 2.0], [True, True]),
        ([1.0, 2.0], [False, False]),
        ([np.nan, np.nan], [True, False]),
        ([np.nan, 1.0, 2.0], [True, False, False]),
        ([1.0, 2.0], [None, None]),
    ],
)
def test_nothing_to_compare_is_nan(measure, score, wrong):
    result = measure(score, np.array(wrong, dtype=object), "mislabeled")
    assert np.isnan(np.atleast_1d(result)[0])


@pytest.mark.parametrize("measure", MEASURES)
def test_unknown_samples_are_left_out(measure):
    score, wrong = noisy_scores(50, 1)
    with_unknown = pd.Series(np.append(score, [np.nan, 5.0]), dtype="Float64")
    marks = pd.array([*wrong.tolist(), True, None], dtype="boolean")
    assert measure(with_unknown, marks, "clean") == measure(score, wrong, "clean")


def test_infinite_scores_rank():
    assert auroc([-np.inf, 0.0, np.inf], [False, False, True], "mislabeled") == 1.0


def test_lengths_must_agree():
    with pytest.raises(ValueError, match="2 scores"):
        auroc([1.0, 2.0], [True], "mislabeled")


def test_detect_every_criterion_separates_the_tiny_run(tiny_run):
    table = detect(tiny_run)
    assert table["criterion"].tolist() == 2 * list(MAIN_CRITERIA)
    every, hard = (table[table["contest"] == contest] for contest in ("all", "hard clean"))
    assert (every["n_clean"] == 54).all()
    assert (every["n_mislabeled"] == 6).all()
    assert (hard["n_clean"] == 6).all()  # a tenth of 54, rounded up
    assert (every["auroc"] == 1.0).all()
    assert (every["precision"] == 1.0).all()
    assert (every["n_flagged"] == 6).all()
    # Six samples that were never missed do not prove that none ever is.
    assert every["auroc_low"].tolist() == pytest.approx([0.025 ** (1 / 6)] * len(MAIN_CRITERIA))
    assert (table["interval"] == "bootstrap").all()


def test_detect_agrees_with_its_measures(tiny_run):
    row = detect(tiny_run, ["mean_loss"], epoch=2, budget=0.5).iloc[0]
    score = score_of(CRITERIA["mean_loss"], tiny_run, 2)
    wrong = tiny_run.samples()["is_mislabeled"]
    assert row["auroc"] == auroc(score, wrong, "mislabeled")
    assert row["average_precision"] == average_precision(score, wrong, "mislabeled")
    expected = precision_recall_at_budget(score, wrong, "mislabeled", 0.5)
    assert (row["precision"], row["recall"], row["n_flagged"]) == expected


def test_detect_of_a_class(tiny_run):
    of_two = detect(tiny_run, ["last_loss", "aum"], given_label=2).query("contest == 'all'")
    assert of_two["n_mislabeled"].tolist() == [0, 0]  # classes 0 -> 1 only
    assert of_two[["auroc", "auroc_low"]].isna().all(axis=None)
    of_one = detect(tiny_run, ["last_loss", "aum"], given_label=1).query("contest == 'all'")
    assert of_one["n_mislabeled"].tolist() == [6, 6]
    assert of_one["difference"].iloc[0] == 0.0  # to the first criterion


def test_detect_is_the_same_every_time(tiny_run):
    options = {"hard_fraction": 0.4, "seed": 3}
    pd.testing.assert_frame_equal(detect(tiny_run, **options), detect(tiny_run, **options))


def test_detect_with_unknown_true_labels(unknown_run):
    table = detect(unknown_run, ["iam", "last_loss"])
    assert len(table) == 4
    assert (table[["n_clean", "n_mislabeled", "n_flagged"]] == 0).all(axis=None)
    assert table[["auroc", "auroc_low", "average_precision", "difference"]].isna().all(axis=None)


def test_detect_names_what_is_unknown(tiny_run):
    with pytest.raises(UsageError, match="unknown criterion 'vibes'; known: last_loss"):
        detect(tiny_run, ["vibes"])
    with pytest.raises(UsageError, match="fraction"):
        detect(tiny_run, ["iam"], hard_fraction=1.5)
