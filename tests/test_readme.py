"""The README tells the truth: tree, commands, log format, links, and the example runs."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from hmw_core.log.schema import format_table
from hmw_core.store import RunReader
from training.__main__ import main as training_main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON = ".venv/bin/python"


def between(what: str) -> str:
    """Return what stands between the markers of a generated or tested part."""
    return README.split(f"<!-- {what}: begin -->\n")[1].split(f"\n<!-- {what}: end -->")[0]


def code(text: str, language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def tree() -> set[str]:
    """Return the paths that the tree shows; two spaces of indentation a level."""
    paths, parents = set(), [""]
    for line in code(between("tree"), "text")[0].splitlines():
        indentation, name = re.match(r"( *)(\S+)", line).groups()
        del parents[len(indentation) // 2 + 1 :]
        paths.add(parents[-1] + name)
        if name.endswith("/"):
            parents.append(parents[-1] + name)
    return paths


def tracked() -> list[str]:
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_the_tree_names_what_is_there():
    for path in tree():
        assert (ROOT / path).is_dir() == path.endswith("/"), path
        assert (ROOT / path).exists(), path


def test_the_tree_leaves_nothing_out():
    tops = {re.sub("/.*", "/", path) for path in tracked() if not path.startswith(".")}
    assert tops - tree() - {"README.md", "LICENSE"} == set()
    for package in ("hmw_core", "training", "dashboard"):
        inside = {re.match(rf"{package}/[^/]+/?", p)[0] for p in tracked() if p.startswith(package)}
        assert inside - tree() - {f"{package}/__init__.py"} == set()


COMMANDS = [
    line
    for block in code(README, "sh")
    for line in block.replace("\\\n", " ").splitlines()
    if line and not line.startswith(("#", "git clone ", "cd "))
]


def test_the_readme_has_commands():
    programs = {shlex.split(command)[0] for command in COMMANDS}
    assert programs == {"./run_dashboard.sh", "./run_tests.sh", PYTHON}


def help_of(words: list[str]) -> str:
    """Return the help of the command, before its first option."""
    if words[0] != PYTHON:
        command = [str(ROOT / words[0]), "--help"]
    elif words[2] == "training":
        command = [sys.executable, *words[1:4], "--help"]
    else:
        command = [sys.executable, *words[1:3], "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_a_command_is_in_its_help(command):
    words = shlex.split(command)
    text = help_of(words)
    for option in (word.split("=")[0] for word in words if word.startswith("--")):
        assert re.search(rf"(?<![\w-]){option}(?![\w-])", text), f"{option} of {command}"


@pytest.mark.parametrize("command", [c for c in COMMANDS if "-m training" in c])
def test_every_training_command_is_accepted(command, monkeypatch):
    monkeypatch.setattr("training.loop.train", lambda config, console: None)
    monkeypatch.setattr("training.loop.resume", lambda folder, console, device: None)
    monkeypatch.setattr("training.prove.prove", lambda *_, **__: None)
    words = shlex.split(command)[3:]
    if words[0] == "sweep":
        words.append("--dry-run")  # else it would train them all
    assert training_main(words) == 0


def test_the_log_format_is_the_schemas():
    # Told how to mend it, as the table is long.
    assert between("log format") == format_table(), "python -m tests.test_readme writes it anew"


def test_the_example_logs_a_run(tmp_path):
    (example,) = code(between("example"), "python")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        [sys.executable, "-c", example],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    run = RunReader(tmp_path / "data/runs/mine")
    assert run.status == "finished"
    assert run.epochs() == list(range(1, 11))
    assert run.feature_epochs() == [10]


@pytest.mark.parametrize("file", ["README.md", "CONTRIBUTING.md", "data/README.md"])
def test_links_lead_somewhere(file):
    text = (ROOT / file).read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if link.startswith("http"):
            continue
        path, _, heading = link.partition("#")
        target = (ROOT / file).parent / path if path else ROOT / file
        assert target.exists(), link
        if heading:
            titles = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in [title.lower().replace(" ", "-") for title in titles], link


if __name__ == "__main__":
    start = README.index("<!-- log format: begin -->\n") + len("<!-- log format: begin -->\n")
    end = README.index("<!-- log format: end -->")
    (ROOT / "README.md").write_text(
        README[:start] + format_table() + "\n" + README[end:], encoding="utf-8"
    )
