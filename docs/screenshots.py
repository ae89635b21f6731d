"""Take the README's screenshots from the demo runs of a dashboard that is running.

python docs/screenshots.py http://127.0.0.1:8501
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

FOLDER = Path(__file__).parent
READY = """() => document.querySelector('[data-testid=stApp]').dataset.testScriptState
  === 'notRunning' && !document.querySelector('[data-testid=stSkeleton]')"""
SHOTS = {
    "criteria": "/criteria?run=digits-CCE",
    "clusters": "/clusters?run=digits-CCE",
    "class": "/class?run=digits-CCE&class=3",
    "samples": "/samples?run=digits-CCE&colour_by=aum",
    "review": "/review?run=digits-CCE",
}


def main(address: str) -> None:
    """Write one PNG a page beside this file."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 860})
        for name, path in SHOTS.items():
            page.goto(address + path)
            page.wait_for_selector("[data-testid=stHeading]")
            page.wait_for_function(READY)
            page.wait_for_timeout(3000)  # charts drawn, pictures decoded
            page.screenshot(path=FOLDER / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
