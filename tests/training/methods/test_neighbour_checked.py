"""Neighbours' votes, the balanced clean set, the queue and the interpolated loss, by hand."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from training.methods.embedding_queue import EmbeddingQueue
from training.methods.neighbour_checked import interpolated_loss, same_label
from training.methods.neighbour_votes import (
    agreeing,
    balanced_clean_set,
    nearest,
    two_pass_votes,
)

CPU = torch.device("cpu")


def on_circle(*degrees):
    angle = torch.tensor(degrees, dtype=torch.float32).deg2rad()
    return torch.stack([angle.cos(), angle.sin()], dim=1)


def test_the_second_pass_votes_with_corrected_labels():
    """Six on an arc, of which the fourth has a wrong label, and three far from them."""
    features = on_circle(0, 1, 3, 4.5, 6.5, 8, 100, 101, 103)
    given = torch.tensor([0, 0, 0, 1, 0, 0, 1, 1, 1])
    _, index = nearest(features, 2)
    # Neighbours by hand, no two at the same distance.
    expected = [{1, 2}, {0, 2}, {1, 3}, {2, 4}, {3, 5}, {3, 4}, {7, 8}, {6, 8}, {6, 7}]
    assert [set(row) for row in index.tolist()] == expected
    shares = two_pass_votes(given, index, 2)
    # First pass: 3 and 5 see one of each class; of equal votes the first class counts.
    assert shares[:, 0].tolist() == [1, 1, 1, 1, 1, 1, 0, 0, 0]
    share, agrees = agreeing(shares, given)
    assert agrees.tolist() == [True] * 3 + [False] + [True] * 5
    assert share.tolist() == [1, 1, 1, 0, 1, 1, 1, 1, 1]


def shares_of(given, share, n_classes=3):
    """Return votes in which the given label has a share, and the next class all others."""
    given, share = torch.tensor(given), torch.tensor(share)
    shares = torch.zeros(len(given), n_classes)
    shares[torch.arange(len(given)), given] = share
    shares[torch.arange(len(given)), (given + 1) % n_classes] = 1 - share
    return shares, given


def test_the_clean_set_has_the_median_of_the_agreeing_of_each_class():
    given = [0] * 5 + [1] * 4 + [2] * 2
    share = [0.9, 0.8, 0.95, 0.7, 0.6] + [0.9, 0.8, 0.3, 0.4] + [0.7, 0.2]
    shares, label = shares_of(given, share)
    # Agreeing: 5, 2 and 1. The median is 2; class 2 is filled up with one that disagrees.
    clean = balanced_clean_set(shares, label, 3)
    assert clean.nonzero()[:, 0].tolist() == [0, 2, 5, 6, 9, 10]
    most = balanced_clean_set(shares, label, 3, quantile=1.0)
    assert most.nonzero()[:, 0].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]  # 5 or the whole
    least = balanced_clean_set(shares, label, 3, quantile=0.0)
    assert least.nonzero()[:, 0].tolist() == [2, 5, 9]


def test_clamped_shares_are_equal_and_the_first_counts():
    shares, label = shares_of([0, 0, 1], [0.992, 0.999, 0.8])
    assert balanced_clean_set(shares, label, 3, 0.0).tolist() == [True, False, True]


def test_classes_without_samples_do_not_count_and_one_of_each_class_stays():
    shares, label = shares_of([0, 0, 0, 7], [0.9, 0.8, 0.7, 0.9], n_classes=100)
    assert balanced_clean_set(shares, label, 100, quantile=0.5).tolist() == [
        True,
        True,
        False,
        True,
    ]
    shares, label = shares_of([0, 0, 1], [0.1, 0.2, 0.3])  # nobody agrees
    assert balanced_clean_set(shares, label, 3).tolist() == [False, True, True]


def test_classes_permuted_are_the_same_clean_set():
    rng = torch.Generator().manual_seed(0)
    features = torch.randn(60, 5, generator=rng)
    given = torch.randint(4, (60,), generator=rng)
    _, index = nearest(features, 7)
    # Of equal votes the first class counts: only votes without a tie are the same.
    permutation = torch.tensor([2, 0, 3, 1])
    shares = F.one_hot(given, 4) * 0.3 + 0.7 * torch.rand(60, 4, generator=rng).softmax(dim=1)
    permuted = torch.zeros_like(shares)
    permuted[:, permutation] = shares
    assert torch.equal(
        balanced_clean_set(shares, given, 4), balanced_clean_set(permuted, permutation[given], 4)
    )
    assert torch.equal(agreeing(shares, given)[1], agreeing(permuted, permutation[given])[1])


def test_a_sample_without_neighbours():
    _, index = nearest(torch.ones(1, 3), 250)
    shares = two_pass_votes(torch.tensor([1]), index, 2)
    assert shares.tolist() == [[0, 0]]
    assert balanced_clean_set(shares, torch.tensor([1]), 2).tolist() == [True]


def loops(anchors, keys, labels, others, key_labels, shares, temperature, skips_itself):
    """Return the interpolated loss with plain loops, from its definition."""
    losses = []
    for i, anchor in enumerate(anchors):
        allowed = [j for j in range(len(keys)) if not (skips_itself and i == j)]
        scale = {j: math.exp(float(anchor @ keys[j]) / temperature) for j in allowed}
        total = 0.0
        for label, share in ((labels[i], shares[i]), (others[i], 1 - shares[i])):
            same = [j for j in allowed if key_labels[j] == label]
            if same:
                terms = [-math.log(scale[j] / sum(scale.values())) for j in same]
                total += share * sum(terms) / len(terms)
        losses.append(total)
    return losses


def test_the_interpolated_loss_against_plain_loops():
    rng = np.random.default_rng(0)
    anchors = F.normalize(torch.from_numpy(rng.normal(size=(8, 5))), dim=1)
    keys = F.normalize(torch.from_numpy(rng.normal(size=(11, 5))), dim=1)
    label, other = torch.tensor([0, 1, 2, 3] * 2), torch.tensor([1, 1, 0, 3, 2, 1, 3, 0])
    key_label = torch.tensor([0, 0, 1, 1, 1, 2, 2, 0, 0, 1, 2])  # nobody has class 3
    share = torch.tensor([0.7] * 4 + [0.9] * 4)
    itself = torch.eye(8, dtype=torch.bool)
    told = label, other, share
    for of, of_label, out in ((anchors, label, itself), (keys, key_label, None)):
        mine = interpolated_loss(
            anchors, of, same_label(label, of_label), same_label(other, of_label), share, 0.1, out
        )
        theirs = loops(
            *(anchors, of, *(t.tolist() for t in told[:2])),
            *(of_label.tolist(), share.tolist(), 0.1, out is not None),
        )
        assert mine.tolist() == pytest.approx(theirs, rel=1e-5)
    assert mine[3] == 0  # neither of its labels is among the keys


def test_a_queue_replaces_its_oldest():
    queue = EmbeddingQueue(3, 2, CPU)
    assert [len(part) for part in queue.past()] == [0, 0, 0]

    def put(*numbers):
        number = torch.tensor(numbers)
        queue.put(number[:, None].expand(-1, 2), 10 * number, 100 * number)

    put(1, 2)
    assert queue.past().label.tolist() == [10, 20]
    put(3, 4)
    assert sorted(queue.past().sample_id.tolist()) == [200, 300, 400]
    put(5, 6, 7, 8, 9)  # more than it holds
    past = queue.past()
    assert sorted(past.label.tolist()) == [70, 80, 90]
    assert torch.equal(past.embedding[:, 0] * 10, past.label.float())
    put(1)
    assert sorted(queue.past().label.tolist()) == [10, 80, 90]
