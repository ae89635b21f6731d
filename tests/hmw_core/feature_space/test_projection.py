"""Projections: kept, repeatable, in every method, and refused with a reason."""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from hmw_core import RunReader, RunWriter
from hmw_core.errors import UsageError
from hmw_core.feature_space import embeddings, projection
from hmw_core.feature_space.projection import (
    cached,
    cancel,
    chosen_method,
    is_kept,
    project,
    share_computed,
)
from hmw_core.log import long_work
from hmw_core.log.long_work import Cancelled

ROOT = Path(__file__).parents[3]


def run_with(folder: Path, features: np.ndarray, vectors: np.ndarray | None = None) -> RunReader:
    """Write a run of one epoch whose features are given."""
    n = len(features)
    writer = RunWriter.create(folder, given_label=np.arange(n) % 2, n_classes=2, n_epochs=1)
    writer.record(np.arange(n), logits=np.tile([1.0, 0.0], (n, 1)))
    writer.end_epoch(1)
    writer.log_features(1, features, vectors)
    writer.finish()
    return RunReader(folder)


@pytest.fixture
def wide_run(tmp_path) -> RunReader:
    """Two classes of 30 samples in 64 dimensions, and the class vectors in their middles."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(2, 64)).astype(np.float32)
    features = vectors[np.arange(60) % 2] + 0.3 * rng.normal(size=(60, 64)).astype(np.float32)
    return run_with(tmp_path / "wide", features, vectors)


@pytest.mark.parametrize("method", embeddings.EMBEDDINGS)
def test_classes_part_and_each_vector_lies_with_its_class(wide_run, method):
    calls = []
    table = project(wide_run, method, progress=lambda *steps: calls.append(steps))
    assert table.columns.tolist() == ["kind", "sample_id", "class_label", "x", "y"]
    samples, vectors = table[table["kind"] == "sample"], table[table["kind"] == "class"]
    assert samples["sample_id"].tolist() == list(range(60))
    assert samples["class_label"].isna().all()
    assert vectors["class_label"].tolist() == [0, 1]
    assert vectors["sample_id"].isna().all()
    places = samples[["x", "y"]].to_numpy()
    middles = np.array([places[0::2].mean(axis=0), places[1::2].mean(axis=0)])
    stars = vectors[["x", "y"]].to_numpy()
    distances = np.linalg.norm(stars[:, None] - middles, axis=2)
    assert distances.argmin(axis=1).tolist() == [0, 1]
    of_samples = np.linalg.norm(places[:, None] - middles, axis=2)
    assert (of_samples.argmin(axis=1) == np.arange(60) % 2).all()
    assert calls[-1][0] == calls[-1][1]
    assert all(0 <= done <= total for done, total in calls)


@pytest.mark.parametrize("method", embeddings.EMBEDDINGS)
def test_same_seed_same_map_and_it_is_kept(wide_run, method, monkeypatch):
    assert cached(wide_run, method) is None
    first = project(wide_run, method)
    (file,) = (wide_run.folder / "projections").iterdir()
    assert file.name.startswith(f"{method}-epoch-00001-")
    file.unlink()
    again = project(wide_run, method)
    assert first.equals(again)
    monkeypatch.setitem(embeddings.EMBEDDINGS, method, None)  # calling it would fail
    kept = cached(wide_run, method)
    assert kept.equals(first)
    assert (kept.dtypes == first.dtypes).all()
    assert project(wide_run, method).equals(first)


def test_two_callers_compute_a_map_once(wide_run, monkeypatch):
    real, calls = embeddings.pca, []

    def slow(*arguments, **settings):
        calls.append(1)
        time.sleep(0.2)
        return real(*arguments, **settings)

    monkeypatch.setitem(embeddings.EMBEDDINGS, "pca", slow)
    found = []
    callers = [
        threading.Thread(target=lambda: found.append(project(RunReader(wide_run.folder), "pca")))
        for _ in range(3)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(calls) == 1
    assert found[0].equals(found[1])
    assert found[0].equals(found[2])
    assert list((wide_run.folder / "cache").iterdir()) == []


def test_a_map_is_kept_or_being_computed_or_neither(wide_run, monkeypatch):
    seen = []
    real = embeddings.pca

    def watched(*arguments, **settings):
        seen.append((is_kept(wide_run, "pca"), share_computed(wide_run, "pca")))
        arguments[3](1, 4)
        seen.append(share_computed(wide_run, "pca"))
        return real(*arguments, **settings)

    monkeypatch.setitem(embeddings.EMBEDDINGS, "pca", watched)
    assert share_computed(wide_run, "pca") is None
    project(wide_run, "pca", skip_undefined=True)
    assert seen == [(False, 0.0), 0.25]
    assert is_kept(wide_run, "pca")
    assert not is_kept(wide_run, "tsne")
    assert share_computed(wide_run, "pca") is None


def test_a_cancelled_map_is_not_kept(wide_run, monkeypatch):
    monkeypatch.setattr(long_work, "TELL_EVERY", 0)
    real = embeddings.pca

    def cancelled(*arguments, **settings):
        cancel(wide_run, "pca")
        return real(*arguments, **settings)

    monkeypatch.setitem(embeddings.EMBEDDINGS, "pca", cancelled)
    with pytest.raises(Cancelled):
        project(wide_run, "pca")
    assert not is_kept(wide_run, "pca")


def test_a_read_only_process_locks_nothing(wide_run, monkeypatch):
    monkeypatch.setenv("HMW_READ_ONLY", "1")
    before = sorted(wide_run.folder.rglob("*"))
    assert len(project(wide_run, "pca")) == 62
    assert sorted(wide_run.folder.rglob("*")) == before


def test_what_decides_the_map_decides_the_file(wide_run):
    project(wide_run, "pca")
    for other in ({"seed": 1}, {"given_label": 0}, {"sample_ids": range(9)}):
        assert cached(wide_run, "pca", **other) is None
    assert cached(wide_run, "pca", epoch=1) is not None
    project(wide_run, "tsne", perplexity=5)
    assert cached(wide_run, "tsne") is None
    assert cached(wide_run, "tsne", perplexity=5) is not None
    assert cached(wide_run, "tsne", np.int64(1), seed=np.int64(0), perplexity=5.0) is not None


def test_parameters_and_library_are_in_the_file(wide_run):
    project(wide_run, "tsne", seed=3)
    (file,) = (wide_run.folder / "projections").iterdir()
    about = json.loads(pq.read_schema(file).metadata[projection.METADATA_KEY])
    assert about["parameters"]["seed"] == 3
    assert about["parameters"]["perplexity"] == 30.0
    assert about["library"].startswith("openTSNE ")


@pytest.mark.parametrize("damage", ["truncated", "empty", "foreign", "of another plan"])
def test_a_damaged_file_is_computed_again(wide_run, damage):
    good = project(wide_run, "pca")
    (file,) = (wide_run.folder / "projections").iterdir()
    whole = file.read_bytes()
    if damage == "truncated":
        file.write_bytes(whole[: len(whole) // 2])
    elif damage == "empty":
        file.write_bytes(b"")
    elif damage == "foreign":
        pq.write_table(pq.read_table(file).select(["x"]).replace_schema_metadata(None), file)
    else:
        project(wide_run, "pca", given_label=0)
        (other,) = {*(wide_run.folder / "projections").iterdir()} - {file}
        file.write_bytes(other.read_bytes())
    assert cached(wide_run, "pca") is None
    assert project(wide_run, "pca").equals(good)
    assert cached(wide_run, "pca").equals(good)


def test_one_class_or_a_few_samples(wide_run):
    of_one = project(wide_run, "pca", given_label=1)
    assert of_one["sample_id"].dropna().tolist() == list(range(1, 60, 2))
    assert (of_one["kind"] == "class").sum() == 2
    few = project(wide_run, "pca", sample_ids=[7, 3, 3])
    assert few["sample_id"].dropna().tolist() == [3, 7]
    both = project(wide_run, "pca", given_label=1, sample_ids=[2, 3])
    assert both["sample_id"].dropna().tolist() == [3]


def test_automatic_method():
    assert [chosen_method("auto", n) for n in (4, 5, 5000, 5001)] == ["pca", "tsne", "tsne", "umap"]
    with pytest.raises(UsageError, match="umap needs at least 5 samples, not 4"):
        chosen_method("umap", 4)


def test_without_class_vectors_there_are_only_samples(tmp_path):
    features = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    table = project(run_with(tmp_path / "run", features))
    assert table["kind"].tolist() == ["sample"] * 6


def test_one_sample_and_one_dimension(tmp_path):
    run = run_with(tmp_path / "run", np.array([[1.0], [-2.0]], dtype=np.float32))
    assert project(run)[["x", "y"]].notna().all(axis=None)


@pytest.mark.parametrize("bad", [0.0, np.nan])
def test_features_without_a_direction(tmp_path, bad):
    features = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
    features[[2, 5]] = bad
    run = run_with(tmp_path / "run", features)
    with pytest.raises(UsageError, match=r"2 of 8 samples .* no direction \(first: sample_id 2\)"):
        project(run, "pca")
    table = project(run, "pca", skip_undefined=True)
    assert table["sample_id"].tolist() == [0, 1, 3, 4, 6, 7]


def test_class_vectors_without_a_direction(tmp_path):
    features = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
    run = run_with(tmp_path / "run", features, np.zeros((2, 3), dtype=np.float32))
    with pytest.raises(UsageError, match=r"class vectors of classes \[0, 1\]"):
        project(run, "pca")


def test_features_of_one_direction(tmp_path):
    run = run_with(tmp_path / "run", np.ones((8, 3), dtype=np.float32))
    with pytest.raises(UsageError, match="same direction"):
        project(run)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "mds"}, "unknown projection method 'mds'; known: tsne, umap, pca"),
        ({"epoch": 9}, "no features of epoch 9"),
        ({"method": "pca", "perplexity": 5}, "pca has no setting perplexity"),
        ({"method": "tsne", "perplexity": 0.5}, "perplexity is at least 1"),
        ({"method": "umap", "n_neighbors": 1}, "n_neighbors is at least 2"),
        ({"sample_ids": [99]}, r"sample_id is in 0\.\.59"),
        ({"sample_ids": []}, "nothing to map"),
        ({"given_label": 7}, "no sample of class 7"),
    ],
)
def test_what_cannot_be_mapped_is_said(wide_run, arguments, message):
    for ask in (project, cached):
        with pytest.raises(UsageError, match=message):
            ask(wide_run, **arguments)


def test_a_folder_that_cannot_be_written_still_gives_the_map(wide_run):
    (wide_run.folder / "projections").write_text("in the way")
    assert len(project(wide_run, "pca")) == 62
    assert cached(wide_run, "pca") is None


def test_reducing_keeps_the_angles_that_matter():
    rng = np.random.default_rng(0)
    points = (rng.normal(size=(80, 10)) @ rng.normal(size=(10, 200))).astype(np.float32)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    reduced = embeddings.reduce(points, 70)
    assert reduced.shape == (80, 50)
    assert reduced @ reduced.T == pytest.approx(points @ points.T, abs=1e-4)


def test_slow_libraries_load_only_when_used():
    code = (
        "import sys, hmw_core.feature_space.projection; "
        "sys.exit(bool({'umap', 'openTSNE', 'numba', 'torch'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.slow
def test_umap_of_many_samples_raises_no_warning():
    points = np.random.default_rng(0).normal(size=(4200, 8)).astype(np.float32)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    assert np.isfinite(embeddings.umap(points, 4200)).all()  # approximate neighbours from 4,096 on
