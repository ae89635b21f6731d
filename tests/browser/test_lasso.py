"""A lasso drawn with the mouse shows the pictures of exactly the samples inside it."""

import base64

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from hmw_core.feature_space.projection import project
from hmw_core.log.reader import RunReader
from tests.browser.steps import lasso, open_page, settle, shown_samples

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CHARTS = ("class_clusters", "class_weights")
LABEL = 1  # its mislabeled samples are in a trace of their own


@pytest.fixture
def run(runs_folder) -> RunReader:
    return RunReader(runs_folder / "plain")


@pytest.fixture
def places(run) -> tuple[np.ndarray, np.ndarray]:
    """The ids of the class's samples, and where the page draws them."""
    table = project(run, skip_undefined=True)
    table = table[table["sample_id"].isin(run.sample_ids(LABEL))]
    return table["sample_id"].to_numpy(int), table[["x", "y"]].to_numpy(float)


def around_some(points: np.ndarray) -> np.ndarray:
    """Return twelve corners around a third of the points or so, as far from any as can be."""
    middle = points[np.linalg.norm(points - np.median(points, axis=0), axis=1).argmin()]
    distance = np.sort(np.linalg.norm(points - middle, axis=1))
    first, last = len(points) // 4, len(points) // 2
    widest = first + np.diff(distance[first:last]).argmax()
    radius = distance[widest : widest + 2].mean()
    turn = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    return middle + radius * np.column_stack([np.cos(turn), np.sin(turn)])


def inside(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Tell which points a polygon holds, by counting the edges to the right of each."""
    found = np.zeros(len(points), dtype=bool)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        crosses = (y1 > points[:, 1]) != (y2 > points[:, 1])
        with np.errstate(divide="ignore", invalid="ignore"):
            edge = x1 + (points[:, 1] - y1) / (y2 - y1) * (x2 - x1)
        found ^= crosses & (points[:, 0] < edge)
    return found


@pytest.mark.parametrize("chart", CHARTS)
def test_lasso_shows_the_pictures_inside_it(page: Page, run, places, chart):
    ids, points = places
    corners = around_some(points)
    expected = set(ids[inside(points, corners)].tolist())
    assert 5 < len(expected) < len(ids)
    open_page(page, f"/class?run=plain&class={LABEL}")
    lasso(page, chart, corners)
    expect(page.get_by_role("heading", name="inside the outline")).to_be_visible()
    settle(page)
    assert set(shown_samples(page)) == expected
    for sample_id, picture in run.images(expected).items():
        card = page.locator(f"figure[data-sample='{sample_id}']")
        data = base64.b64encode(picture).decode()
        assert card.locator("img").get_attribute("src") == f"data:image/png;base64,{data}"
        name = run.class_names[int(run.samples()["true_label"][sample_id])]
        expect(card).to_contain_text(f"true {name}")


def test_lasso_around_everything_shows_all_of_every_trace(page: Page, places):
    """The browser's indices count anew in each trace: taken for ids, they lose samples."""
    ids, points = places
    low, high = points.min(axis=0), points.max(axis=0)
    (left, bottom), (right, top) = low - 0.01 * (high - low), high + 0.01 * (high - low)
    open_page(page, f"/class?run=plain&class={LABEL}")
    lasso(page, CHARTS[0], [(left, bottom), (right, bottom), (right, top), (left, top)])
    expect(page.get_by_role("heading", name="inside the outline")).to_be_visible()
    settle(page)
    assert sorted(shown_samples(page)) == sorted(ids.tolist())


def test_another_class_ends_the_selection(page: Page, run, places):
    _, points = places
    open_page(page, f"/class?run=plain&class={LABEL}")
    lasso(page, CHARTS[0], around_some(points))
    expect(page.get_by_role("heading", name="inside the outline")).to_be_visible()
    page.get_by_label("Class", exact=True).click()
    page.get_by_role("option", name="3: $5").click()
    expect(page.get_by_role("heading", name="samples of the class")).to_be_visible()
    settle(page)
    assert sorted(shown_samples(page)) == sorted(run.sample_ids(3).tolist())
    assert "class=3" in page.url
