"""What is kept of a run: as long as the parts that were read stay as they are, and no longer."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from dashboard.cached.kept import kept_for, version
from dashboard.presenters.summary import summary
from hmw_core import RunWriter, list_runs
from hmw_core.log import layout, verdicts
from hmw_core.log.reader import RunReader
from hmw_core.log.verdicts import Verdict
from tests.conftest import write_run

CALLS: list[str] = []


@kept_for("signals", max_entries=2)
def of_signals(run, *words):
    CALLS.append("signals")
    return pd.Series(words)


@kept_for("verdicts.jsonl", max_entries=2)
def of_verdicts(run):
    CALLS.append("verdicts")


@kept_for(max_entries=2)
def of_all(runs, option=1):
    CALLS.append("all")


@pytest.fixture
def run(tmp_path) -> RunReader:
    write_run(tmp_path / "tiny", epochs=2)
    return RunReader(tmp_path / "tiny")


def called(run: RunReader) -> list[str]:
    """Ask all three of a run, by a reader of its own, and return which were called."""
    CALLS.clear()
    reader = RunReader(run.folder)
    of_signals(reader)
    of_verdicts(reader)
    of_all([reader])
    return CALLS.copy()


def test_each_is_called_anew_only_when_what_it_reads_changes(run):
    assert called(run) == ["signals", "verdicts", "all"]
    assert called(run) == []
    verdicts.append(run, [Verdict(3, "keep", int(run.samples()["given_label"][3]))])
    assert called(run) == ["verdicts"]  # no figure shows a verdict
    layout.write_whole(run.folder / "cache" / "fitted.parquet", b"")
    assert called(run) == []
    layout.write_whole(run.folder / "projections" / "map.parquet", b"")
    assert called(run) == ["all"]
    layout.write_whole(layout.epoch_file(run.folder, "signals", 3), b"")
    assert called(run) == ["signals", "all"]


def test_runs_and_options_are_kept_apart_and_all_get_the_same_object(run, tmp_path):
    write_run(tmp_path / "other", epochs=2)
    other = RunReader(tmp_path / "other")
    CALLS.clear()
    first = of_signals(run, "a", 1)
    assert of_signals(run, "a", 1) is first
    assert of_signals(run, "a", 2) is not first
    of_signals(other, "a", 1)  # the third of two: the oldest goes
    assert of_signals(run, "a", 1) is not first
    assert CALLS == ["signals"] * 4
    CALLS.clear()
    of_all([run, other])
    of_all([other, run])
    of_all([run, other], option=2)
    assert CALLS == ["all"] * 3


def test_a_run_that_grows_while_it_is_watched_never_raises(tmp_path):
    n_epochs, seen = 200, []
    labels = [0, 1] * 8
    writer = RunWriter.create(tmp_path / "r", given_label=labels, n_classes=2, n_epochs=n_epochs)

    def log() -> None:
        with writer:
            for epoch in range(1, n_epochs + 1):
                writer.record(np.arange(16), np.eye(2, dtype=np.float32)[labels])
                writer.end_epoch(epoch)

    with ThreadPoolExecutor(max_workers=1) as pool:
        logging = pool.submit(log)
        while not logging.done():
            version(tmp_path / "r")
            (reader,) = list_runs(tmp_path)
            assert not isinstance(reader, tuple), reader
            seen.append(summary(reader)["last_epoch"])
        logging.result()
    assert len(set(seen)) > 10  # it was looked at while it grew
    assert seen == sorted(seen)
