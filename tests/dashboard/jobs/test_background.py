"""Maps computed beside the dashboard: when they are needed, and how they end."""

import time

import pytest

from dashboard.jobs import background
from dashboard.jobs.background import MapJobs, missing_map, start_map
from hmw_core.feature_space import projection
from hmw_core.feature_space.projection import cached
from hmw_core.log.long_work import LongWork
from hmw_core.log.reader import RunReader
from tests.conftest import write_run


def wait(job: background.Job) -> None:
    end = time.monotonic() + 60
    while job.running and time.monotonic() < end:
        time.sleep(0.1)
    assert not job.running


def test_small_run_needs_no_job(tiny_run):
    assert missing_map(tiny_run, "auto") is None


def test_a_read_only_server_starts_no_process(tmp_path, monkeypatch):
    monkeypatch.setattr(background, "WAITED_FOR", 10)
    write_run(tmp_path / "run")
    run = RunReader(tmp_path / "run")
    assert missing_map(run, "auto") > 0
    monkeypatch.setenv("HMW_READ_ONLY", "1")
    assert missing_map(run, "auto") is None  # it is computed in memory, as it is small
    monkeypatch.setattr(background, "AT_ONCE", 10)
    assert missing_map(run, "auto") > 0


def test_run_without_features_needs_none_either(tmp_path, monkeypatch):
    monkeypatch.setattr(background, "WAITED_FOR", 10)
    write_run(tmp_path / "run", epochs=0)
    assert missing_map(RunReader(tmp_path / "run"), "auto") is None


@pytest.mark.slow
def test_job_writes_the_map_that_was_missing(tmp_path, monkeypatch):
    monkeypatch.setattr(background, "WAITED_FOR", 10)
    write_run(tmp_path / "run")
    run = RunReader(tmp_path / "run")
    assert missing_map(run, "pca") > 0
    job = start_map(run, "pca")
    wait(job)
    assert job.failure is None
    assert cached(run, "pca", skip_undefined=True) is not None
    assert missing_map(run, "pca") is None


@pytest.mark.slow
def test_a_map_that_a_job_computes_is_not_begun_again_and_ends_when_cancelled(tmp_path):
    write_run(tmp_path / "run")
    run = RunReader(tmp_path / "run")
    jobs, others = MapJobs(), MapJobs()
    lock = projection._lock(run, projection._plans(run, "pca")[0])
    with LongWork(lock):  # as a training has it that computes the map at its end
        assert jobs.share(run, "pca") == 0.0
        jobs.begin(run, "pca")
        assert jobs._jobs == {}
        others.cancel(run, "pca")
        assert others.share(run, "pca") is None
        others.begin_unasked(run, "pca")
        assert others.share(run, "pca") is None  # it is not begun again
    jobs.begin_unasked(run, "pca")
    assert jobs.share(run, "pca") == 0.0
    jobs.cancel(run, "pca")
    (job,) = jobs._jobs.values()
    wait(job)
    assert jobs.failure(run, "pca") is None
    assert jobs.share(run, "pca") is None


@pytest.mark.slow
def test_failure_is_what_the_job_said_last(tmp_path):
    write_run(tmp_path / "run")
    run = RunReader(tmp_path / "run")
    (tmp_path / "run" / "run.json").unlink()
    job = start_map(run, "pca")
    wait(job)
    assert "run.json" in job.failure
