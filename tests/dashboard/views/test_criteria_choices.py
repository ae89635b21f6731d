"""Pages offer the criteria of their run: its method's own, and another k where outputs give it."""

import pytest

from tests.conftest import write_run
from tests.dashboard.views.steps import open_page, said
from tests.hmw_core.criteria.test_method_criteria import write

PAGES = ("class", "samples", "review", "labels", "threshold", "transition")


@pytest.mark.parametrize("name", PAGES)
def test_a_methods_own_column_ranks_on_every_page_that_ranks(folder, name):
    write(folder / "two")
    page = open_page(name, run="two", criterion="gmm_posterior", **{"class": "1"})
    assert page.selectbox(key="choice criterion").value == "gmm_posterior"
    assert not page.error
    assert not any("there is no" in warning.value for warning in page.warning)


def test_a_methods_own_column_in_duel_detection_and_agreement(folder):
    write(folder / "two")
    page = open_page("duel", run="two", criterion="gmm_posterior", against="kept")
    assert "GMM posterior" in said(page)
    for name in ("detection", "agreement"):
        page = open_page(name, run="two", criteria="gmm_posterior,aum,kept")
        assert page.multiselect[0].value == ["gmm_posterior", "aum", "kept"]
        assert not page.error


def test_the_foreign_runs_column_is_not_there(folder):
    write_run(folder / "tiny")
    page = open_page("class", run="tiny", criterion="gmm_posterior")
    assert "there is no “gmm_posterior” here" in page.warning[0].value


def test_k_is_a_choice_that_the_address_keeps(folder):
    write_run(folder / "tiny")
    page = open_page("class", run="tiny", criterion="iam", k="3")
    k = page.selectbox(key="choice k")
    assert k.options == ["as logged", "3 (from float16 outputs)"]  # five classes are too few for 5
    assert "lowest IAM, k = 3" in said(page)
    k.select("1").run()
    assert "k" not in page.query_params
    assert "lowest IAM. " in said(page)


def test_what_has_no_k_offers_none(folder):
    write_run(folder / "tiny")
    page = open_page("class", run="tiny", criterion="aum")
    assert "choice k" not in [box.key for box in page.selectbox]


def test_an_old_link_to_another_k_still_works(folder):
    write_run(folder / "tiny")
    page = open_page("class", run="tiny", criterion="iam_k3")
    assert page.selectbox(key="choice criterion").value == "iam_k3"
    assert "lowest IAM, k = 3" in said(page)
    page = open_page("detection", run="tiny", criteria="iam_k3,hm_weight_scale_10")
    assert page.multiselect[0].value == ["iam_k3", "hm_weight_scale_10"]
