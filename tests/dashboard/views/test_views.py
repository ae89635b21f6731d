"""Every page with a finished, running, empty, damaged and no-true-label run; hostile addresses."""

import os
import subprocess

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from dashboard.jobs import background
from dashboard.jobs.background import Job
from dashboard.runs import all_runs, map_jobs
from dashboard.views.addresses import page_file
from hmw_core import RunReader, RunWriter
from tests.conftest import write_run
from tests.dashboard.views.steps import (
    APP,
    HTML_NAMES,
    gallery_samples,
    in_address,
    open_page,
    said,
    shown_samples,
)

PAGES = ("overview", "criteria", "logits", "sphere", "clusters", "class", "accuracy", "export")
ADDRESSES = [
    *("overview", "train", "compare"),
    *("criteria", "logits", "sphere", "clusters", "class", "accuracy", "export"),
    *("detection", "agreement", "duel", "threshold", "timeline"),
    *("learning", "weights", "transition", "sweeps"),
    *("samples", "sample", "duplicates", "review", "labels", "proof"),
]


def test_the_menu_has_seven_entries_and_every_address_of_old_leads_on(folder, monkeypatch):
    write_run(folder / "tiny")
    menu, navigation = {}, st.navigation

    def noted(groups, **options):
        menu.update((page.url_path, page) for pages in groups.values() for page in pages)
        return navigation(groups, **options)

    monkeypatch.setattr("streamlit.navigation", noted)
    page = AppTest.from_file(str(APP), default_timeout=60).run()
    assert [title.value for title in page.title] == ["Runs"]
    visible = [name for name, entry in menu.items() if entry.visibility == "visible"]
    assert visible == ["", "inspect", "paper", "fix", "detection", "threshold", "timeline"]
    assert {"train", "compare", *ADDRESSES} <= {*menu}


@pytest.mark.parametrize("name", ADDRESSES)
def test_every_tab_opens(folder, name):
    write_run(folder / "tiny")
    assert len(open_page(name, run="tiny").title) == 1


@pytest.mark.parametrize("name", PAGES)
def test_page_of_a_finished_run(folder, name):
    write_run(folder / "tiny")
    page = open_page(name, run="tiny")
    assert not page.error
    assert not page.warning


@pytest.mark.parametrize("name", PAGES)
def test_page_of_a_running_run(folder, name):
    writer = write_run(folder / "now", epochs=2, finish=None)
    assert not open_page(name, run="now").error
    writer.finish("stopped", "by the test")


@pytest.mark.parametrize("name", PAGES)
def test_page_before_the_first_epoch(folder, name):
    writer = RunWriter.create(folder / "new", given_label=[0, 1, 2], n_classes=3, n_epochs=5)
    assert not open_page(name, run="new").error
    writer.finish("stopped", "by the test")


@pytest.mark.parametrize("name", PAGES)
def test_page_without_any_run(folder, name):
    page = open_page(name)
    assert "no run" in said(page)
    assert "python -m training train" in page.code[0].value


@pytest.mark.parametrize("name", PAGES)
def test_page_without_true_labels_pictures_or_cosines(folder, name):
    write_run(folder / "real", known=False, pictures=False, with_cosine=False)
    assert not open_page(name, run="real").error


@pytest.mark.parametrize("name", PAGES)
def test_damaged_run_is_read_as_far_as_it_is_whole(folder, name):
    write_run(folder / "cut")
    file = folder / "cut" / "signals" / "epoch-00003.parquet"
    file.write_bytes(file.read_bytes()[:200])
    page = open_page(name, run="cut")
    assert not page.error
    if name != "overview":
        assert "Read up to epoch 2" in said(page)


@pytest.mark.parametrize("name", PAGES)
def test_names_with_html_stay_names(folder, name):
    write_run(folder / "html", class_names=HTML_NAMES)
    page = open_page(name, run="html")
    for block in page.get("html"):
        assert "<img src=x" not in block.proto.body
        assert "<b>bold" not in block.proto.body


@pytest.mark.parametrize(
    "hostile",
    ["../../etc", "/etc", "..", ".", ".datasets", "tiny/../../secret", "a\x00b", "[x](y)"],
)
def test_run_name_cannot_leave_the_folder(folder, hostile):
    write_run(folder.parent / "secret")
    write_run(folder / "tiny")
    page = open_page("criteria", run=hostile)
    assert page.selectbox[0].value is None  # no other run's figures under this address
    assert page.selectbox[0].options == ["tiny"]
    assert "There is no run" in said(page)
    assert not page.get("plotly_chart")


def test_run_that_cannot_be_read_is_said(folder):
    write_run(folder / "tiny")
    (folder / "broken").mkdir()
    assert "no run.json" in said(open_page("class", run="broken"))


def test_hidden_folders_are_no_runs(folder):
    write_run(folder / "tiny")
    assert (folder / ".datasets").is_dir()
    readable, broken = all_runs()
    assert [run.name for run in readable] == ["tiny"]
    assert broken == {}


def test_address_keeps_what_was_chosen(folder):
    write_run(folder / "one")
    write_run(folder / "two")
    page = open_page("class", run="one", **{"class": "3"}, epoch="2", criterion="aum")
    assert in_address(page, "class") == "3"
    assert in_address(page, "epoch") == "2"
    page.selectbox(key="choice class").select("4").run()
    assert in_address(page, "class") == "4"
    page.query_params["class"] = "1"  # the browser's back button
    page.run()
    assert page.selectbox(key="choice class").value == "1"
    page.selectbox[0].select("two").run()
    assert in_address(page, "run") == "two"
    page.switch_page(page_file("criteria")).run()
    assert page.selectbox[0].value == "two"
    assert in_address(page, "class") == "1"


@pytest.mark.parametrize(
    ("key", "value", "answer"),
    [
        ("class", "77", "Class: there is no “77”"),
        ("epoch", "99", "Epoch: there is no “99”"),
        ("epoch", "-1", "Epoch: there is no “-1”"),
        ("criterion", "magic", "Sort by: there is no “magic”"),
    ],
)
def test_address_that_names_nothing_falls_back_with_a_word(folder, key, value, answer):
    write_run(folder / "tiny")
    page = open_page("class", run="tiny", **{key: value})
    assert answer in said(page)
    assert not page.error


@pytest.mark.parametrize("text", ["3", "3, 17", "9999", "x", "1 2 3 4 5 6 7 8 9", "1" * 400])
def test_samples_by_hand(folder, text):
    write_run(folder / "tiny")
    page = open_page("criteria", run="tiny", sample=text)
    if text in ("3", "3, 17"):
        assert shown_samples(page) == text.split(", ")
    else:
        assert page.info or page.warning


def test_gallery_turns_pages_and_begins_anew_for_another_ranking(folder, monkeypatch):
    monkeypatch.setattr("dashboard.views.inspect.gallery.PAGE", 4)
    write_run(folder / "tiny")
    page = open_page("class", run="tiny", **{"class": "1"})
    first = gallery_samples(page)
    assert int(first[0]) % 10 == 0  # a mislabeled one
    page.pagination[0].set_value(2).run()
    assert len(gallery_samples(page)) == 4
    assert set(gallery_samples(page)).isdisjoint(first)
    page.selectbox(key="choice class").select("2").run()
    assert len(gallery_samples(page)) == 4
    page.selectbox(key="choice criterion").select("aum").run()
    assert page.pagination[0].value == 1


def test_a_map_is_computed_unasked_and_can_be_cancelled(folder, monkeypatch, tmp_path):
    monkeypatch.setattr(background, "WAITED_FOR", 10)
    write_run(folder / "tiny")
    started = []

    def start(run, method):
        started.append((run.name, method))
        return Job(subprocess.Popen(["sleep", "60"]), tmp_path / "log")

    monkeypatch.setattr(background, "start_map", start)
    page = open_page("clusters", run="tiny")
    assert started == [("tiny", "auto")]
    assert "no map" not in said(page)
    page.button(key="cancel map tiny").click().run()
    assert "There is no map" in said(page)
    page.run()
    assert len(started) == 1  # not begun again by itself
    page.button(key="map tiny").click().run()
    assert len(started) == 2
    assert page.button(key="cancel map tiny")
    map_jobs().cancel(RunReader(folder / "tiny"), "auto")


def test_why_a_map_failed_is_said(folder, monkeypatch, tmp_path):
    monkeypatch.setattr(background, "WAITED_FOR", 10)
    write_run(folder / "tiny")
    (tmp_path / "log").write_text("the machine is full")
    failed = subprocess.Popen(["false"])
    failed.wait()
    monkeypatch.setattr(background, "start_map", lambda *_: Job(failed, tmp_path / "log"))
    page = open_page("clusters", run="tiny")
    assert "the machine is full" in said(page)
    assert page.button(key="map tiny")


@pytest.mark.parametrize("setting", [("UNASKED_UP_TO", 20), ("read", "only"), ("status", "runs")])
def test_a_map_is_not_begun_unasked(folder, monkeypatch, setting):
    monkeypatch.setattr(background, "WAITED_FOR", 10)
    monkeypatch.setattr(background, "AT_ONCE", 10)
    monkeypatch.setattr(background, "start_map", None)  # calling it would fail
    name, value = setting
    if name == "UNASKED_UP_TO":
        monkeypatch.setattr(background, name, value)
    if name == "read":
        monkeypatch.setenv("HMW_READ_ONLY", "1")
    writer = write_run(folder / "tiny", finish=None if name == "status" else "finished")
    page = open_page("clusters", run="tiny")
    assert "There is no map" in said(page)
    writer.finish("stopped")


def test_tables_are_read_again_when_the_run_grows(folder):
    writer = write_run(folder / "now", epochs=2, finish=None)
    page = open_page("accuracy", run="now")
    before = os.stat(folder / "now" / "metrics").st_mtime_ns
    writer.finish("stopped", "by the test")
    page.run()
    assert "stopped" in said(page)
    assert os.stat(folder / "now" / "metrics").st_mtime_ns == before
