"""`from hmw_core import ...`: what it offers, what it loads, and where old paths lead."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import hmw_core
from hmw_core.moved import MOVED, new_path

ROOT = Path(__file__).parents[2]
HEAVY = ["torch", "sklearn", "scipy", "duckdb", "numba", "cleanlab", "matplotlib"]
LOG = """
import sys
import numpy as np
from hmw_core import RunWriter

with RunWriter.create("r", given_label=[0, 1, 2, 0], true_label=[0, 1, 2, 1], n_classes=3,
                      n_epochs=1) as log:
    log.record(np.arange(4), np.eye(4, 3))
    log.end_epoch(1)
"""


def test_every_name_of_the_face_is_there():
    assert sorted(hmw_core.__all__) == ["CRITERIA", "RunReader", "RunWriter", "list_runs"]
    for name in hmw_core.__all__:
        assert getattr(hmw_core, name) is not None
    with pytest.raises(AttributeError, match="'hmw_core' has no attribute 'Nothing'"):
        hmw_core.Nothing  # noqa: B018


def test_the_version_is_that_of_the_change_log():
    newest = re.search(r"^## \[(\d\S*)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[1]
    assert hmw_core.__version__ == newest
    citation = (ROOT / "CITATION.cff").read_text()
    assert re.search(r"^version: (\S+)$", citation, re.MULTILINE)[1] == newest


def run(code, folder):
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(
        command, cwd=folder, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )


def test_logging_loads_no_heavy_library(tmp_path):
    done = run(LOG + f"print(*(m for m in {HEAVY} if m in sys.modules))", tmp_path)
    assert (done.stdout, done.stderr) == ("\n", "")


def test_importing_the_package_loads_not_even_numpy(tmp_path):
    done = run("import sys, hmw_core; print('numpy' in sys.modules)", tmp_path)
    assert (done.stdout, done.stderr) == ("False\n", "")


@pytest.mark.parametrize("old", [*MOVED, "hmw_core.weighting.hmw"])
def test_an_old_path_is_the_new_module_and_says_so(old):
    for name in [m for m in sys.modules if new_path(m)]:
        del sys.modules[name]
    parent = old.rpartition(".")[0]
    if parent != "hmw_core":
        with pytest.warns(DeprecationWarning, match="has moved"):
            import_module(parent)
    with pytest.warns(DeprecationWarning, match=f"import from {new_path(old)}$"):
        assert import_module(old) is import_module(new_path(old))


def test_our_own_code_uses_no_old_path():
    pattern = re.compile(rf"\b({'|'.join(map(re.escape, MOVED))})\b")
    places = [ROOT / folder for folder in ("hmw_core", "training", "dashboard", "docs", "examples")]
    files = [p for place in places for p in place.rglob("*.py") if p.name != "moved.py"]
    assert [p.name for p in files if pattern.search(p.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("package", ["hmw_core", "training", "dashboard"])
def test_a_package_says_that_it_is_typed(package):
    assert (ROOT / package / "py.typed").is_file()
