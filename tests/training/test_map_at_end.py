"""The map at the end of a training: kept, skipped, switched off, or a warning; never a failure."""

import io
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from rich.console import Console

from hmw_core import RunReader
from hmw_core.feature_space.projection import cached, is_kept
from hmw_core.log.layout import epoch_file
from tests.conftest import write_run
from tests.training.test_main import arguments
from training import map_at_end
from training.__main__ import main
from training.map_at_end import map_samples

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path):
    write_run(tmp_path / "run")
    return tmp_path / "run"


def said(folder: Path) -> str:
    """Return what is said of a run's map."""
    console = Console(file=io.StringIO())
    map_samples(folder, console)
    return console.file.getvalue()


@pytest.mark.slow
def test_a_training_keeps_the_map_that_the_pages_look_for(tmp_path, capsys):
    words = [word for word in arguments(tmp_path) if word != "--no-map"]
    assert main(words) == 0
    last = capsys.readouterr().out.strip().splitlines()[-1]
    assert last == (
        "Finished. Computing the map of the samples for the dashboard: about 2 s; "
        "Ctrl-C skips it, the run is complete."
    )
    assert len(cached(RunReader(tmp_path / "r"), skip_undefined=True)) == 96 + 10
    assert said(tmp_path / "r") == ""  # it is not computed again


@pytest.mark.slow
def test_it_can_be_switched_off_and_is_no_part_of_the_config(tmp_path, capsys):
    assert main(arguments(tmp_path)) == 0  # which say --no-map
    assert "map" not in capsys.readouterr().out
    run = RunReader(tmp_path / "r")
    assert not is_kept(run)
    assert "map" not in run.info["config"]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_skips_it_and_the_training_has_succeeded(tmp_path, number):
    slow = (
        "import sys, time; from training import map_at_end; from pathlib import Path\n"
        "from rich.console import Console\n"
        "map_at_end.sys.executable = sys.argv[2]\n"
        "map_at_end.map_samples(Path(sys.argv[1]), Console())\n"
    )
    write_run(tmp_path / "run")
    sleeper = tmp_path / "sleeper"
    sleeper.write_text("#!/bin/sh\nexec sleep 60\n")
    sleeper.chmod(0o755)
    process = subprocess.Popen(
        [sys.executable, "-c", slow, str(tmp_path / "run"), str(sleeper)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        text=True,
    )
    killer = threading.Timer(60, process.kill)
    killer.start()
    assert process.stdout.readline().startswith("Finished.")
    process.send_signal(number)
    out, errors = process.communicate()
    killer.cancel()
    assert process.returncode == 0
    assert out == "Skipped; the dashboard computes it when the run is opened there.\n"
    assert errors == ""
    assert not is_kept(RunReader(tmp_path / "run"))


@pytest.mark.slow
def test_a_failure_is_a_warning_of_one_sentence(folder):
    epoch_file(folder, "features", 4).write_bytes(b"PAR1")
    lines = said(folder).splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("warning: the map was not computed: ")
    assert "epoch-00004.parquet" in lines[1]
    assert RunReader(folder).status == "finished"


def test_a_killed_process_is_a_warning(folder, tmp_path, monkeypatch):
    killed = tmp_path / "killed"
    killed.write_text("#!/bin/sh\nkill -9 $$\n")
    killed.chmod(0o755)
    monkeypatch.setattr(map_at_end.sys, "executable", str(killed))
    assert "was ended by SIGKILL" in said(folder)


@pytest.mark.parametrize("why", ["no features", "too many", "read-only", "no library", "no run"])
def test_where_there_is_nothing_to_do_no_process_is_started(folder, monkeypatch, why):
    monkeypatch.setattr(map_at_end.processes, "start", None)  # calling it would fail
    if why == "no features":
        for file in (folder / "features").iterdir():
            file.unlink()
    if why == "too many":
        monkeypatch.setattr(map_at_end, "UNASKED_UP_TO", 59)
    if why == "read-only":
        monkeypatch.setenv("HMW_READ_ONLY", "1")
    if why == "no library":
        monkeypatch.setattr(map_at_end, "can_compute", lambda *_: False)
    if why == "no run":
        (folder / "run.json").unlink()
        assert said(folder).startswith("warning: there is nothing to map: run: no run.json")
    else:
        assert said(folder) == ""
