"""UNICON's selection against numbers from outside and plain loops, and at its edges."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import jensenshannon

from tests.contracts.test_every_method import LABEL, make_method, run_epoch
from training.methods.unicon import divergence, selection

PROBS = torch.tensor([[0.9, 0.05, 0.05], [0.5, 0.3, 0.2], [0.05, 0.9, 0.05]])
GIVEN = torch.zeros(3, dtype=torch.int64)


def test_divergences_are_the_published_ones_in_nat_and_bit():
    assert divergence(PROBS, GIVEN).tolist() == pytest.approx([0.03597, 0.21576, 0.59264], abs=1e-5)
    found = divergence(PROBS, GIVEN, "bit").tolist()
    assert found == pytest.approx([0.05190, 0.31128, 0.85500], abs=1e-5)


def test_divergences_equal_scipys():
    rng = np.random.default_rng(0)
    probs, label = rng.dirichlet([0.3] * 7, 50), rng.integers(0, 7, 50)
    expected = [jensenshannon(p, np.eye(7)[c]) ** 2 for p, c in zip(probs, label, strict=True)]
    found = divergence(torch.tensor(probs), torch.tensor(label))
    assert found.tolist() == pytest.approx(expected, abs=1e-7)
    certain = divergence(torch.eye(3), torch.tensor([0, 1, 0]))
    assert certain.tolist() == pytest.approx([0, 0, np.log(2)])


def planted(seed=0, n=60, n_classes=4):
    rng = np.random.default_rng(seed)
    label = torch.tensor(rng.integers(0, n_classes, n))
    return torch.tensor(rng.permutation(n) / n), label  # all different


def test_each_class_gives_as_many_of_its_smallest():
    values, label = planted()
    found = selection(values, label, 4)
    n_below = int((values < values.mean()).sum())
    for c in range(4):
        rows = sorted(np.flatnonzero(label == c), key=lambda row: float(values[row]))
        assert found.rank[rows].tolist() == list(range(len(rows)))
        assert set(np.flatnonzero(found.is_labelled & (label == c))) == set(rows[: n_below // 4])
    assert found.share == n_below / 60


def test_a_mean_above_the_limit_is_brought_down():
    values = torch.tensor([0.004] + [0.7] * 5 + [0.9] * 14)
    label = torch.arange(20) % 2
    mean = values.mean().item()
    lowered = mean - (mean - 0.004) / 5
    found = selection(values, label, 2, max_threshold=0.6)
    assert found.share == (values < lowered).double().mean() == 0.05
    assert selection(values, label, 2, max_threshold=0.9).share == 0.3


def test_a_label_is_doubted_from_one_half_on():
    values = torch.tensor([0.1, 0.49, 0.5, 0.6])
    found = selection(values, torch.zeros(4, dtype=torch.int64), 1)
    assert found.trust.tolist() == pytest.approx([1, 1, 0.5, 0.4])


def test_a_permutation_of_classes_selects_the_same():
    values, label = planted()
    order = torch.tensor([2, 0, 3, 1])
    same, other = selection(values, label, 4), selection(values, order[label], 4)
    assert torch.equal(same.is_labelled, other.is_labelled)


def test_a_class_without_samples_and_one_shorter_than_its_quota():
    values = torch.linspace(0, 1, 20) ** 4  # most below the mean
    label = torch.tensor([0] * 18 + [1] * 2)
    found = selection(values, label, 3)
    assert found.is_labelled[18:].all()  # taken whole
    assert found.is_labelled[:18].sum() == int((values < values.mean()).sum()) // 3


@pytest.mark.parametrize("weighting", ["uniform", "hmw"])
@pytest.mark.parametrize("nothing", [True, False])
def test_nothing_or_everything_selected(monkeypatch, nothing, weighting):
    def chosen(divergence, given_label, n_classes, *limits):
        found = selection(divergence, given_label, n_classes, *limits)
        return found._replace(
            is_labelled=torch.full_like(found.is_labelled, not nothing), share=float(not nothing)
        )

    monkeypatch.setattr("training.methods.unicon.selection", chosen)
    method = make_method("unicon", weighting=weighting)
    for epoch in (1, 4, 5):
        log, states = run_epoch(method, epoch)
    assert set(states[0]["group"].values()) == {int(nothing)}
    assert all(np.isfinite([loss for loss, _ in network.values()]).all() for network in log)


def test_the_second_network_is_trained_on_a_selection_of_its_own(monkeypatch):
    seen = []

    def chosen(divergence, *rest):
        seen.append(divergence.clone())
        return selection(divergence, *rest)

    monkeypatch.setattr("training.methods.unicon.selection", chosen)
    method = make_method("unicon")
    for epoch in range(1, 5):
        run_epoch(method, epoch)
    first, second, _ = seen[3:]  # one at the end of each epoch of the warm-up, then three
    assert torch.equal(first, seen[2])
    assert not torch.equal(first, second)


@pytest.mark.parametrize("rule", ["gated", "ungated", "history"])
def test_weights_change_what_is_trained_after_the_warm_up_only(rule):
    fields = {"alpha": 5.0, "beta": 5.0, "weighting_args": {"mixed": rule}, "warmup_epochs": 3}
    plain, weighed = make_method("unicon"), make_method("unicon", weighting="hmw", **fields)
    for epoch in range(1, 6):
        run_epoch(plain, epoch)
        run_epoch(weighed, epoch)
        same = torch.equal(plain.probs, weighed.probs)
        assert same == (epoch <= 3)


def test_labels_are_drawn_from_the_given_ones():
    method = make_method("unicon")
    for epoch in range(1, 5):
        _, states = run_epoch(method, epoch)
    rank = torch.tensor([states[0]["jsd_rank"][row] for row in range(len(LABEL))])
    for c in range(4):
        assert rank[c == LABEL].sort().values.tolist() == pytest.approx(np.arange(12) / 12)
