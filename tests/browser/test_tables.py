"""From a cell of a table to its runs, and back to the others."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.steps import open_page, settle
from tests.conftest import write_run
from tests.hmw_core.experiments.test_paper_tables import write_table

pytestmark = [pytest.mark.browser, pytest.mark.slow]
CELL = (190, 52)  # px from the table's corner: first row, second column


@pytest.fixture
def table(runs_folder) -> Iterator[Path]:
    """A table beside the runs, with a run of its first cell; other tests have none."""
    folder = runs_folder.parent / "sweeps"
    write_table(folder / "t")
    write_run(folder / "t" / "cell=0-seed=1")
    yield folder / "t"
    shutil.rmtree(folder)


def test_one_click_leads_from_a_cell_to_its_runs(page: Page, table):
    page.set_viewport_size({"width": 1280, "height": 1400})
    open_page(page, "/sweeps?run=plain")
    frame = page.locator("[data-testid=stDataFrame]").first
    frame.scroll_into_view_if_needed()
    place = frame.bounding_box()
    page.mouse.click(place["x"] + CELL[0], place["y"] + CELL[1])
    expect(page.get_by_text("CCE at symmetric 0.5")).to_be_visible()
    settle(page)
    page.locator("[data-testid=stPageLink]").filter(has_text="Inspect").nth(1).click()  # seed 1
    expect(page.get_by_role("button", name="Runs of t")).to_be_visible()
    settle(page)
    assert "of=t" in page.url
    pictures = page.locator("figure[data-sample] img, .card img, [data-sample] img")
    expect(pictures.first).to_be_visible()
    assert pictures.first.evaluate("image => image.complete && image.naturalWidth > 0")
    page.get_by_role("button", name="Runs of t").click()
    settle(page)
    assert "of=t" not in page.url
