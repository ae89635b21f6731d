"""Every page in a real browser: whole, with pictures, and without a complaint."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import open_page, settle

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CHARTS = {
    "overview": 0,
    "criteria": 2,
    "logits": 2,
    "sphere": 1,
    "clusters": 1,
    "class": 1,
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


def test_run_and_class_are_kept_from_tab_to_tab(page: Page):
    open_page(page, "/criteria?run=weighted&class=2")
    page.get_by_role("tab", name="Fig. 2").click()
    settle(page)
    expect(page.locator(".st-key-chart-logits .js-plotly-plot")).to_be_visible()
    for part in ("/paper?", "tab=logits", "run=weighted", "class=2"):
        assert part in page.url


def test_address_that_leaves_the_folder_is_refused(page: Page):
    open_page(page, "/criteria?run=../../etc")
    expect(page.get_by_text("There is no run “../../etc” here")).to_be_visible()
    expect(page.locator(".js-plotly-plot")).to_have_count(0)


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
    assert waiting.value.suggested_filename.endswith(f"accuracy-plain.{kind.lower()}")
    assert Path(waiting.value.path()).read_bytes().startswith(start)


@pytest.mark.parametrize(
    ("what", "file", "start"),
    [
        ("Make the figures (zip)", "plain-figures.zip", b"PK"),
        ("Make the report (HTML)", "plain-report.html", b"<!doctype html>"),
    ],
)
def test_export_is_made_and_then_offered(page: Page, what, file, start):
    open_page(page, "/export?run=plain")
    page.get_by_role("button", name=what).click()
    expect(page.get_by_role("button", name=f"Download {file}")).to_be_visible(timeout=120_000)
    with page.expect_download() as waiting:
        page.get_by_role("button", name=f"Download {file}").click()
    assert waiting.value.suggested_filename == file
    assert Path(waiting.value.path()).read_bytes().startswith(start)


def test_a_tab_of_paper_is_a_pdf_in_one_click(page: Page):
    open_page(page, "/paper?run=plain&tab=curves&class=2")
    with page.expect_download() as waiting:
        page.get_by_role("button", name="This tab as PDF").click()
    assert waiting.value.suggested_filename == "fig1-curves-b-emu-b-class2-plain.pdf"
    assert Path(waiting.value.path()).read_bytes().startswith(b"%PDF")


def test_paper_shows_the_open_tabs_figure_without_scrolling(page: Page):
    page.set_viewport_size({"width": 1280, "height": 720})
    for tab in ("curves", "logits", "sphere", "clusters", "class", "accuracy"):
        open_page(page, f"/paper?run=plain&tab={tab}")
        top = page.locator(".js-plotly-plot .main-svg").first.bounding_box()
        assert top is not None
        assert top["y"] < 480, tab


def test_no_figure_of_paper_offers_a_second_picture(page: Page):
    open_page(page, "/paper?run=plain&tab=curves")
    page.locator(".js-plotly-plot").first.hover()
    expect(page.locator(".modebar-btn")).to_have_count(0)
