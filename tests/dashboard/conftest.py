"""Fixture: the folder of runs that the pages read."""

from pathlib import Path

import pytest


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """An empty folder of runs, which the pages read and write."""
    monkeypatch.setenv("HMW_RUNS", str(tmp_path / "runs"))
    monkeypatch.delenv("HMW_READ_ONLY", raising=False)
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs"
