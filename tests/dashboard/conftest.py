"""Fixtures: the folder of runs that the pages read, and pages that open fast."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.components.v2.component_manager import BidiComponentManager


@pytest.fixture(scope="session", autouse=True)
def no_search_for_components() -> Iterator[None]:
    """Spare every `AppTest` the metadata of all packages: 0.25 s a page; ours are in no package."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            BidiComponentManager, "discover_and_register_components", lambda *_, **__: None
        )
        yield


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """An empty folder of runs, which the pages read and write."""
    monkeypatch.setenv("HMW_RUNS", str(tmp_path / "runs"))
    monkeypatch.delenv("HMW_READ_ONLY", raising=False)
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs"
