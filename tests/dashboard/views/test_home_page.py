"""The home page: cards of runs in every state, the table of all, and the ways to a first run."""

import json

import pytest

from dashboard.views.home import overview
from tests.conftest import write_run
from tests.dashboard.views.steps import open_page, said


def cards(page):
    """Return the cards' HTML, in order."""
    blocks = [block.proto.body for block in page.get("html")]
    return [body for body in blocks if "Test accuracy" in body]


def press(page, label):
    next(button for button in page.button if button.label == label).click().run()
    assert not page.exception
    return said(page)


def as_table(page):
    page.toggle(key="as table").set_value(True).run()
    return page.dataframe[0].value


def test_a_card_says_what_the_log_holds(folder):
    write_run(folder / "tiny")
    page = open_page("overview")
    (card,) = cards(page)
    for said_ in ("tiny", "CCE", "60 samples", "90.0 %, best 90.0 %", "10.0 %, measured"):
        assert said_ in card
    assert "IAM 1.000" in card
    assert 'src="data:image/png;base64,' in card
    assert 'alt="Samples of tiny by last loss and IAM"' in card
    assert not page.toggle  # one run needs no table


def test_a_card_leads_to_inspect_judge_and_export(folder):
    write_run(folder / "tiny")
    links = {link.proto.label: link.proto for link in open_page("overview").get("page_link")}
    assert list(links)[1:] == ["Inspect", "Judge", "Export"]
    for label, page, query in (
        ("Inspect", "inspect", "run=tiny"),
        ("Judge", "fix", "run=tiny&tab=review&do=judge"),
        ("Export", "paper", "run=tiny&tab=export"),
    ):
        assert links[label].page == page
        assert links[label].query_string == query


def test_without_true_labels_the_share_is_an_estimate_and_says_its_method(folder):
    write_run(folder / "real", known=False)
    (card,) = cards(open_page("overview"))
    assert "estimated (two Gaussians fitted to IAM)" in card or "not known" in card
    assert "measured" not in card
    assert "AUROC" not in card


def test_a_running_run_has_a_bar_and_moves_until_it_ends(folder):
    writer = write_run(folder / "now", epochs=2, finish=None)
    page = open_page("overview")
    (card,) = cards(page)
    assert "2 of 4 epochs · running" in card
    assert "width:50%" in card
    writer.finish()
    page.run()
    (card,) = cards(page)
    assert "running" not in card


def test_before_the_first_epoch_there_is_no_picture(folder):
    writer = write_run(folder / "new", epochs=0, finish=None)
    (card,) = cards(open_page("overview"))
    assert "no epoch yet" in card
    assert "<img" not in card
    writer.finish("stopped", "by the test")


def test_warnings_and_how_a_run_was_made_are_one_click_away(folder):
    write_run(folder / "gap")
    (folder / "gap" / "signals" / "epoch-00002.parquet").unlink()
    text = press(open_page("overview"), "2 warnings")
    assert "epoch 2" in text
    write_run(folder / "gap2", finish="failed")
    page = open_page("overview")
    press(page, "Why it failed")
    made = json.loads(page.json[0].value)
    assert made["seed"] == 0


def test_folders_that_are_no_runs_are_named_with_the_reason(folder):
    write_run(folder / "tiny")
    (folder / "foreign").mkdir()
    (folder / "foreign" / "notes.txt").write_text("not a run")
    (folder / "a file").write_text("not even a folder")
    write_run(folder / "newer")
    info = json.loads((folder / "newer" / "run.json").read_text())
    (folder / "newer" / "run.json").write_text(json.dumps(info | {"format": 99}))
    page = open_page("overview")
    assert len(cards(page)) == 1
    assert "foreign: no run.json" in said(page)
    assert "newer: run.json has format 99, newer" in said(page)


def test_a_run_with_a_damaged_last_epoch_is_said_and_the_others_are_shown(folder):
    write_run(folder / "cut")
    write_run(folder / "whole")
    file = next((folder / "cut" / "signals").glob("*4.parquet"))
    content = bytearray(file.read_bytes())
    content[20:60] = b"\0" * 40
    file.write_bytes(content)
    page = open_page("overview")
    assert any("whole" in card for card in cards(page))
    assert not page.exception


def test_the_table_has_every_run_and_finds_one(folder, monkeypatch):
    monkeypatch.setattr(overview, "CARDS", 2)
    for name in ("one", "two", "three"):
        write_run(folder / name, recipe="SCE" if name == "two" else "CCE")
    page = open_page("overview")
    assert len(cards(page)) == 2
    table = as_table(page)
    assert set(table["run"]) == {"one", "two", "three"}
    row = table.iloc[0]
    assert row["noise"].startswith("symmetric 10")
    assert row["mislabeled_fraction"] == pytest.approx(10.0)
    assert row["last_test_accuracy"] == pytest.approx(90.0)
    assert row["auroc_iam"] == 1.0
    page.text_input(key="find run").set_value("sce").run()
    assert page.dataframe[0].value["run"].tolist() == ["two"]
    page.text_input(key="find run").set_value("(").run()  # a text, and no pattern
    assert page.dataframe[0].value.empty


def test_names_stay_names(folder):
    write_run(folder / "html", class_names=["<b>b</b>", "b", "c", "d", "e"])
    path = folder / "html" / "run.json"
    info = json.loads(path.read_text())
    info["dataset"]["name"] = "<script>alert(1)</script>"
    path.write_text(json.dumps(info | {"recipe": "<img src=x onerror=alert(1)>"}))
    (card,) = cards(open_page("overview"))
    assert "<img src=x" not in card
    assert "<script" not in card


def test_the_first_time_there_are_three_ways_and_the_demo(folder):
    page = open_page("overview")
    assert "There is no run to show" in said(page)
    titles = [tab.label for tab in page.tabs]
    assert titles == [
        "The demo",
        "A folder of pictures",
        "My own loop",
        "An export of another tool",
    ]
    assert len(page.code) == 4
