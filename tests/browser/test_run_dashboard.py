"""run_dashboard.sh serves pages: asking for the server's health would not see a broken one."""

import shutil
import socket
import sys
from pathlib import Path

import pytest

from tests.scripts.machine import Machine

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ROOT = Path(__file__).parents[2]


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture
def machine(tmp_path):
    """Return a machine that has the dashboard, and a .venv of the packages that run this test."""
    with Machine(tmp_path) as machine:
        for package in ("hmw_core", "training", "dashboard"):
            shutil.copytree(ROOT / package, machine.root / package)
        machine.run("run_dashboard.sh", "--no-demo", "--port", "18501")
        real = f'case $2 in venv | pip) ;; *) exec "{sys.executable}" "$@" ;; esac'
        (machine.root / ".venv/bin/python").write_text(f"#!/bin/bash\n{real}\n")
        yield machine


def test_dashboard_opens_from_anywhere(machine, browser, tiny_run, tmp_path, port):
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
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{port}/overview", timeout=60_000)
    page.get_by_text(tiny_run.name, exact=True).first.wait_for(timeout=60_000)
    page.close()
