"""A read-only server: every page shows its run, and no file of the folder changes."""

import os
from pathlib import Path

import pytest
import streamlit as st

from dashboard import runs
from dashboard.jobs import background
from hmw_core import RunReader
from hmw_core.pictures.duplicates import compare_pairs
from tests.conftest import write_run
from tests.dashboard.views.steps import open_page, said
from tests.dashboard.views.test_views import ADDRESSES


def listing(folder: Path) -> dict[str, tuple[int, int, int]]:
    """Return what each file and folder below is: any write changes it."""
    found = {}
    for path in sorted(folder.parent.rglob("*")):
        stat = path.stat()
        found[str(path)] = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
    return found


def visit_all(run: str) -> None:
    for name in ADDRESSES:
        open_page(name, run=run)


def test_no_page_writes_anything(folder, monkeypatch):
    write_run(folder / "tiny")
    monkeypatch.setenv("HMW_READ_ONLY", "1")
    before = listing(folder)
    visit_all("tiny")
    assert listing(folder) == before
    monkeypatch.delenv("HMW_READ_ONLY")  # so that the same look would have found it
    st.cache_resource.clear()  # which kept the map in memory
    open_page("clusters", run="tiny")
    assert listing(folder) != before


def test_duplicates_are_shown_where_they_are_kept_and_never_searched(folder, monkeypatch):
    write_run(folder / "tiny")
    monkeypatch.setenv("HMW_READ_ONLY", "1")
    page = open_page("duplicates", run="tiny")
    assert said(page).count("read-only:") == 1
    assert "whoever keeps the run does it" in said(page)
    assert not page.button
    before = listing(folder)
    assert len(compare_pairs(RunReader(folder / "tiny"))) > 0  # in memory
    assert listing(folder) == before
    monkeypatch.delenv("HMW_READ_ONLY")
    compare_pairs(RunReader(folder / "tiny"))
    monkeypatch.setenv("HMW_READ_ONLY", "1")
    page = open_page("duplicates", run="tiny")
    assert "pairs** of near-duplicates" in said(page)
    assert all(button.disabled for button in page.button if button.label.startswith("Review"))


@pytest.mark.parametrize("name", ["clusters", "class"])
def test_a_large_map_is_not_started(folder, monkeypatch, name):
    write_run(folder / "tiny")
    monkeypatch.setattr(background, "AT_ONCE", 5)
    monkeypatch.setenv("HMW_READ_ONLY", "1")
    page = open_page(name, run="tiny")
    assert "into which this read-only server writes nothing" in said(page)
    assert "Compute the map" not in [button.label for button in page.button]
    assert "dashboard.project" in page.code[0].value


def test_one_variable_decides(monkeypatch):
    for value, expected in (("1", True), ("0", False), ("", False)):
        monkeypatch.setitem(os.environ, "HMW_READ_ONLY", value)
        assert runs.read_only() is expected
