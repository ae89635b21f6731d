"""The weight of a mixed picture against numbers worked out by hand."""

import math

import pytest
import torch

from hmw_core.margins import HMSettings
from hmw_core.objective.weighting.mixed import both_label_weight

SETTINGS = HMSettings(alpha=2.0, beta=4.0)


def weight(cosine, first, second, **options):
    labels = torch.tensor([first]), torch.tensor([second])
    return both_label_weight(torch.tensor([cosine]), *labels, SETTINGS, **options).item()


def by_hand(given, other, next_):
    """Return Eq. 12 with distances (1 - cosine) / 2."""
    margin = (other - given) / 2  # d_label - d_other
    trust = 1 / (1 + math.exp(2.0 * margin))
    return (trust + math.exp(-4.0 * (other - next_) / 2)) / 2


def test_the_nearer_label_is_compared_with_all_other_classes():
    # Labels 0 and 1 have cosines 0.1 and 0.2; the others 0.6, 0.5 and -0.3 are nearer twice.
    assert weight([0.1, 0.2, 0.6, 0.5, -0.3], 0, 1) == pytest.approx(by_hand(0.2, 0.6, 0.5))
    assert weight([0.1, 0.2, 0.6, 0.5, -0.3], 1, 0) == pytest.approx(by_hand(0.2, 0.6, 0.5))


def test_the_gate_asks_for_two_classes_nearer_than_both_labels():
    one_nearer = [0.1, 0.2, 0.6, 0.15, -0.3]
    assert weight(one_nearer, 0, 1) == 1
    assert weight(one_nearer, 0, 1, gated=False) == pytest.approx(by_hand(0.2, 0.6, 0.15))
    assert weight([0.1, 0.2, 0.05, 0.15, -0.3], 0, 1) == 1


def test_of_the_same_label_twice_every_other_class_counts():
    assert weight([0.2, 0.3, 0.6, 0.5, -0.3], 0, 0) == pytest.approx(by_hand(0.2, 0.6, 0.5))


def test_a_permutation_of_the_classes_changes_nothing():
    cosine, first, second = torch.rand(20, 6) * 2 - 1, torch.arange(20) % 6, torch.arange(20) % 5
    order = torch.randperm(6)
    place = order.argsort()
    expected = both_label_weight(cosine, first, second, SETTINGS)
    found = both_label_weight(cosine[:, order], place[first], place[second], SETTINGS)
    assert torch.allclose(found, expected)
    assert (expected < 1).any()


def test_k_is_cut_to_the_classes_there_are_and_nan_weighs_one():
    four = torch.tensor([[0.1, 0.2, 0.6, 0.5]])
    many = both_label_weight(four, *torch.tensor([[0], [1]]), HMSettings(2.0, 4.0, k=2))
    assert many.item() == pytest.approx(by_hand(0.2, 0.6, 0.5))
    assert weight([0.1, 0.2, math.nan, 0.5, -0.3], 0, 1) == 1
