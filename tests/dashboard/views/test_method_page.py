"""The tab Method: what a method did, of runs that keep something and of one that does not."""

from tests.conftest import write_run
from tests.dashboard.views.steps import open_page, said


def test_the_first_tab_of_a_run_whose_method_keeps_something(folder):
    write_run(folder / "tiny", method=True)
    page = open_page("method", run="tiny")
    assert not page.error
    assert not page.warning
    assert "Picked: 90 % at epoch 4 (100 % of the clean, 0 % of the mislabeled)" in said(page)
    assert "Group at epoch 4: kept 90 %, dropped 10 %" in said(page)
    assert "100 % of the changes are right" in said(page)
    assert [tab.label for tab in page.tabs][0] == "Method"


def test_absent_for_a_method_that_keeps_nothing(folder):
    write_run(folder / "tiny")
    page = open_page("method", run="tiny")
    assert "keeps nothing of a sample" in page.warning[0].value
    assert "Method" not in [tab.label for tab in page.tabs]


def test_without_true_labels(folder):
    write_run(folder / "real", known=False, method=True)
    page = open_page("method", run="real")
    assert not page.error
    assert "Picked: 90 % at epoch 4.\n" in said(page)
    assert "of the mislabeled" not in said(page)
