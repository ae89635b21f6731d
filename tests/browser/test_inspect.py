"""Inspect in a real browser: map, gallery, table, histogram and address follow one another."""

import base64

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from dashboard.drawing.outlines import Outline, as_text, from_text
from hmw_core.criteria.kept import score_table
from hmw_core.feature_space.projection import project
from hmw_core.log import verdicts
from hmw_core.log.reader import RunReader
from tests.browser.steps import lasso, open_page, settle, shown_samples

pytestmark = [pytest.mark.browser, pytest.mark.slow]

expect.set_options(timeout=20_000)
CHART = ".st-key-chart-samples .js-plotly-plot"
ROWS = "[data-testid=stDataFrame] [role=row]"
PICKED = """(chart) => [...(chart._fullData.find((trace) => trace.name === 'picked')?.customdata
  ?? [])]"""
# Where a sample's marker is in the window.
MARKER = """(chart, id) => {
  const {xaxis, yaxis} = chart._fullLayout, frame = chart.getBoundingClientRect();
  for (const trace of chart._fullData) {
    const at = [...(trace.customdata ?? [])].indexOf(id);
    if (at >= 0) return [frame.left + xaxis._offset + xaxis.d2p(trace.x[at]),
                         frame.top + yaxis._offset + yaxis.d2p(trace.y[at])];
  }
}"""


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


def inside(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Tell which points a polygon holds, by counting the edges to the right of each."""
    found = np.zeros(len(points), dtype=bool)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        crosses = (y1 > points[:, 1]) != (y2 > points[:, 1])
        with np.errstate(divide="ignore", invalid="ignore"):
            edge = x1 + (points[:, 1] - y1) / (y2 - y1) * (x2 - x1)
        found ^= crosses & (points[:, 0] < edge)
    return found


def open_table(page: Page) -> None:
    page.get_by_text("Table of these samples").click()
    expect(page.locator("[data-testid=stDataFrame]")).to_be_visible()
    settle(page)


def to_marker(page: Page, sample_id: int) -> tuple[float, float]:
    """Move the mouse onto a sample's marker, coming from beside it; return where that is."""
    x, y = page.locator(CHART).evaluate(MARKER, sample_id)
    page.mouse.move(x + 25, y + 25)
    page.mouse.move(x, y, steps=5)
    return x, y


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
    open_table(page)
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
    open_table(page)
    pick_row(page, 2)
    expect(page.get_by_role("button", name="Unpick")).to_be_visible()
    settle(page)
    assert picked_on_map(page) == [shown[2]]
    card = page.locator(f"figure[data-sample='{shown[2]}']")
    expect(card).to_have_attribute("aria-pressed", "true")
    page.locator(f"figure[data-sample='{shown[0]}'] img").click()
    expect(page.get_by_role("button", name="Review the 2 picked")).to_be_visible()
    settle(page)
    assert picked_on_map(page) == [shown[2], shown[0]]
    assert f"pick={shown[2]}%2C{shown[0]}" in page.url
    assert f"sample={shown[0]}" in page.url
    expect(page.get_by_role("heading", name=f"Sample {shown[0]}")).to_be_visible()
    page.wait_for_timeout(500)
    chosen = page.locator(f"{ROWS}[aria-selected=true] [role=gridcell][aria-colindex='1']")
    assert {int(text) for text in chosen.all_text_contents()} == {shown[0], shown[2]}
    open_page(page, page.url)
    assert picked_on_map(page) == [shown[2], shown[0]]
    card.locator("img").click()
    expect(page.get_by_role("button", name="Review the 1 picked")).to_be_visible()


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


def test_a_class_has_its_map_beside_its_pictures_without_a_scroll(page: Page, runs_folder):
    run = RunReader(runs_folder / "plain")
    for width, height in ((1440, 900), (1280, 720)):
        page.set_viewport_size({"width": width, "height": height})
        open_page(page, "/inspect?run=plain&class=1")
        chart, card = (
            page.locator(CHART).bounding_box(),
            page.locator("figure").first.bounding_box(),
        )
        assert chart["y"] + 300 < height
        assert card["y"] + card["height"] < height
        assert chart["x"] + chart["width"] <= card["x"]
    assert sorted(shown_samples(page)) == sorted(run.sample_ids(1).tolist())


def test_lasso_shows_the_pictures_inside_it(page: Page, runs_folder, places):
    run = RunReader(runs_folder / "plain")
    ids, points = places
    mine = np.isin(ids, run.sample_ids(1))
    corners = around_some(points[mine])
    expected = set(ids[mine & inside(points, corners)].tolist())
    assert 3 < len(expected) < mine.sum()
    open_page(page, "/class?run=plain&class=1")
    lasso(page, "samples", corners)
    expect(page.get_by_text("inside the outline")).to_be_visible()
    settle(page)
    assert set(shown_samples(page)) == expected
    for sample_id, picture in run.images(expected).items():
        card = page.locator(f"figure[data-sample='{sample_id}']")
        data = base64.b64encode(picture).decode()
        assert card.locator("img").get_attribute("src") == f"data:image/png;base64,{data}"
        name = run.class_names[int(run.samples()["true_label"][sample_id])]
        expect(card).to_contain_text(f"true {name}")


def test_hovering_shows_the_picture_and_a_click_picks(page: Page, runs_folder):
    run = RunReader(runs_folder / "plain")
    sample_id = int(run.sample_ids(2)[0])
    open_page(page, "/inspect?run=plain&class=2")
    tip = page.locator(".st-key-mouse-on-the-map .tip")
    expect(tip).to_be_hidden()
    page.wait_for_timeout(500)
    x, y = to_marker(page, sample_id)
    expect(tip).to_contain_text(f"sample {sample_id}")
    expect(tip).to_contain_text("given <b>emu</b>")
    picture = tip.locator("img")
    expect(picture).to_be_visible()
    assert picture.evaluate("(image) => image.naturalWidth") == 8
    assert picture.get_attribute("src").startswith("picture/plain/")
    page.mouse.click(x, y)
    expect(page.get_by_role("heading", name=f"Sample {sample_id}")).to_be_visible()
    settle(page)
    assert picked_on_map(page) == [sample_id]
    assert f"pick={sample_id}" in page.url
    page.mouse.move(x + 300, y - 40, steps=3)
    expect(tip).to_be_hidden()
    page.wait_for_timeout(500)
    page.mouse.click(*to_marker(page, sample_id))
    expect(page.get_by_role("button", name="Unpick")).to_have_count(0)


def test_dragging_over_the_histogram_filters(page: Page, runs_folder):
    open_page(page, "/inspect?run=plain&criterion=aum")
    page.get_by_text("Histogram: drag to filter").click()
    chart = page.locator(".st-key-chart-histogram .js-plotly-plot")
    expect(chart).to_be_visible()
    settle(page)
    page.wait_for_timeout(500)
    chart.scroll_into_view_if_needed()
    frame = chart.locator(".draglayer .nsewdrag").bounding_box()
    middle = frame["y"] + frame["height"] / 2
    page.mouse.move(frame["x"] + 3, middle)
    page.mouse.down()
    page.mouse.move(frame["x"] + frame["width"] / 3, middle + 5, steps=6)
    page.mouse.up()
    expect(page.get_by_text("AUM at most")).to_be_visible()
    settle(page)
    high = float(page.evaluate("new URLSearchParams(location.search).get('high')"))
    score = score_table(RunReader(runs_folder / "plain"), ["aum"])["aum"]
    n = int((score <= high).sum())
    assert 0 < n < 160
    expect(page.get_by_text(f"{n} of 160 samples")).to_be_visible()
    page.get_by_role("button", name="Show all").click()
    expect(page.get_by_text("160 of 160 samples")).to_be_visible()


def test_one_verdict_for_all_that_is_shown_and_one_click_takes_it_back(page: Page, runs_folder):
    run = RunReader(runs_folder / "weighted")
    label = int(run.samples()["given_label"].iloc[3])
    n = len(run.sample_ids(label))
    open_page(page, f"/inspect?run=weighted&class={label}")
    page.get_by_role("button", name=f"These {n} are all").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Class").click()
    page.get_by_role("option", name="0", exact=False).first.click()
    dialog.get_by_label("Your name").fill("Ann")
    dialog.get_by_label("Your name").press("Enter")
    dialog.get_by_role("button", name=f"Write {n} verdicts").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_text(f"{n} verdicts by Ann")).to_be_visible()
    assert set(verdicts.read(run).current.index) == set(run.sample_ids(label).tolist())
    page.get_by_role("button", name="Take them all back").click()
    expect(page.get_by_text("Taken back")).to_be_visible()
    assert verdicts.read(run).current.empty


def test_the_figure_of_the_class_comes_as_a_pdf_in_the_colour_on_screen(page: Page):
    for colour, figure in (("is_mislabeled", "class_clusters"), ("aum", "clusters")):
        open_page(page, f"/inspect?run=plain&class=1&colour_by={colour}")
        with page.expect_download() as waiting:
            page.get_by_role("button", name="PDF", exact=True).click()
        assert waiting.value.suggested_filename == f"plain-dog-{figure}-{colour}.pdf"
        assert waiting.value.path().read_bytes().startswith(b"%PDF")
