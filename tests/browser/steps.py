"""What a person does on a page, as steps of a test."""

from collections.abc import Sequence

from playwright.sync_api import Page, expect

SETTLED = """() => {
  const app = document.querySelector('[data-testid=stApp]');
  return app && app.getAttribute('data-test-script-state') === 'notRunning'
    && document.querySelector('[data-testid=stHeading]')
    && !document.querySelector('[data-testid=stSpinner], [data-testid=stSkeleton]');
}"""
# Where a point of the axes lies in the window.
PIXEL = """(chart, [x, y]) => {
  const frame = chart.getBoundingClientRect(), {xaxis, yaxis} = chart._fullLayout;
  return [frame.left + xaxis._offset + xaxis.d2p(x), frame.top + yaxis._offset + yaxis.d2p(y)];
}"""


def open_page(page: Page, address: str) -> None:
    """Open a page and wait for all of it; no part of it may have failed."""
    page.goto(address)
    settle(page)


def settle(page: Page) -> None:
    """Wait until the script has ended and stays so; no part of the page may have failed."""
    for _ in range(3):
        page.wait_for_function(SETTLED)
        page.wait_for_timeout(150)
    expect(page.locator("[data-testid=stException]")).to_have_count(0)


def lasso(page: Page, chart: str, corners: Sequence[Sequence[float]]) -> None:
    """Drag the mouse around corners given in the units of a chart's axes."""
    element = page.locator(f".st-key-chart-{chart} .js-plotly-plot")
    element.scroll_into_view_if_needed()
    path = [element.evaluate(PIXEL, [float(x), float(y)]) for x, y in corners]
    page.mouse.move(*path[0])
    page.mouse.down()
    for x, y in [*path[1:], path[0]]:
        page.mouse.move(x, y, steps=4)
    page.mouse.up()


def shown_samples(page: Page) -> list[int]:
    """Return the ids on the gallery's cards, in order."""
    cards = page.locator("figure[data-sample]")
    return [int(card.get_attribute("data-sample")) for card in cards.all()]
