"""The user's sentence in the fewest clicks: the walk that the benchmark times, on a small run."""

import pytest
from playwright.sync_api import Page

from benchmarks.hurry import walk

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize("size", [(1440, 900), (1280, 720)])
def test_three_clicks_to_a_class_and_one_more_to_its_pdf(page: Page, address, size):
    width, height = size
    page.set_viewport_size({"width": width, "height": height})
    taken = walk(page, address, "dog", "plain")
    assert len(taken) == 5  # the bare address, three clicks without a scroll, and the PDF
    assert "class=1" in page.url
