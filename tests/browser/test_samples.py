"""The samples page in a real browser: map, gallery, table and address follow one another."""

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from dashboard.drawing.outlines import Outline, as_text, from_text
from hmw_core.feature_space.projection import project
from hmw_core.log.reader import RunReader
from tests.browser.steps import lasso, open_page, settle, shown_samples
from tests.browser.test_lasso import inside

pytestmark = [pytest.mark.browser, pytest.mark.slow]

expect.set_options(timeout=20_000)
CHART = ".st-key-chart-samples .js-plotly-plot"
ROWS = "[data-testid=stDataFrame] [role=row]"
PICKED = """(chart) => (chart.data.find((trace) => trace.name === 'picked')?.text ?? [])
  .map((said) => Number(said.match(/sample (\\d+)/)[1]))"""


@pytest.fixture
def places(runs_folder) -> tuple[np.ndarray, np.ndarray]:
    """The ids of the run's samples, and where the map has them."""
    table = project(RunReader(runs_folder / "plain"), skip_undefined=True)
    table = table[table["kind"] == "sample"]
    return table["sample_id"].to_numpy(int), table[["x", "y"]].to_numpy(float)


def around_some(points: np.ndarray) -> np.ndarray:
    """Return twelve corners around a sixth of the points, as far from any as can be."""
    middle = np.median(points, axis=0)
    middle = points[np.linalg.norm(points - middle, axis=1).argmin()]
    turn = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    ring = np.column_stack([np.cos(turn), np.sin(turn)])
    # How far out a point lies in the shape of the ring: 1 is on its edge.
    arms = points - middle
    normals = np.column_stack([np.cos(turn + np.pi / 12), np.sin(turn + np.pi / 12)])
    reach = np.sort((arms @ normals.T).max(axis=1) / np.cos(np.pi / 12))
    first, last = len(points) // 8, len(points) // 4
    widest = first + np.diff(reach[first:last]).argmax()
    return middle + reach[widest : widest + 2].mean() * ring


def rows(page: Page, n: int) -> list[int]:
    """Return the first ids of the table, which draws on a canvas and lists them beside it."""
    cells = page.locator(f"{ROWS} [role=gridcell][aria-colindex='1']")
    return [int(text) for text in cells.all_text_contents()[:n]]


def picked_on_map(page: Page) -> list[int]:
    return page.locator(CHART).evaluate(PICKED)


def pick_row(page: Page, row: int) -> None:
    """Click a row's box, at the left of the table; rows are 44 px high below a head of 35."""
    table = page.locator("[data-testid=stDataFrame]")
    table.scroll_into_view_if_needed()
    frame = table.bounding_box()
    page.mouse.click(frame["x"] + 16, frame["y"] + 35 + 44 * row + 22)


def test_lasso_filters_gallery_and_table_and_the_address_gives_it_again(page: Page, places):
    ids, points = places
    corners = around_some(points)
    expected = set(ids[inside(points, corners)].tolist())
    assert 5 < len(expected) < 48
    open_page(page, "/samples?run=plain")
    lasso(page, "samples", corners)
    expect(page.get_by_text("inside the outline")).to_be_visible()
    settle(page)
    shown = shown_samples(page)
    assert set(shown) == expected
    page.wait_for_function("() => new URLSearchParams(location.search).has('outline')")
    (outline,) = from_text(page.evaluate("new URLSearchParams(location.search).get('outline')"))
    assert set(ids[inside(points, np.array(outline.corners))].tolist()) == expected
    page.wait_for_timeout(500)  # the table lists its cells a moment after it has drawn them
    assert rows(page, 5) == shown[:5]
    open_page(page, page.url)
    assert shown_samples(page) == shown
    assert page.locator(f"{CHART} .shapelayer path").count() == 1


def test_lasso_inside_a_lasso_is_drawn_anew(page: Page, places):
    ids, points = places
    (left, bottom), (right, top) = points.min(axis=0) - 0.1, points.max(axis=0) + 0.1
    open_page(page, "/samples?run=plain")
    lasso(page, "samples", [(left, bottom), (right, bottom), (right, top), (left, top)])
    expect(page.get_by_text("160 of 160 samples: inside the outline")).to_be_visible()
    settle(page)
    corners = around_some(points)
    lasso(page, "samples", corners)
    expected = set(ids[inside(points, corners)].tolist())
    expect(page.get_by_text(f"{len(expected)} of 160 samples: inside the outline")).to_be_visible()
    settle(page)
    assert set(shown_samples(page)) == expected


def test_row_and_picture_are_marked_on_the_map_and_in_each_other(page: Page):
    open_page(page, "/samples?run=plain")
    shown = shown_samples(page)
    pick_row(page, 2)
    expect(page.get_by_role("button", name="Unpick")).to_be_visible()
    settle(page)
    assert picked_on_map(page) == [shown[2]]
    card = page.locator(f"figure[data-sample='{shown[2]}']")
    expect(card).to_have_attribute("aria-pressed", "true")
    page.locator(f"figure[data-sample='{shown[0]}'] img").click()
    expect(page.get_by_role("button", name="Review 2")).to_be_visible()
    settle(page)
    assert picked_on_map(page) == [shown[2], shown[0]]
    assert f"pick={shown[2]}%2C{shown[0]}" in page.url
    page.wait_for_timeout(500)
    chosen = page.locator(f"{ROWS}[aria-selected=true] [role=gridcell][aria-colindex='1']")
    assert {int(text) for text in chosen.all_text_contents()} == {shown[0], shown[2]}
    open_page(page, page.url)
    assert picked_on_map(page) == [shown[2], shown[0]]
    card.locator("img").click()
    expect(page.get_by_role("button", name="Review 1")).to_be_visible()


def test_outline_goes_by_double_click_and_by_show_all(page: Page, places):
    _, points = places
    open_page(page, "/samples?run=plain")
    lasso(page, "samples", around_some(points))
    expect(page.get_by_text("inside the outline")).to_be_visible()
    settle(page)
    frame = page.locator(f"{CHART} .draglayer .nsewdrag").bounding_box()
    page.mouse.dblclick(frame["x"] + 5, frame["y"] + 5)
    expect(page.get_by_text("160 of 160 samples")).to_be_visible()
    lasso(page, "samples", around_some(points))
    expect(page.get_by_text("inside the outline")).to_be_visible()
    settle(page)
    open_page(page, page.url)
    expect(page.get_by_text("inside the outline")).to_be_visible()
    page.get_by_role("button", name="Show all").click()
    expect(page.get_by_text("160 of 160 samples")).to_be_visible()
    settle(page)
    assert "outline" not in page.url
    assert page.locator(f"{CHART} .shapelayer path").count() == 0


def test_lasso_on_a_map_that_has_an_outline_takes_its_place(page: Page, places):
    ids, points = places
    box = as_text([Outline("box", ((-1e6, -1e6), (1e6, 1e6)))])
    open_page(page, f"/samples?run=plain&outline={box}")
    expect(page.get_by_text("160 of 160 samples: inside the outline")).to_be_visible()
    corners = around_some(points)
    lasso(page, "samples", corners)
    expected = set(ids[inside(points, corners)].tolist())
    expect(page.get_by_text(f"{len(expected)} of 160 samples: inside the outline")).to_be_visible()
    settle(page)
    assert set(shown_samples(page)) == expected
    assert page.locator(f"{CHART} .shapelayer path").count() == 1


def test_run_without_true_labels_or_with_a_damaged_epoch(page: Page):
    for run in ("real", "cut", "weighted"):
        open_page(page, f"/samples?run={run}")
        expect(page.locator(CHART)).to_be_visible()
        assert len(shown_samples(page)) == 48
