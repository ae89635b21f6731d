"""What is imported is required, and what is required is imported."""

import ast
import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = {"hmw_core", "training", "dashboard"}
RUN_BY_NAME = {"ruff", "mypy", "pre-commit", "pre-commit-hooks"}  # run_tests.sh, pre-commit
RUN_BY_NAME |= {"lightning", "transformers", "accelerate", "cleanlab"}  # by importorskip


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def required(file: str) -> set[str]:
    """Return the distributions that a list asks for, those of lists it names included."""
    names = set()
    for line in (ROOT / file).read_text(encoding="utf-8").splitlines():
        if line.startswith("-r "):
            names |= required(line.removeprefix("-r "))
        elif name := re.match(r"[\w.-]+", line):
            names.add(normal(name[0]))
    return names


def imported(*folders: str) -> set[str]:
    """Return the distributions whose modules these folders import, test helpers aside."""
    modules = set()
    # A benchmark finds those beside it; inside a package every import starts at its top.
    local = OURS | {path.stem for path in (ROOT / "benchmarks").glob("*.py")}
    for path in (p for folder in folders for p in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                modules |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                modules.add(node.module.split(".")[0])
    modules -= set(sys.stdlib_module_names) | local | {"tests", "benchmarks"}
    distributions = packages_distributions()
    missing = modules - distributions.keys()
    assert not missing, f"imported but not installed: {missing}"
    return {normal(distributions[module][0]) for module in modules}


CORE = required("requirements/core.txt")
DASHBOARD = required("requirements/dashboard.txt")
TRAINING = required("requirements/training.txt")


def test_each_list_holds_what_its_package_imports():
    maps = {"opentsne", "umap-learn"}  # loaded when a map is made, which is the dashboard's
    torch_room = imported("hmw_core/objective")
    assert imported("hmw_core") - torch_room - maps <= CORE
    assert torch_room - CORE <= TRAINING
    assert imported("dashboard") | maps <= CORE | DASHBOARD
    assert imported("training") <= CORE | TRAINING
    assert not CORE & (DASHBOARD | TRAINING)


def test_everything_is_the_three_lists():
    assert required("requirements.txt") == CORE | DASHBOARD | TRAINING
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["dynamic"]
    of_all = extras["dependencies"]["file"] + extras["optional-dependencies"]["all"]["file"]
    assert set().union(*map(required, of_all)) == required("requirements.txt")


def test_what_tests_and_benchmarks_import_is_required():
    both = required("requirements.txt") | required("requirements-dev.txt")
    assert imported("tests", "benchmarks") - both == set()


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt"])
def test_nothing_is_required_for_nothing(file):
    used = imported(*OURS, "tests", "benchmarks") | RUN_BY_NAME
    assert required(file) - used == set()


def test_every_file_that_is_no_module_is_packed_into_the_wheel():
    """A new .js that no pattern names would be missing from an installed dashboard only."""
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"][
        "package-data"
    ]
    listed = subprocess.run(
        ["git", "ls-files", *OURS], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for path in listed.stdout.splitlines():
        package, _, inside = path.partition("/")
        known = [*patterns["*"], *patterns.get(package, [])]
        assert path.endswith(".py") or any(fnmatch(inside, one) for one in known), path
