"""The bar and the tabs: which run and class are on screen, and which part of a page is made."""

import json

from tests.conftest import write_run
from tests.dashboard.views.steps import in_address, open_page, said


def write_in_turn(folder, *names, **options):
    """Write runs, each created a year after the one before."""
    for year, name in enumerate(names, 2001):
        write_run(folder / name, **options)
        file = folder / name / "run.json"
        created = {"created": f"{year}-01-01T00:00:00+00:00"}
        file.write_text(json.dumps(json.loads(file.read_text()) | created))


def test_without_an_address_the_newest_finished_run_is_shown_and_that_is_said(folder):
    write_in_turn(folder, "older", "newer")
    writer = write_run(folder / "training now", epochs=2, finish=None)
    page = open_page("accuracy")
    assert page.selectbox(key="choice run").value == "newer"
    assert "newest finished run" in said(page)
    writer.finish()
    page.run()  # finished meanwhile: what is on screen stays
    assert page.selectbox(key="choice run").value == "newer"
    page.selectbox(key="choice run").select("older").run()
    assert "newest finished run" not in said(page)
    assert in_address(page, "run") == "older"


def test_where_no_run_has_finished_the_newest_is_shown(folder):
    write_in_turn(folder, "first", "second", finish="stopped")
    page = open_page("accuracy")
    assert page.selectbox(key="choice run").value == "second"
    assert "newest run" in said(page)


def test_an_unknown_run_shows_nothing_of_another_until_one_is_chosen(folder):
    write_run(folder / "tiny")
    page = open_page("logits", run="nope")
    assert "There is no run “nope” here" in said(page)
    assert not page.get("plotly_chart")
    assert not page.tabs
    page.selectbox(key="choice run").select("tiny").run()
    assert page.get("plotly_chart")


def test_only_the_open_tab_is_made(folder):
    write_run(folder / "tiny")
    page = open_page("logits", run="tiny")
    shown = [tab.label for tab in page.tabs if tab.children]
    assert shown == ["Fig. 2 · Logits"]
    assert in_address(page, "tab") == "logits"


def test_an_unknown_tab_is_said_and_the_first_is_shown(folder):
    write_run(folder / "tiny")
    page = open_page("logits", run="tiny", tab="fig-9")
    assert "no tab “fig-9”" in said(page)
    assert in_address(page, "tab") == "curves"
