"""Fixtures: a machine of its own for each test of the scripts."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scripts.machine import Finished, Machine


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """Return a fresh machine; nothing it started outlives the test."""
    with Machine(tmp_path) as machine:
        yield machine


@pytest.fixture
def finish() -> type[Finished]:
    """Return what waits for a started script."""
    return Finished
