"""The tab Method: what a method did, of runs that keep something and of one that does not."""

from dashboard.presenters.reviewing import LABEL_METHOD, bulk_verdicts, facts
from hmw_core import RunReader
from tests.conftest import write_run
from tests.dashboard.views.steps import gallery, open_page, said, shown_samples


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


def test_groups_in_pictures_the_suspicious_first(folder):
    write_run(folder / "tiny", method=True)
    page = open_page("method", run="tiny", method_part="groups", column="group")
    assert not page.error
    assert page.dataframe[0].value["Part"].tolist() == ["dropped", "kept"]
    assert page.dataframe[0].value["Mislabeled [95 % interval]"].iloc[0] == "100.0 % [61, 100]"
    assert "6 samples" in said(page)
    assert sorted(map(int, shown_samples(page))) == [0, 10, 20, 30, 40, 50]


def test_labels_and_matrix(folder):
    write_run(folder / "tiny", method=True)
    page = open_page("method", run="tiny", method_part="labels")
    assert "Of the 6 wrong given labels, the method's own label is right for 100.0 %" in said(page)
    page = open_page("method", run="tiny", method_part="matrix")
    assert not page.error
    assert "The method's matrix (estimated) has 80.0 % of a class given another label" in said(page)
    assert "Its condition number is 7." in said(page)


def test_review_and_inspect_show_the_labels_of_the_method(folder):
    write_run(folder / "tiny", method=True)
    page = open_page("samples", run="tiny", colour_by="group")
    assert not page.error
    assert not page.warning
    assert ">method</span> 0" in gallery(page)
    run = RunReader(folder / "tiny")
    known = facts(run, [0, 5], None)
    assert [s for s in known[0]["suggestions"] if s.get("by_method")] == [
        {"label": 0, "share": 1.0, "by_method": True}
    ]
    assert not any(s.get("by_method") for s in known[5]["suggestions"])
    made = bulk_verdicts(
        run, [0, 5], "relabel", LABEL_METHOD, token="0" * 32, time="2026-01-02T03:04:05+00:00",
        reviewer="me",
    )  # fmt: skip
    assert [(v.verdict, v.new_label) for v in made] == [("relabel", 0), ("keep", None)]
