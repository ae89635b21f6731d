"""What tests of exports share."""

import pytest

from hmw_core import RunReader
from tests.conftest import write_run


@pytest.fixture(scope="module")
def evil_run(tmp_path_factory):
    """A run whose class names and name are hostile."""
    folder = tmp_path_factory.mktemp("runs") / "a&b <i>run"
    write_run(folder, class_names=["<script>alert(1)</script>", "=1+1", "c $5$", "_d", "e" * 90])
    return RunReader(folder)
