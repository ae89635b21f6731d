"""A dashboard with a few small runs, and a real browser that looks at it."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from hmw_core import RunWriter
from tests.conftest import write_run

ROOT = Path(__file__).parents[2]
# Streamlit looks for its server below each page's own address first, and finds it at the root.
PROBES = ("/_stcore/health", "/_stcore/host-config")


@pytest.fixture(scope="session")
def runs_folder(tmp_path_factory) -> Path:
    """Runs of each kind: whole, of another recipe, growing, damaged, without true labels."""
    folder = tmp_path_factory.mktemp("browser") / "runs"
    write_cloud(folder / "plain")
    write_run(folder / "weighted", recipe="CCE+HMW", epochs=3, finish="stopped")
    write_run(folder / "real", known=False)
    write_run(folder / "cut")
    file = folder / "cut" / "signals" / "epoch-00003.parquet"
    file.write_bytes(file.read_bytes()[:200])
    (folder / "foreign").mkdir()
    return folder


@pytest.fixture(scope="session")
def address(runs_folder, tmp_path_factory) -> Iterator[str]:
    """The address of a dashboard, started as `run_dashboard.sh` does."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "dashboard/app.py"]
    command += ["--server.address", "127.0.0.1", "--server.port", str(port)]
    command += ["--server.headless", "true"]
    log = tmp_path_factory.mktemp("server") / "log"
    with log.open("w") as file:
        server = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "HMW_RUNS": str(runs_folder)},
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_for(f"http://127.0.0.1:{port}/_stcore/health", server, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=20)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium; without one, tests skip, or fail where `HMW_REQUIRE_BROWSER` is 1."""
    found = os.environ.get("HMW_CHROMIUM") or shutil.which("chromium")
    if not found:
        if os.environ.get("HMW_REQUIRE_BROWSER") == "1":
            pytest.fail("no Chromium was found, and HMW_REQUIRE_BROWSER asks for one")
        pytest.skip("no Chromium was found")
    # Chromium refuses to run as root inside its sandbox.
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=found, args=options)
        yield opened
        opened.close()


@pytest.fixture
def page(browser, address) -> Iterator[Page]:
    """A window that must stay free of errors, and never asks another machine for anything."""
    context = browser.new_context(
        base_url=address, viewport={"width": 1440, "height": 1000}, accept_downloads=True
    )
    window = context.new_page()
    window.set_default_timeout(60_000)
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.location["url"].endswith(PROBES):
            complaints.append(message.text)

    def check(request: Request) -> None:
        if not request.url.startswith((address, "data:", "blob:")):
            complaints.append(f"asked {request.url}")

    window.on("console", note)
    window.on("pageerror", lambda error: complaints.append(str(error)))
    window.on("request", check)
    yield window
    context.close()
    assert complaints == []


def write_cloud(folder: Path) -> None:
    """Write a run whose classes are wide clouds, so that an outline can part them anywhere."""
    rng = np.random.default_rng(0)
    names = ["cat", "dog", "<b>emu</b>", "$5"]
    true = np.arange(160) % len(names)
    given = np.where(np.arange(160) % 5 == 0, (true + 1) % len(names), true)
    writer = RunWriter.create(
        folder,
        given_label=given,
        true_label=true,
        n_classes=len(names),
        n_epochs=3,
        class_names=names,
        images=rng.integers(0, 256, (160, 8, 8, 3), dtype=np.uint8),
        recipe="CCE",
        dataset_name="clouds",
        noise={"name": "pair_flip", "rate": 0.2, "mislabeled_fraction": 0.2},
    )
    vectors = np.eye(len(names), 16, dtype=np.float32)
    features = vectors[true] + rng.normal(0, 0.4, (160, 16)).astype(np.float32)
    cosine = features @ vectors.T / np.linalg.norm(features, axis=1, keepdims=True)
    for epoch in range(1, 4):
        writer.record(np.arange(160), logits=2 * epoch * cosine, cosine=cosine)
        writer.end_epoch(epoch, test_accuracy=0.5 + 0.1 * epoch)
    writer.log_features(3, features, vectors)
    writer.finish()


def _wait_for(url: str, server: subprocess.Popen, log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        assert server.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"the dashboard did not answer: {log.read_text()}")
