"""Pages beside run folders that cannot be read: a reason each, and no other run notices."""

import json
import os
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import streamlit as st

from dashboard import runs
from dashboard.cached.kept import SHOWN, version
from hmw_core import RunReader
from tests.conftest import write_run
from tests.dashboard.views.steps import open_page, said


def edit(folder: Path, **change: object) -> None:
    info = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(info | change))


@pytest.fixture
def bad(folder) -> Path:
    """Return a folder of runs in which one is sound, and others are as bad as they come."""
    write_run(folder / "sound")
    for name in ("fifo", "zero", "deep", "null", "half", "link"):
        shutil.copytree(folder / "sound", folder / name)
    for name in ("fifo", "zero"):
        (folder / name / "run.json").unlink()
    os.mkfifo(folder / "fifo" / "run.json")
    (folder / "zero" / "run.json").symlink_to("/dev/zero")
    (folder / "deep" / "run.json").write_text("[" * 200_000)
    edit(folder / "null", dataset=None)
    edit(folder / "half", recipe="\ud800")
    (folder / "link" / ".#notes").symlink_to("somebody@host.1")  # as Emacs leaves it
    (folder / "link" / "metrics" / "epoch-00002.json").write_text("{}")
    os.rename(folder / "link", os.fsencode(folder) + b"/link-\xff")
    return folder


@pytest.mark.parametrize("name", ["overview", "class", "compare"])
def test_bad_folders_cost_their_own_row(bad, name):
    page = open_page(name, run="sound")
    if name == "overview":
        cards = [block.proto.body for block in page.get("html") if "Mislabeled" in block.proto.body]
        assert len(cards) == 1
        assert 'title="sound"' in cards[0]
        for reason in (
            "fifo: run.json cannot be read: it is no regular file",
            "zero: run.json cannot be read: it is no regular file",
            "deep: run.json is damaged: it is nested too deep",
            "null: run.json is damaged: dataset is None, not an object",
            "half: run.json is damaged",
            "link-\ufffd: the folder's name is no UTF-8; rename it",
        ):
            assert reason in said(page)


def test_a_run_that_cannot_be_read_says_why_on_its_own_pages(bad):
    assert "dataset is None, not an object" in said(open_page("class", run="null"))


def test_a_failure_is_remembered_until_the_folder_changes(bad, monkeypatch):
    st.cache_resource.clear()
    tried = []

    class Noted(RunReader):
        def __init__(self, folder, network=1):
            tried.append(Path(folder).name)
            super().__init__(folder, network)

    monkeypatch.setattr(runs, "RunReader", Noted)
    for _ in range(3):
        readable, broken = runs.all_runs()
    assert [run.name for run in readable] == ["sound"]
    assert len(broken) == 6
    assert sorted(tried) == sorted(set(tried))  # each was tried once
    shutil.copyfile(bad / "sound" / "run.json", bad / "null" / "run.json")
    readable, broken = runs.all_runs()
    assert {run.name for run in readable} == {"sound", "null"}
    assert "null" not in broken


@pytest.mark.parametrize("name", ["class", "timeline", "review", "samples"])
def test_a_run_with_a_class_that_does_not_exist_says_so_on_its_own_pages(folder, name):
    write_run(folder / "tiny")
    for path in (folder / "tiny" / "signals").iterdir():
        table = pq.read_table(path)
        at = table.column_names.index("predicted_label")
        wrong = pa.array([77] * len(table), pa.int32())
        pq.write_table(table.set_column(at, "predicted_label", wrong), path)
    page = open_page(name, run="tiny")  # which asserts that nothing raised
    assert "its predicted_label is not in 0..4 throughout" in said(page)


def test_a_page_looks_at_the_parts_of_a_run_and_at_nothing_else(folder):
    """Else a file that is renamed between the list and the look would raise: it is not listed."""
    write_run(folder / "tiny")
    kept = {"verdicts.jsonl", "cache", "checkpoint.pt", ".lock"}
    assert {path.name for path in (folder / "tiny").iterdir()} <= kept | set(SHOWN)
    before = version(folder / "tiny")
    (folder / "tiny" / ".#notes").symlink_to("nowhere")
    (folder / "tiny" / ".run.json.17.part").touch()
    (folder / "tiny" / "verdicts.jsonl").touch()
    assert version(folder / "tiny") == before
    os.replace(folder / "tiny" / ".run.json.17.part", folder / "tiny" / "signals" / "new")
    assert version(folder / "tiny") != before
    assert version(folder / "nothing") == version(folder / "nothing")
