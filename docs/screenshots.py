"""Take the documentation's screenshots from the demo runs of a dashboard that is running.

python docs/screenshots.py http://127.0.0.1:8501

Each run needs its t-SNE map first: python -m dashboard.project digits-CCE --method tsne
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

FOLDER = Path(__file__).parent
READY = """() => document.querySelector('[data-testid=stApp]').dataset.testScriptState
  === 'notRunning' && !document.querySelector('[data-testid=stSkeleton]')"""
SHOTS = {
    "train": "/train",
    "clusters": "/clusters?run=digits-CCE",
    "class": "/class?run=digits-CCE&class=3",
    "criteria": "/criteria?run=digits-CCE",
    "review": "/review?run=digits-CCE",
    "labels": "/labels?run=digits-CCE",
}
JUDGED = 20  # pictures, so that the page of labels has some to show


def main(address: str) -> None:
    """Write one PNG a page beside this file; of digits-CCE, 20 pictures are judged."""
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
            if name == "review":
                page.get_by_label("Reviewer").fill("ada")
                page.keyboard.press("Enter")
                page.wait_for_timeout(3000)
                for _ in range(JUDGED):
                    page.keyboard.press("s")  # gives the label that training predicted most often
                    page.wait_for_timeout(700)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
