"""A training started, stopped and resumed from the page, that outlives the page and its server."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from dashboard.jobs import trainings
from hmw_core.log.reader import RunReader
from tests.browser.conftest import ROOT, _wait_for
from tests.browser.steps import open_page, settle
from tests.conftest import write_run

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PATIENCE = 300_000  # ms; torch takes seconds to load, and the machine may be busy


class Server:
    """A dashboard that can be killed and started again on the same port."""

    def __init__(self, folder: Path) -> None:
        self.runs = folder / "runs"
        self.log = folder / "log"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"

    def start(self, *options: str) -> None:
        command = [sys.executable, "-m", "dashboard.launcher", "--no-browser", *options]
        command += ["--runs", str(self.runs), "--port", str(self.port)]
        # Threads of a training beside a browser on a few cores only hinder one another.
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        with self.log.open("a") as file:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=file, stderr=subprocess.STDOUT
            )
        _wait_for(f"{self.address}/_stcore/health", self.process, self.log)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    """A dashboard of its own: what it trains must not change the other tests' runs."""
    server = Server(tmp_path_factory.mktemp("train"))
    write_run(server.runs / "before")
    server.start()
    yield server
    server.kill()
    for training in trainings.all_trainings(server.runs):
        if trainings.is_alive(training):
            os.kill(training.pid, signal.SIGKILL)


@pytest.fixture
def address(server) -> str:
    """Where the windows of these tests look."""
    return server.address


def fill(page: Page, label: str, text: str) -> None:
    field = page.get_by_label(label, exact=True)
    field.fill(text)
    field.press("Enter")
    settle(page)


def start(page: Page, name: str, epochs: int) -> None:
    open_page(page, "/train?training=%20new")
    fill(page, "Epochs", str(epochs))
    fill(page, "Run name", name)
    expect(page.locator("[data-testid=stCode]")).to_contain_text(f"--run {name} ")
    page.get_by_role("button", name="Start training").click()


def wait_for_epoch_after(page: Page, epoch: int) -> None:
    """Wait until the page shows a later epoch than this."""
    page.wait_for_function(
        "last => [...document.querySelectorAll('[data-testid=stProgress]')].some("
        "bar => Number(bar.textContent.match(/epoch (\\d+) of/)?.[1]) > last)",
        arg=epoch,
        timeout=PATIENCE,
    )


def test_a_training_is_started_and_watched_to_its_end(page: Page, server):
    start(page, "short", 3)
    expect(page.get_by_text("short has finished")).to_be_visible(timeout=PATIENCE)
    assert RunReader(server.runs / "short").epochs() == [1, 2, 3]
    settle(page)
    expect(page.locator(".js-plotly-plot")).to_have_count(2)
    expect(page.get_by_text("epoch 3 of 3", exact=True)).to_be_visible()
    assert "training=short" in page.url
    page.get_by_test_id("stButton").get_by_role("button", name="Stop").wait_for(state="detached")


def test_a_training_outlives_its_server_is_stopped_and_resumed(page: Page, server):
    start(page, "long", 3000)
    reached = re.compile(r"epoch [1-9]\d* of 3000")
    expect(page.get_by_text(reached).first).to_be_visible(timeout=PATIENCE)
    page.goto("about:blank")  # a window would complain of its lost server
    server.kill()
    before = RunReader(server.runs / "long")
    assert before.status == "running"
    server.start()
    page.goto("/train")  # it moves by itself: there is no settling
    expect(page.get_by_text("long is being trained")).to_be_visible(timeout=PATIENCE)
    wait_for_epoch_after(page, before.last_epoch)
    page.get_by_test_id("stButton").get_by_role("button", name="Stop").click()
    expect(page.get_by_text("long has stopped")).to_be_visible(timeout=PATIENCE)
    stopped = RunReader(server.runs / "long")
    assert stopped.status == "stopped"
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("long is being trained")).to_be_visible(timeout=PATIENCE)
    wait_for_epoch_after(page, stopped.last_epoch)
    page.get_by_test_id("stButton").get_by_role("button", name="Stop").click()
    expect(page.get_by_text("long has stopped")).to_be_visible(timeout=PATIENCE)


def test_a_read_only_server_shows_and_starts_nothing(page: Page, server):
    server.kill()
    server.start("--read-only")
    open_page(page, "/train")
    expect(page.get_by_text("This server is read-only")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("Start|Stop|Resume"))).to_have_count(0)
