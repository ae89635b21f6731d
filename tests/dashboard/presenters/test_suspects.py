"""Samples and suspects of each class, as the list of classes says them."""

import numpy as np

from dashboard.presenters.linked import Samples
from dashboard.presenters.suspects import ClassCounts, count_classes
from hmw_core.criteria import CRITERIA
from hmw_core.laboratory.thresholds import threshold_of_scores
from hmw_core.log.reader import RunReader
from tests.conftest import write_run


def test_suspects_are_the_mislabeled_of_a_run_that_parts_them(tiny_run):
    counts = count_classes(Samples(tiny_run), tiny_run.n_classes)
    wrong = tiny_run.samples().query("is_mislabeled")["given_label"]
    assert counts.n_samples.sum() == 60
    assert counts.n_suspects.tolist() == np.bincount(wrong, minlength=5).tolist()


def test_true_labels_are_not_used(tmp_path, tiny_run):
    write_run(tmp_path / "real", known=False)
    run = RunReader(tmp_path / "real")
    found = count_classes(Samples(run), run.n_classes).n_suspects
    assert found.tolist() == count_classes(Samples(tiny_run), 5).n_suspects.tolist()


def test_a_run_without_a_score_has_samples_only(tmp_path):
    write_run(tmp_path / "new", epochs=1)
    run = RunReader(tmp_path / "new")
    samples = Samples(run)
    samples._scores["iam"] = np.full(60, np.nan)
    counts = count_classes(samples, run.n_classes)
    assert counts.n_suspects is None
    assert counts.text(0).endswith(" samples")


def test_words():
    counts = ClassCounts(np.array([1_420, 1]), np.array([37, 1]))
    assert counts.text(0) == "1,420 samples, 37 suspects"
    assert counts.text(1) == "1 sample, 1 suspect"


def test_of_many_samples_the_same_are_suspects_as_by_the_rule_on_all(tiny_run):
    samples = Samples(tiny_run)
    score = np.random.default_rng(0).normal(size=60_000)
    score[:20_000] -= 6
    samples.n, samples.given_label = 60_000, np.zeros(60_000, np.int64)
    samples._scores["iam"] = score
    cut = threshold_of_scores(score, CRITERIA["iam"], "gaussian").cut
    (n_suspects,) = count_classes(samples, 1).n_suspects
    assert abs(int(n_suspects) - int((score < cut).sum())) <= 2
