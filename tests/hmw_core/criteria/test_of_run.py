"""The criteria of one run: names with another k, and names that a run does not have."""

import pytest

from hmw_core.criteria import CRITERIA
from hmw_core.criteria.of_run import criteria_of, pick_criterion, title_of, with_k
from hmw_core.errors import UsageError


def test_a_form_with_another_k_is_resolved_by_name_but_in_no_menu(tiny_run):
    assert pick_criterion(tiny_run, "iam_k3").title == "IAM, k = 3"
    assert pick_criterion(tiny_run, "hm_weight_scale_10").title == "HM weight, scale 10, k = 1"
    assert not {"iam_k3", "hm_weight_scale_10"} & set(criteria_of(tiny_run))


@pytest.mark.parametrize(
    ("name", "k", "expected"),
    [("iam", 3, "iam_k3"), ("hm_weight", 5, "hm_weight_k5"), ("aum", 3, "aum"), ("iam", 1, "iam")],
)
def test_only_what_has_a_k_gets_one(name, k, expected):
    assert with_k(name, k) == expected


def test_a_run_without_a_methods_columns_has_the_criteria_of_every_log(tiny_run):
    assert criteria_of(tiny_run) == CRITERIA


def test_an_unknown_name_is_refused_with_the_names_of_the_run(tiny_run):
    with pytest.raises(UsageError, match="unknown criterion 'kept'; known: last_loss, mean_loss"):
        pick_criterion(tiny_run, "kept")


def test_titles_where_no_run_is_at_hand():
    assert title_of("iam_k5") == "IAM, k = 5"
    assert title_of("gmm_posterior") == "GMM posterior"
