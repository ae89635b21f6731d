"""README and docs tell the truth: rooms, commands, log format, links, the example.

`python -m tests.test_readme` writes the tree of rooms and the log format anew.
"""

import ast
import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from hmw_core.log.schema import format_table
from tests.test_layering import ROOMS
from training.__main__ import main as training_main

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", "CONTRIBUTING.md", "data/README.md"]
PAGES += [f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))]
PYTHON = ".venv/bin/python"
PROGRAMS = {"./run_dashboard.sh", "./run_tests.sh", PYTHON}
WITHOUT_MODULES = {
    "benchmarks": "speed, measured",
    "data": "data sets and runs, ignored by git",
    "docs": "documentation and its pictures",
    "examples": "three scripts to start from",
    "requirements": "the lists behind requirements.txt and the extras",
    "scripts": "what run_dashboard.sh and run_tests.sh share",
    "tests": "same folders as the source; contracts/ tests every member of a registry",
}


def text_of(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def parts(page: str, what: str) -> list[str]:
    """Return the text before, inside and after the markers of a generated or tested part."""
    start, end = f"<!-- {what}: begin -->\n", f"\n<!-- {what}: end -->"
    before, rest = text_of(page).split(start)
    inside, after = rest.split(end)
    return [before + start, inside, end + after]


def code(text: str, language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def purpose(folder: str) -> str:
    """Return what a folder is for: the first line of its package's docstring."""
    if folder in WITHOUT_MODULES:
        return WITHOUT_MODULES[folder]
    module = ast.parse(text_of(f"{folder}/__init__.py"))
    return (ast.get_docstring(module) or "").splitlines()[0].rstrip(".")


def order(folder: str) -> list[tuple[int, str]]:
    """Return what sorts folders: rooms in their order of imports, all others by name."""
    names = folder.split("/")
    rooms = [ROOMS.get("/".join(names[:depth]), ()) for depth in range(len(names))]
    return [
        (here.index(name) if name in here else -1, name)
        for here, name in zip(rooms, names, strict=True)
    ]


def tree() -> str:
    """Return every folder of the first two levels, three in views/, with what it is for."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    folders = {
        str(parent)
        for path in listed
        for parent in Path(path).parents
        if (depth := len(parent.parts)) and not path.startswith(".")
        if depth == 1
        or (depth == 2 and parent.parts[0] in ("hmw_core", "training", "dashboard"))
        or (depth == 3 and parent.parts[:2] == ("dashboard", "views"))
    }
    lines = [
        f"{'  ' * folder.count('/') + Path(folder).name + '/':<26}{purpose(folder)}"
        for folder in sorted(folders - {"dashboard/.streamlit"}, key=order)
    ]
    return "```text\n" + "\n".join(lines) + "\n```"


def test_the_tree_is_that_of_the_folders():
    assert parts("docs/architecture.md", "tree")[1] == tree(), "python -m tests.test_readme"


def test_the_log_format_is_the_schemas():
    written = parts("docs/log-format.md", "log format")[1]
    assert written == format_table(), "python -m tests.test_readme"


def test_the_example_is_the_script():
    (example,) = code(parts("README.md", "example")[1] + "\n", "python")
    assert text_of("examples/own_loop.py").endswith(f'"""\n\n{example}')


def test_the_readme_is_short():
    assert len(text_of("README.md").splitlines()) <= 200


COMMANDS = list(
    dict.fromkeys(
        line
        for page in PAGES
        for block in code(text_of(page), "sh")
        for line in block.replace("\\\n", " ").splitlines()
        if line.split(" ")[0] in PROGRAMS
    )
)


def test_the_pages_have_commands():
    assert {shlex.split(command)[0] for command in COMMANDS} == PROGRAMS
    modules = {shlex.split(c)[2] for c in COMMANDS if c.startswith(PYTHON)}
    assert modules >= {"training", "dashboard.labels", "dashboard.export", "hmw_core.importers"}


@cache
def help_of(*words: str) -> str:
    """Return the help of a command, which is all before its first option."""
    program = [sys.executable, *words[1:]] if words[0] == PYTHON else [str(ROOT / words[0])]
    done = subprocess.run([*program, "--help"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_a_command_is_in_its_help(command):
    words = shlex.split(command)
    n_words = {PYTHON: 4 if words[2:3] == ["training"] else 3}.get(words[0], 1)
    text = help_of(*words[:n_words])
    for option in (word.split("=")[0] for word in words if word.startswith("--")):
        assert re.search(rf"(?<![\w-]){option}(?![\w-])", text), f"{option} of {command}"


@pytest.mark.parametrize("command", [c for c in COMMANDS if "-m training" in c])
def test_every_training_command_is_accepted(command, monkeypatch):
    monkeypatch.setattr("training.loop.train", lambda config, console: None)
    monkeypatch.setattr("training.loop.resume", lambda folder, console, device, threads: None)
    monkeypatch.setattr("training.prove.prove", lambda *_, **__: None)
    monkeypatch.setattr("training.noise_export.export_noise", lambda config, file: file)
    monkeypatch.setattr("hmw_core.review.noise_file.noise_of", lambda path: (None, 0.0))
    words = shlex.split(command)[3:]
    if words[0] == "sweep":
        words.append("--dry-run")  # else it would train them all
    assert training_main(words) == 0


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
        if link.startswith("http"):
            continue
        path, _, heading = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), link
        if heading:
            titles = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert heading in [title.lower().replace(" ", "-") for title in titles], link


def test_every_page_is_in_the_table_of_contents():
    linked = set(re.findall(r"\]\(([\w-]+\.md)\)", text_of("docs/index.md")))
    assert linked == {page.removeprefix("docs/") for page in PAGES if page.startswith("docs/")} - {
        "index.md"
    }


FORBIDDEN = (
    r"\bwhat it lacks\b", r"\bthose that\b", r"\bstands? in\b", r"\bgoes on\b", r"\bis said\b",
    r"\bof one's own\b",
)  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
def test_sentences_have_a_subject(page):
    prose = re.sub(r"<!-- log format: begin.*?log format: end -->", "", text_of(page), flags=re.S)
    assert re.findall("|".join(FORBIDDEN), re.sub(r"\s+", " ", prose)) == []


if __name__ == "__main__":
    for page, what, content in (
        ("docs/architecture.md", "tree", tree()),
        ("docs/log-format.md", "log format", format_table()),
    ):
        before, _, after = parts(page, what)
        (ROOT / page).write_text(before + content + after, encoding="utf-8")
