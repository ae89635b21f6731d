"""Transition matrices and patterns: against counts by hand, cleanlab, and noise of known kind."""

import json

import numpy as np
import pandas as pd
import pytest

from hmw_core import RunReader, RunWriter
from hmw_core.errors import UsageError
from hmw_core.laboratory import transition
from hmw_core.laboratory.transition_pattern import (
    classify_pattern,
    known_groups,
    noise_by_sample,
    sample_dependence,
    verdict,
)
from hmw_core.noise import apply_noise
from tests.conftest import write_run

CIFAR10 = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def noisy(name, rate, n=4000, n_classes=10, **about):
    true = np.arange(n) % n_classes
    given = apply_noise(name, true, rate, n_classes, np.random.default_rng(0), **about).given_label
    return true, given


def best(table, question="where to"):
    return table[(table["question"] == question) & table["is_best"]]["hypothesis"].item()


def with_noise(folder, **noise):
    path = folder / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"noise": noise}))
    return RunReader(folder)


def test_counts_leave_unknown_labels_out():
    true = pd.array([0, 1, None, 1], dtype="Int64")
    assert transition.pair_counts(true, [0, 0, 1, 1], 2).tolist() == [[1, 0], [1, 1]]


def test_shares_have_wilsons_interval():
    from scipy.stats import binomtest

    found = transition.row_shares(np.array([[8, 2, 0], [0, 0, 0], [0, 0, 5]]))
    assert found.share[0].tolist() == [0.8, 0.2, 0.0]
    interval = binomtest(2, 10).proportion_ci(method="wilson")
    assert (found.low[0, 1], found.high[0, 1]) == pytest.approx(tuple(interval))
    assert np.isnan(found.share[1]).all()


def test_an_error_by_hand():
    truth = np.array([[0.8, 0.1, 0.1], [0.0, 1.0, 0.0], [0.5, 0.0, 0.5]])
    estimate = np.array([[0.6, 0.2, 0.2], [0.0, 1.0, 0.0], [np.nan] * 3])
    found = transition.matrix_error(estimate, truth, np.array([30, 10, 5]))
    assert found.mean_absolute == pytest.approx(0.4 / 6)
    assert found.total_variation == pytest.approx(0.2 * 30 / 40)
    assert found.of_flips == pytest.approx(0.0)  # flips go to the right classes
    assert (found.worst, found.worst_total_variation) == (0, pytest.approx(0.2))
    nothing = transition.matrix_error(np.full((2, 2), np.nan), np.eye(2), np.ones(2))
    assert np.isnan(nothing.total_variation)
    assert nothing.worst == -1


@pytest.mark.parametrize(
    ("name", "rate"),
    [("symmetric", 0.4), ("symmetric_exclusive", 0.4), ("pair_flip", 0.3), ("block_shift", 0.3)],
)
def test_the_designed_matrix_is_what_much_noise_measures(tmp_path, name, rate):
    write_run(tmp_path / "run")
    run = with_noise(tmp_path / "run", name=name, rate=rate)
    true, given = noisy(name, rate, n=100_000, n_classes=5)
    measured = transition.row_shares(transition.pair_counts(pd.Series(true), given, 5)).share
    assert transition.designed_shares(run) == pytest.approx(measured, abs=0.015)


@pytest.mark.parametrize("noise", [{"name": "human", "rate": 0.0}, {"name": "instance", "rate": 1},
                                   {"name": "asymmetric", "rate": 0.4}, {}])  # fmt: skip
def test_noise_without_a_design_has_no_matrix(tmp_path, noise):
    write_run(tmp_path / "run")  # classes 0..4: no map of look-alikes
    assert transition.designed_shares(with_noise(tmp_path / "run", **noise)) is None


def test_suggestions_of_the_flagged_rebuild_the_matrix(tiny_run):
    believed = transition.believed_by_suggestions(tiny_run, 6)
    counts = transition.pair_counts(believed["believed_label"], believed["given_label"], 5)
    assert counts.tolist() == transition.measured_counts(tiny_run).tolist()
    fewer = transition.believed_by_suggestions(tiny_run, 2)
    beside = transition.pair_counts(fewer["believed_label"], fewer["given_label"], 5)
    assert beside.sum() - np.trace(beside) == 2


@pytest.mark.parametrize("budget", [0, 61])
def test_a_budget_out_of_range_gets_a_sentence(tiny_run, budget):
    with pytest.raises(UsageError, match="1 to 60"):
        transition.believed_by_suggestions(tiny_run, budget)


def write_logits(folder, n=600, n_classes=4):
    rng = np.random.default_rng(0)
    true = rng.integers(n_classes, size=n)
    given = np.where(rng.random(n) < 0.2, (true + 1) % n_classes, true)
    writer = RunWriter.create(
        folder, given_label=given, true_label=true, n_classes=n_classes, n_epochs=2
    )
    for epoch in (1, 2):
        writer.record(np.arange(n), logits=2 * np.eye(n_classes)[true] + rng.normal(
            size=(n, n_classes)))  # fmt: skip
        writer.end_epoch(epoch)
    writer.finish()
    return RunReader(folder)


def test_the_confident_joint_is_cleanlabs(tmp_path):
    count = pytest.importorskip("cleanlab.count")
    run = write_logits(tmp_path / "run")
    logits = [
        np.stack(run.outputs(["logits"], epochs=[e])["logits"].to_numpy()).astype(np.float64)
        for e in (1, 2)
    ]
    chance = np.mean([np.exp(z) / np.exp(z).sum(axis=1, keepdims=True) for z in logits], axis=0)
    given = run.samples()["given_label"].to_numpy()
    believed = transition.believed_confidently(run)
    raw = transition.pair_counts(believed["believed_label"], given, 4)
    theirs = count.compute_confident_joint(given, chance, calibrate=False)
    assert raw.T.tolist() == theirs.tolist()
    calibrated = count.compute_confident_joint(given, chance, calibrate=True)
    assert transition.confident_counts(believed, 4).T == pytest.approx(calibrated)
    error = transition.matrix_error(
        transition.row_shares(transition.confident_counts(believed, 4)).share,
        transition.row_shares(transition.measured_counts(run)).share,
        np.full(4, 150),
    )
    assert error.total_variation < 0.15


def test_without_cleanlab_it_says_how_to_get_it(tiny_run, monkeypatch):
    monkeypatch.setattr(transition, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="pip install cleanlab"):
        transition.believed_confidently(tiny_run)


@pytest.mark.parametrize(
    ("name", "rate", "expected"),
    [
        ("symmetric", 0.2, "symmetric"),
        ("symmetric_exclusive", 0.5, "symmetric"),
        ("pair_flip", 0.2, "pair"),
        ("block_shift", 0.4, "pair"),
        ("asymmetric", 0.4, "pair"),
    ],
)
def test_patterns_are_told_apart(name, rate, expected):
    true, given = noisy(name, rate, class_names=CIFAR10)
    counts = transition.pair_counts(pd.Series(true), given, 10)
    table = classify_pattern(counts, known_groups(CIFAR10)[0])
    assert best(table) == expected
    often = "class by class" if name == "asymmetric" else "the same in every class"
    assert best(table, "how often") == often  # half of the classes of asymmetric noise keep theirs
    assert "very strong evidence" in verdict(table)


def test_flips_inside_groups_are_a_block_pattern():
    rng = np.random.default_rng(0)
    groups = known_groups(CIFAR10)[0]
    true = np.arange(4000) % 10
    given = true.copy()
    for i in np.flatnonzero(rng.random(4000) < 0.3):
        others = [j for j in range(10) if groups[j] == groups[true[i]] and j != true[i]]
        given[i] = rng.choice(others)
    counts = transition.pair_counts(pd.Series(true), given, 10)
    assert best(classify_pattern(counts, groups)) == "block"
    without = classify_pattern(counts)
    assert "block" not in set(without["hypothesis"])
    assert best(without) == "class-conditional"


def test_likelihoods_by_hand():
    counts = np.array([[10, 4, 0], [1, 8, 1], [0, 0, 5]])
    table = classify_pattern(counts).set_index("hypothesis")
    log2 = np.log(2)
    assert table.loc["symmetric", "log_likelihood"] == pytest.approx(-6 * log2)
    hits = 5 * np.log(5 / 6) + np.log(1 / 6)
    assert table.loc["pair", "log_likelihood"] == pytest.approx(hits)
    assert table.loc["pair", "bic"] == pytest.approx(-2 * hits + np.log(6) + 2 * 2 * log2)
    assert table.loc["class-conditional", "log_likelihood"] == pytest.approx(-2 * log2)
    same = 6 * np.log(6 / 29) + 23 * np.log(23 / 29)
    assert table.loc["the same in every class", "log_likelihood"] == pytest.approx(same)


@pytest.mark.parametrize(("counts", "said"), [(np.eye(4), "no label is flipped"),
                                              (np.ones((2, 2)), "from 3 classes")])  # fmt: skip
def test_what_has_no_pattern_gets_a_sentence(counts, said):
    with pytest.raises(UsageError, match=said):
        classify_pattern(counts)


def test_the_picture_decides_under_instance_noise_only():
    rng = np.random.default_rng(0)
    true = np.arange(3000) % 5
    vectors = rng.normal(size=(3000, 6))
    by_lot = np.where(rng.random(3000) < 0.3, (true + rng.integers(1, 5, 3000)) % 5, true)
    for found in sample_dependence(vectors, true, by_lot):
        assert found.depends is False
        assert found.low < 0.5
    flips = rng.random(3000) < 1 / (1 + np.exp(2 - 2 * vectors[:, 0]))
    where = 1 + (vectors[:, 1] > 0) + 2 * (vectors[:, 2] > 0)
    whether, where_to = sample_dependence(vectors, true, np.where(flips, (true + where) % 5, true))
    assert whether.depends
    assert where_to.depends
    assert where_to.auroc > 0.8


def test_pair_noise_leaves_nothing_to_ask_about_where_to():
    true = np.arange(1000) % 5
    rng = np.random.default_rng(0)
    given = np.where(rng.random(1000) < 0.3, (true + 1) % 5, true)
    _, where_to = sample_dependence(rng.normal(size=(1000, 3)), true, given)
    assert where_to.depends is None
    assert where_to.n_classes == 0


def test_a_runs_pictures_are_looked_at_once(tmp_path):
    write_run(tmp_path / "run")
    run = RunReader(tmp_path / "run")
    first = noise_by_sample(run)
    assert [found.what for found in first] == ["whether", "where to"]
    assert len(list((run.folder / "cache").glob("noise-by-sample*"))) == 1
    again = noise_by_sample(run)
    assert [found.n_samples for found in again] == [found.n_samples for found in first]


def test_without_true_labels_or_pictures_it_cannot_be_told(unknown_run, tmp_path):
    with pytest.raises(UsageError, match="no true label"):
        noise_by_sample(unknown_run)
    write_run(tmp_path / "blind", pictures=False)
    with pytest.raises(UsageError, match="too few pictures"):
        noise_by_sample(RunReader(tmp_path / "blind"))
