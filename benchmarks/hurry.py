"""The user's sentence, in a browser: clicks and seconds from the bare address to a class's PDF.

python -m benchmarks.hurry [RUNS] [--class 3] [--times 5]

"Open the browser dashboard, pick a class to inspect clean against mislabeled samples, export
figures for reports." Each step is a click of the mouse and ends when nothing moves any more. What
the last click but one has led to must be in view without scrolling, which is checked.
"""

import argparse
import shutil
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page, sync_playwright

from benchmarks.common import ROOT, machine, served, spread

SETTLED = """() => {
  const app = document.querySelector('[data-testid=stApp]');
  return app?.dataset.testScriptState === 'notRunning'
    && document.querySelector('[data-testid=stHeading]')
    && !document.querySelector('[data-testid=stSpinner], [data-testid=stSkeleton]');
}"""
SIZE = {"width": 1440, "height": 900}
STILL = 0.1  # seconds in which nothing may have moved, taken off again


def settle(page: Page) -> None:
    """Wait until the page is whole and stays so."""
    page.wait_for_function(SETTLED)
    page.wait_for_timeout(1000 * STILL)
    page.wait_for_function(SETTLED)


def in_view(page: Page, part: Locator) -> bool:
    """Tell whether all of a part, or as much of it as fits, lies in the window."""
    box = part.bounding_box()
    height = page.evaluate("window.innerHeight")
    return box is not None and 0 <= box["y"] and box["y"] + min(box["height"], 120) <= height


def walk(page: Page, address: str, class_name: str, run: str = "") -> dict[str, float]:
    """Go from the bare address to a class's exported PDF; return the seconds of each step.

    Without the name of a run, it is that of the first card.

    Raises
    ------
    AssertionError
        If the map, a clean or a mislabeled picture is out of view, or the file is no PDF.
    """
    taken: dict[str, float] = {}

    def step(name: str, act: Callable[[], object]) -> None:
        start = time.monotonic()
        act()
        settle(page)
        taken[name] = time.monotonic() - start - STILL

    main = page.locator("[data-testid=stMain]")
    step("open the bare address", lambda: page.goto(address))
    card = main.locator(f'a[href*="run={run}"]').filter(has_text="Inspect").first
    step("click Inspect", card.click)
    step("click the list of classes", page.get_by_role("combobox", name="Class").click)
    step(
        "click a class",
        page.get_by_role("option").filter(has_text=class_name).first.click,
    )
    pictures = main.locator("figure[data-sample]")
    assert in_view(page, main.locator(".js-plotly-plot").first), "the map is out of view"
    assert in_view(page, pictures.first), "no picture is in view"
    start = time.monotonic()
    with page.expect_download() as waiting:
        main.get_by_role("button", name="PDF").first.click()
    content = Path(waiting.value.path()).read_bytes()
    taken["click PDF"] = time.monotonic() - start
    assert content.startswith(b"%PDF"), "the file is no PDF"
    return taken


def main() -> None:
    """Walk several times through a fresh server; print each step's seconds, first and warm."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="?", type=Path, default=ROOT / "data" / "runs")
    parser.add_argument("--class", dest="class_name", default="3")
    parser.add_argument("--times", type=int, default=5)
    asked = parser.parse_args()
    walks = []
    with served(asked.runs) as (address, _), sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for _ in range(1 + asked.times):
            page = browser.new_page(viewport=SIZE)
            walks.append(walk(page, address, asked.class_name))
            page.close()
        browser.close()
    first, *warm = walks
    print(f"{machine()}; {len(first) - 1} clicks; seconds")
    print(f"{'step':<28} {'first':>6}  warm, median [range] of {len(warm)}")
    for name, seconds in first.items():
        print(f"{name:<28} {seconds:6.2f}  {spread([each[name] for each in warm], 2)}")
    total = [sum(each.values()) for each in warm]
    print(f"{'all':<28} {sum(first.values()):6.2f}  {statistics.median(total):.2f}")


if __name__ == "__main__":
    main()
