"""Neighbours' scores against plain loops: ties, few samples, epochs and windows, what is kept."""

from pathlib import Path

import numpy as np
import pytest

from hmw_core import RunReader, RunWriter
from hmw_core.criteria import CRITERIA
from hmw_core.criteria.compute import compute_scores, score_of, why_absent
from hmw_core.criteria.neighbour_scores import disagreement, vote
from hmw_core.errors import UsageError
from hmw_core.feature_space import neighbours
from hmw_core.feature_space.neighbours import neighbour_table

NAMES = ("neighbour_disagreement", "neighbour_vote")


def write(folder: Path, given: np.ndarray, features: dict[int, np.ndarray], n_epochs: int = 1):
    """Write a run whose features at some epochs are given."""
    n, n_classes = len(given), max(int(given.max()) + 1, 3)
    writer = RunWriter.create(folder, given_label=given, n_classes=n_classes, n_epochs=n_epochs)
    for epoch in range(1, n_epochs + 1):
        writer.record(np.arange(n), logits=np.zeros((n, n_classes)))
        writer.end_epoch(epoch)
        if epoch in features:
            writer.flush()
            writer.log_features(epoch, features[epoch])
    writer.finish()
    return RunReader(folder)


def by_loops(given: np.ndarray, features: np.ndarray, k: int) -> tuple[list[float], list[float]]:
    """Return both scores by their definition, one pair and one vote at a time."""
    shares, votes = [], []
    for i, vector in enumerate(features):
        cosine = {}
        for j, other in enumerate(features):
            if i != j:
                cosine[j] = vector @ other / np.linalg.norm(vector) / np.linalg.norm(other)
        nearest = sorted(cosine, key=lambda j: (-cosine[j], j))[:k]
        counts: dict[int, int] = {}
        for j in nearest:
            counts[int(given[j])] = counts.get(int(given[j]), 0) + 1
        own = counts.pop(int(given[i]), 0)
        shares.append((len(nearest) - own) / len(nearest))
        votes.append((own - max(counts.values(), default=0)) / len(nearest))
    return shares, votes


@pytest.mark.parametrize("n", [60, 9])  # 9 samples have 8 neighbours, not 10
def test_same_as_plain_loops(tmp_path, n):
    rng = np.random.default_rng(n)
    given = rng.integers(0, 4, n)
    features = (rng.normal(size=(n, 5)) + 2 * np.eye(4, 5)[given]).astype(np.float16)
    scores = compute_scores(write(tmp_path / "run", given, {1: features}), CRITERIA)
    shares, votes = by_loops(given, features.astype(float), 10)
    np.testing.assert_allclose(scores["neighbour_disagreement"], shares, rtol=1e-12)
    np.testing.assert_allclose(scores["neighbour_vote"], votes, rtol=1e-12, atol=1e-12)


def test_votes_by_hand():
    given = np.array([1, 1, 1, 1])
    labels = np.array([[1, 1, 1, 1], [1, 1, 2, 3], [2, 2, 1, 1], [2, 2, 2, 3]])
    assert disagreement(given, labels).tolist() == [0.0, 0.5, 0.5, 1.0]
    assert vote(given, labels).tolist() == [1.0, 0.25, 0.0, -0.75]


def test_the_features_are_of_the_last_epoch_in_the_window_that_has_some(tmp_path):
    rng = np.random.default_rng(0)
    given = np.arange(40) % 3
    early = rng.normal(size=(40, 4)).astype(np.float16)
    late = (early + 5 * np.eye(3, 4)[given]).astype(np.float16)
    run = write(tmp_path / "run", given, {2: early, 4: late}, n_epochs=5)
    shares = {e: by_loops(given, f.astype(float), 10)[0] for e, f in ((2, early), (4, late))}
    criterion = CRITERIA["neighbour_disagreement"]
    for epoch, used in ((2, 2), (3, 2), (4, 4), (5, 4)):
        np.testing.assert_allclose(score_of(criterion, run, epoch), shares[used])
    assert score_of(criterion, run, 1).isna().all()
    assert score_of(criterion, run, 3, first=3).isna().all()


def test_samples_without_a_direction_have_no_score_and_no_say(tmp_path):
    rng = np.random.default_rng(1)
    given = np.arange(30) % 3
    features = rng.normal(size=(30, 4)).astype(np.float16)
    features[[4, 7]] = 0.0
    features[9] = np.nan
    run = write(tmp_path / "run", given, {1: features})
    there = np.setdiff1d(np.arange(30), [4, 7, 9])
    expected = by_loops(given[there], features[there].astype(float), 10)
    scores = compute_scores(run, {name: CRITERIA[name] for name in NAMES})
    assert scores.loc[[4, 7, 9]].isna().all(axis=None)
    for name, values in zip(NAMES, expected, strict=True):
        np.testing.assert_allclose(scores.loc[there, name], values, atol=1e-12)


def test_a_lone_sample_has_no_neighbour_to_ask(tmp_path):
    run = write(tmp_path / "run", np.array([1]), {1: np.ones((1, 2), np.float32)})
    for name in NAMES:
        assert score_of(CRITERIA[name], run).isna().all()


def test_without_features_the_reason_is_said(tmp_path):
    run = write(tmp_path / "run", np.arange(6) % 3, {})
    for name in NAMES:
        assert "no features were logged" in why_absent(run, CRITERIA[name])
        assert score_of(CRITERIA[name], run).isna().all()


def test_one_search_serves_both_and_later_calls(tmp_path, monkeypatch):
    rng = np.random.default_rng(2)
    run = write(tmp_path / "run", np.arange(50) % 3, {1: rng.normal(size=(50, 4))})
    searches = []
    search = neighbours.nearest_rows
    monkeypatch.setattr(
        neighbours, "nearest_rows", lambda *given: searches.append(1) or search(*given)
    )
    for name in NAMES:
        score_of(CRITERIA[name], run)
    again = neighbour_table(RunReader(run.folder))
    assert len(searches) == 1
    assert again.index.tolist() == list(range(50))
    assert list(again) == [str(place) for place in range(1, 11)]
    neighbour_table(run, k=3)
    assert len(searches) == 2


def test_other_features_are_searched_anew(tmp_path):
    rng = np.random.default_rng(3)
    run = write(tmp_path / "run", np.arange(50) % 3, {1: rng.normal(size=(50, 4))})
    before = neighbour_table(run)
    writer = RunWriter.resume(run.folder, last_epoch=1)
    writer.log_features(1, rng.normal(size=(50, 4)).astype(np.float32))
    writer.finish()
    assert not before.equals(neighbour_table(RunReader(run.folder)))


def test_what_cannot_be_asked_is_said(tmp_path):
    run = write(tmp_path / "run", np.arange(6) % 3, {1: np.eye(6, 4) + 1})
    with pytest.raises(UsageError, match="at least 1 neighbour"):
        neighbour_table(run, k=0)
    with pytest.raises(UsageError, match="no features of epoch 3"):
        neighbour_table(run, epoch=3)


@pytest.mark.parametrize("n", [31, 32, 33, 700])
def test_the_largest_lie_in_the_groups_of_the_largest_maxima(n):
    """With many equals, too: then it is the cosines that must be right."""
    vectors = np.sign(np.random.default_rng(n).normal(size=(n, 4))).astype(np.float32) / 2
    rows, cosine = neighbours.nearest_rows(vectors, None, 12)
    table = vectors @ vectors.T
    np.fill_diagonal(table, -np.inf)
    np.testing.assert_allclose(cosine, -np.sort(-table, axis=1)[:, :12], atol=1e-6)
    np.testing.assert_allclose(np.take_along_axis(table, rows, axis=1), cosine, atol=1e-6)
    assert all(len(set(found)) == 12 for found in rows.tolist())
