"""Every page in a real browser: whole, with pictures, and without a complaint."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import open_page, settle

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CHARTS = {
    "overview": 0,
    "criteria": 4,
    "logits": 2,
    "sphere": 1,
    "clusters": 1,
    "class": 3,
    "accuracy": 1,
    "export": 0,
}


@pytest.mark.parametrize("name", CHARTS)
def test_page_draws_its_figures(page: Page, name):
    open_page(page, f"/{name}?run=plain")
    expect(page.locator(".js-plotly-plot")).to_have_count(CHARTS[name])
    of_other_runs = int(name == "overview")
    expect(page.locator("[data-testid=stAlert]")).to_have_count(of_other_runs)


@pytest.mark.parametrize(
    ("name", "run"),
    [("criteria", "real"), ("class", "real"), ("clusters", "real"), ("class", "cut")],
)
def test_page_of_a_run_that_lacks_something(page: Page, name, run):
    open_page(page, f"/{name}?run={run}")


@pytest.mark.parametrize(
    "name",
    [
        "detection",
        "agreement",
        "duel",
        "threshold",
        "timeline",
        "learning",
        "weights",
        "transition",
    ],
)
def test_page_of_the_laboratory_shows_something_and_complains_of_nothing(page: Page, name):
    open_page(page, f"/{name}?run=plain")
    drawn = page.locator(".js-plotly-plot, canvas")
    expect(drawn.first).to_be_visible()
    expect(page.get_by_text("Traceback")).to_have_count(0)


def test_page_of_sweeps_without_any_says_how_to_get_one(page: Page):
    open_page(page, "/sweeps")
    expect(page.get_by_text("python -m training sweep").first).to_be_visible()


def test_bare_address_shows_the_runs(page: Page):
    open_page(page, "/")
    expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_visible()
    expect(page.get_by_alt_text("Samples of plain by last loss and IAM")).to_be_visible()
    expect(page.get_by_text("foreign: no run.json")).to_be_visible()


def test_run_is_kept_from_page_to_page(page: Page):
    open_page(page, "/criteria?run=weighted&class=2")
    page.get_by_role("link", name="Logits").click()
    expect(page.get_by_role("heading", name="Logits", exact=True)).to_be_visible()
    settle(page)
    assert "/logits?" in page.url
    assert "run=weighted" in page.url
    assert "class=2" in page.url


def test_address_that_leaves_the_folder_is_refused(page: Page):
    open_page(page, "/criteria?run=../../etc")
    expect(page.get_by_text("there is no “../../etc” here")).to_be_visible()


def test_class_names_with_html_show_as_they_are(page: Page):
    open_page(page, "/class?run=plain&class=2")
    expect(page.locator("figure[data-sample]").first).to_contain_text("<b>emu</b>")
    expect(page.get_by_text("given <b>emu</b>").first).to_be_visible()


@pytest.mark.parametrize(
    ("kind", "start"),
    [("PDF", b"%PDF"), ("SVG", b"<?xml"), ("PNG", b"\x89PNG"), ("CSV", b'"run","pass"')],
)
def test_download(page: Page, kind, start):
    open_page(page, "/accuracy?run=plain")
    with page.expect_download() as waiting:
        page.get_by_role("button", name=kind, exact=True).click()
    assert waiting.value.suggested_filename.endswith(f"accuracy.{kind.lower()}")
    assert Path(waiting.value.path()).read_bytes().startswith(start)


@pytest.mark.parametrize(
    ("button", "start"), [("Figures (zip)", b"PK"), ("Report (HTML)", b"<!doctype html>")]
)
def test_export(page: Page, button, start):
    open_page(page, "/export?run=plain")
    with page.expect_download() as waiting:
        page.get_by_role("button", name=button).click()
    assert Path(waiting.value.path()).read_bytes().startswith(start)
