"""Neighbours: those of plain loops, equals in order, what has no direction left out."""

from pathlib import Path

import numpy as np
import pytest

from hmw_core import RunReader, RunWriter
from hmw_core.errors import UsageError
from hmw_core.feature_space import neighbours
from hmw_core.feature_space.neighbours import directions, nearest, nearest_rows


def run_with(folder: Path, features: np.ndarray | None, n_samples: int = 0) -> RunReader:
    """Write a run of one epoch whose features are given."""
    n = n_samples if features is None else len(features)
    writer = RunWriter.create(folder, given_label=np.arange(n) % 3, n_classes=3, n_epochs=1)
    writer.record(np.arange(n), logits=np.tile([1.0, 0.0, 0.5], (n, 1)))
    writer.end_epoch(1)
    if features is not None:
        writer.log_features(1, features)
    writer.finish()
    return RunReader(folder)


def by_loops(features: np.ndarray, sample_id: int, k: int) -> list[int]:
    """Return the nearest by the definition of the cosine, one pair at a time."""
    cosines = {}
    for other, vector in enumerate(features):
        if other != sample_id:
            lengths = np.linalg.norm(vector) * np.linalg.norm(features[sample_id])
            cosines[other] = float(vector @ features[sample_id] / lengths)
    return sorted(cosines, key=lambda other: -cosines[other])[:k]


@pytest.mark.parametrize("block", [7, 2048])
def test_same_as_plain_loops_in_any_blocks(tmp_path, monkeypatch, block):
    monkeypatch.setattr(neighbours, "BLOCK", block)
    features = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float16)
    run = run_with(tmp_path / "run", features)
    table = nearest(run, range(50), k=4)
    for sample_id, part in table.groupby("sample_id"):
        assert part["neighbour_id"].tolist() == by_loops(features.astype(float), sample_id, 4)
        assert part["place"].tolist() == [1, 2, 3, 4]
        assert part["cosine"].is_monotonic_decreasing
    assert table["given_label"].tolist() == (table["neighbour_id"] % 3).tolist()
    one = nearest(run, [17], k=4).reset_index(drop=True)
    assert one.equals(table[table["sample_id"] == 17].reset_index(drop=True))


def test_length_does_not_matter_and_equals_come_by_id(tmp_path):
    features = np.array([[1, 0], [3, 0], [0, 1], [2, 0], [-1, 0]], dtype=np.float32)
    table = nearest(run_with(tmp_path / "run", features), [3, 0], k=9)
    assert table["sample_id"].tolist() == [3] * 4 + [0] * 4
    assert table["neighbour_id"].tolist() == [0, 1, 2, 4, 1, 3, 2, 4]
    assert table["cosine"].tolist() == [1, 1, 0, -1] * 2


def test_more_copies_than_neighbours_never_give_the_sample_itself():
    vectors = np.tile(np.array([[0.6, 0.8]], dtype=np.float32), (30, 1))
    rows, cosine = nearest_rows(vectors, None, 3)
    assert (rows != np.arange(30)[:, None]).all()
    assert cosine == pytest.approx(1.0)


@pytest.mark.parametrize("bad", [0.0, np.nan])
def test_what_has_no_direction_is_left_out_and_named(tmp_path, bad):
    features = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
    features[[2, 5]] = bad
    run = run_with(tmp_path / "run", features)
    table = nearest(run, range(8), k=7)
    assert table["sample_id"].unique().tolist() == [0, 1, 3, 4, 6, 7]
    assert set(table["neighbour_id"]) == {0, 1, 3, 4, 6, 7}
    assert directions(run).left_out.tolist() == [2, 5]
    assert nearest(run, [2]).empty


def test_one_sample_has_no_neighbour(tmp_path):
    assert nearest(run_with(tmp_path / "run", np.ones((1, 2), np.float32)), [0]).empty


def test_nothing_asked_gives_an_empty_table_with_its_columns(tmp_path):
    table = nearest(run_with(tmp_path / "run", np.ones((3, 2), np.float32)), [])
    assert table.columns.tolist() == [
        "sample_id",
        "place",
        "neighbour_id",
        "cosine",
        "given_label",
    ]
    assert table.empty


def test_progress_ends_with_all(tmp_path, monkeypatch):
    monkeypatch.setattr(neighbours, "BLOCK", 4)
    vectors = np.eye(10, dtype=np.float32)
    calls = []
    nearest_rows(vectors, None, 2, lambda *done: calls.append(done))
    assert calls == [(4, 10), (8, 10), (10, 10)]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"sample_ids": [3]}, r"sample_id is in 0\.\.2 .* not 3"),
        ({"sample_ids": [-1]}, r"sample_id is in 0\.\.2 .* not -1"),
        ({"sample_ids": [0], "k": 0}, "at least 1 neighbour"),
        ({"sample_ids": [0], "epoch": 7}, "no features of epoch 7"),
    ],
)
def test_what_cannot_be_asked_is_said(tmp_path, asked, message):
    run = run_with(tmp_path / "run", np.eye(3, dtype=np.float32))
    with pytest.raises(UsageError, match=message):
        nearest(run, **asked)


def test_a_run_without_features_says_so(tmp_path):
    with pytest.raises(UsageError, match="no features of any epoch"):
        nearest(run_with(tmp_path / "run", None, 4), [0])
