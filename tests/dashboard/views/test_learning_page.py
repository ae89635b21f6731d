"""The page Learning order: with true labels, without, without any epoch, and its review queue."""

import pytest

from dashboard.figures import FIGURES
from dashboard.figures.dynamics.learning_order import when
from hmw_core import RunWriter
from tests.conftest import write_run
from tests.dashboard.views.steps import HTML_NAMES, in_address, open_page, said


def test_tab_of_a_finished_run(folder):
    write_run(folder / "tiny")
    page = open_page("learning", run="tiny")
    assert not page.error
    assert not page.warning
    assert "Wrong labels are not memorised by epoch 4" in said(page)
    assert "The test accuracy is best at epoch 4 (90.0 %" in said(page)
    onset = page.dataframe[0].value.set_index("Given label")["Onset (epoch)"]
    assert onset["all classes"] == "not by epoch 4"
    page = open_page("learning", run="tiny", learned="last")
    assert "6 of 60 samples were never fitted" in said(page)
    assert "100 % of them are mislabeled (6 of 6 known)" in said(page)


def test_where_to_stop(folder):
    write_run(folder / "tiny")
    rules = open_page("learning", run="tiny", learned="stop").dataframe[0].value.set_index("Rule")
    assert rules.loc["Best test accuracy", "Needs"].endswith("(oracle)")
    assert rules.loc["Best test accuracy", "Epoch"] == "4"
    assert rules.loc["The last epoch", "Below the best (points)"] == "0.0"
    assert rules.loc["Predictions settle (Label Wave)", "Epoch"] == "none found"


@pytest.mark.parametrize("part", ["classes", "medians"])
def test_each_class_by_itself(folder, part):
    write_run(folder / "tiny", class_names=HTML_NAMES)
    page = open_page("learning", run="tiny", learned=part)
    assert not page.error
    assert "Not shown" not in said(page)
    assert ("censored" in said(page)) == (part == "medians")


def test_level_is_kept_in_the_address(folder):
    write_run(folder / "tiny")
    page = open_page("learning", run="tiny", level="0.2")
    assert "above chance by 20 % or more" in said(page)
    page.selectbox(key="choice level").select("0.1").run()
    assert in_address(page, "level") == "0.1"
    assert "there is no “7”" in said(open_page("learning", run="tiny", level="7"))


def test_unknown_true_labels_show_all_samples_together(folder):
    write_run(folder / "real", known=False)
    page = open_page("learning", run="real", learned="stop")
    assert not page.error
    assert "No true label of this run is known" in said(page)
    assert "memorised from" not in said(page)
    assert "are mislabeled" not in said(page)
    rules = page.dataframe[0].value["Rule"].tolist()
    assert rules == ["Best test accuracy", "Predictions settle (Label Wave)", "The last epoch"]


def test_other_states(folder):
    writer = RunWriter.create(folder / "new", given_label=[0, 1, 2], n_classes=3, n_epochs=5)
    assert "No epoch is finished yet" in said(open_page("learning", run="new"))
    writer.finish("stopped", "by the test")
    writer = write_run(folder / "now", epochs=2, finish=None)
    assert not open_page("learning", run="now").error
    writer.finish("stopped", "by the test")
    write_run(folder / "html", class_names=HTML_NAMES)
    assert not open_page("learning", run="html", learned="last", **{"class": "1"}).error


def test_never_fitted_samples_become_a_review_queue(folder, monkeypatch):
    write_run(folder / "tiny")
    page = open_page("learning", run="tiny", learned="last")
    [button] = [b for b in page.button if b.label.startswith("Review")]
    button.click().run()
    kept = page.session_state["review selection"]
    assert kept["sample_ids"] == [0, 10, 20, 30, 40, 50]
    assert kept["what"] == "never fitted up to epoch 4"
    monkeypatch.setenv("HMW_READ_ONLY", "1")
    page = open_page("learning", run="tiny", learned="last")
    [button] = [b for b in page.button if b.label.startswith("Review")]
    assert button.disabled


def test_epochs_in_words():
    assert when(14.0, 13.0, 15.0, 30) == "14 (95 % interval 13 to 15)"
    assert when(14.0, float("nan"), float("inf"), 30) == "14"
    assert when(float("inf"), 20.0, float("inf"), 30) == "not by epoch 30"


@pytest.mark.parametrize("event", ["first", "for good"])
def test_medians_of_each_event(tiny_run, event):
    table = FIGURES["learning_order_medians"].prepare(tiny_run, event=event)
    assert set(table["event"]) == {event}
    assert table["class_name"].iloc[0] == "all classes"
    FIGURES["learning_order_medians"].draw(table)


def test_small_multiples_are_of_some_classes(tiny_run, monkeypatch):
    monkeypatch.setattr("dashboard.figures.dynamics.learning_order_classes.MOST", 2)
    table = FIGURES["learning_order_classes"].prepare(tiny_run, kind="ever")
    assert table["given_label"].nunique() == 2
    assert "chance" not in set(table["line"])
