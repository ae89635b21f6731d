"""Take the documentation's pictures from the demo runs: `python docs/screenshots.py [RUNS]`.

RUNS is the folder that `./run_dashboard.sh` trained the demo into, data/runs if none is named. A
copy of it is shown, so that the verdicts given for the pictures stay in no run.
"""

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.common import served

FOLDER = Path(__file__).parent
READY = """() => document.querySelector('[data-testid=stApp]')?.dataset.testScriptState
  === 'notRunning' && document.querySelector('[data-testid=stHeading]')
  && !document.querySelector('[data-testid=stSkeleton], [data-testid=stSpinner]')"""
# Of a page all that is in the window, or the first of a part: folders' names stay out of it.
SHOTS = {
    "runs": ("/", "[data-testid=stHorizontalBlock]:has([data-testid=stColumn])"),
    "clusters": ("/paper?run=digits-CCE&tab=clusters", ".js-plotly-plot"),
    "inspect": ("/inspect?run=digits-CCE&class=3", ""),
    "paper": ("/paper?run=digits-CCE", ""),
    "review": ("/fix?run=digits-CCE&tab=review", ""),
}
JUDGED = 20  # pictures


def judge(page: Page) -> None:
    """Give a name, and to 20 pictures the label that training predicted most often."""
    page.locator(".review-panel .reviewer").fill("ada")
    page.keyboard.press("Enter")
    page.wait_for_timeout(3000)
    for _ in range(JUDGED):
        page.keyboard.press("s")
        page.wait_for_timeout(700)


def shoot(runs: Path) -> None:
    """Write one PNG a page beside this file."""
    with served(runs) as (address, _), sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        for name, (path, part) in SHOTS.items():
            page.goto(address + path)
            if name == "review":
                page.wait_for_function(READY)
                judge(page)
            page.wait_for_function(READY)
            page.wait_for_timeout(3000)  # charts drawn, pictures decoded
            shown = page.locator(part).first if part else page
            shown.screenshot(path=FOLDER / f"{name}.png")
            print(name)
        browser.close()


if __name__ == "__main__":
    of = Path(*sys.argv[1:]) if sys.argv[1:] else FOLDER.parent / "data" / "runs"
    with tempfile.TemporaryDirectory() as folder:
        shoot(Path(shutil.copytree(of, Path(folder) / "runs")))
