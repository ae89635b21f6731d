"""What a run's logger warned of is on the terminal, in run.json, and on every page of the run."""

import io
import json

import pytest
from rich.console import Console

from dashboard.export.prepared import Prepared
from dashboard.export.report import report_html
from hmw_core import RunReader, RunWriter
from hmw_core.log.schema import RunWarning
from tests.conftest import write_run
from tests.dashboard.views.steps import open_page, said, shown_samples
from training.progress import TrainingProgress

TEXT = "40 of 200 pictures are <b>black</b>"


@pytest.fixture
def warned(folder):
    write_run(folder / "tiny", finish=None).warn(TEXT, [7, 3])
    writer = RunWriter.resume(folder / "tiny")
    writer.warn(TEXT, [7, 3])
    writer.warn(TEXT, [1])  # said already
    writer.finish()
    return RunReader(folder / "tiny")


def test_a_warning_is_in_the_log_once(warned):
    assert warned.warnings == (RunWarning(TEXT, (7, 3)),)
    assert json.loads((warned.folder / "run.json").read_text())["warnings"][0]["text"] == TEXT


@pytest.mark.parametrize("name", ["class", "detection", "review"])
def test_a_warning_is_on_the_pages_of_the_run_with_its_pictures(warned, name):
    page = open_page(name, run="tiny")
    assert TEXT in said(page)
    assert shown_samples(page)[:2] == ["7", "3"]


def test_a_warning_is_on_the_overview_and_in_the_report(warned):
    page = open_page("overview")
    next(button for button in page.button if button.label == "1 warning").click().run()
    assert TEXT in said(page)
    report = report_html(warned, prepared=Prepared())
    assert "40 of 200 pictures are &lt;b&gt;black&lt;/b&gt;" in report


def test_a_warning_is_printed_once():
    stream = io.StringIO()
    progress = TrainingProgress("tiny", 2, 1, Console(file=stream, width=40))
    progress.warn([TEXT])
    progress.warn([TEXT, "another [red]"])
    assert stream.getvalue() == f"warning: {TEXT}\nwarning: another [red]\n"
