"""run_dashboard.sh serves pages: asking for the server's health would not see a broken one."""

import os
import shutil
import socket
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("hmw_core", "training", "dashboard")


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture
def page():
    """Return an empty browser page."""
    chromium = shutil.which("chromium")
    if chromium is None:
        missing = pytest.fail if os.environ.get("HMW_REQUIRE_BROWSER") == "1" else pytest.skip
        missing("no chromium on PATH")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser.new_page()
        browser.close()


@pytest.mark.browser
def test_the_dashboard_opens_from_anywhere(machine, tiny_run, tmp_path, port, page):
    for package in PACKAGES:
        shutil.copytree(ROOT / package, machine.root / package)
    # Installs nothing, and serves with the Python and the packages that run this test.
    wrapper = f'case $2 in venv | pip) ;; *) exec "{sys.executable}" "$@" ;; esac'
    machine.run("run_dashboard.sh", "--no-demo", "--port", str(port))
    python = machine.root / ".venv/bin/python"
    python.write_text(f"#!/bin/bash\n{wrapper}\n")
    process = machine.start(
        *("run_dashboard.sh", "--no-demo", "--no-browser", "--port", str(port)),
        *("--runs", str(tiny_run.folder.parent)),
        cwd=tmp_path,
        HOME=str(tmp_path),
    )
    said = ""
    while "http://127.0.0.1" not in said:
        line = process.stdout.readline()
        assert line, f"{said}{process.stderr.read()}"
        said += line
    page.goto(f"http://127.0.0.1:{port}/overview", timeout=60_000)
    # Attached, not visible: the table is drawn on a canvas over its cells.
    cell = page.get_by_role("gridcell", name=tiny_run.name, include_hidden=True)
    cell.first.wait_for(state="attached", timeout=60_000)
    assert page.get_by_text("Traceback").count() == 0
    assert page.get_by_text("No module named").count() == 0
