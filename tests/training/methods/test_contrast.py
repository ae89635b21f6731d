"""The contrastive loss against plain loops, neighbours against scikit-learn, the running mean."""

import math

import numpy as np
import pytest
import torch
from sklearn.neighbors import NearestNeighbors
from torch.nn import functional as F

from training.config import RunConfig
from training.methods import neighbour_votes, parts
from training.methods.base import Sizes
from training.methods.contrast import Projection, contrastive_loss, nt_xent
from training.methods.moving_average import MovingAverage

SIZES = Sizes(8, 4, 1, (8, 8), torch.device("cpu"))


def directions(n, seed=0):
    return F.normalize(torch.randn(n, 5, generator=torch.Generator().manual_seed(seed)), dim=1)


def loop_loss(anchor, keys, positive, temperature, left_out):
    """Return one anchor's loss, term by term."""
    open_ = [k for k in range(len(keys)) if not left_out[k]]
    below = math.log(sum(math.exp(float(anchor @ keys[k]) / temperature) for k in open_))
    total = sum(float(positive[k]) for k in open_)
    terms = [float(positive[k]) * (float(anchor @ keys[k]) / temperature - below) for k in open_]
    return -sum(terms) / total if total else 0.0


def test_the_loss_of_weighted_pairs_equals_plain_loops():
    anchors, keys = directions(6), directions(9, seed=1)
    positive = torch.rand(6, 9) * (torch.rand(6, 9) < 0.4)
    positive[2] = 0  # an anchor without a positive
    left_out = torch.rand(6, 9) < 0.2
    found = contrastive_loss(anchors, keys, positive, 0.3, left_out)
    for row in range(6):
        expected = loop_loss(anchors[row], keys, positive[row], 0.3, left_out[row])
        assert found[row].item() == pytest.approx(expected, abs=1e-5)
    assert found[2] == 0


def test_nt_xent_of_two_samples_by_hand():
    first = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    # Cosines of an anchor to its own other view 1, to both views of the other sample 0.
    assert nt_xent(first, first, 1.0).item() == pytest.approx(math.log(math.e + 2) - 1)


def test_nt_xent_does_not_depend_on_the_order_of_views_or_samples():
    first, second = directions(7), directions(7, seed=1)
    order = torch.randperm(7)
    expected = nt_xent(first, second, 0.05)
    assert torch.allclose(nt_xent(second[order], first[order], 0.05), expected)


def test_a_loss_of_one_pair_is_zero():
    one = directions(1)
    assert nt_xent(one, one, 0.05).item() == 0  # nothing to tell it from


def test_nearest_is_exact_and_leaves_the_sample_itself_out(monkeypatch):
    monkeypatch.setattr(neighbour_votes, "CHUNK", 7)
    features = torch.from_numpy(np.random.default_rng(0).normal(size=(40, 6)))
    found = neighbour_votes.nearest(features, 5)
    reference = NearestNeighbors(n_neighbors=6, metric="cosine").fit(features)
    distance, row = reference.kneighbors(features)
    assert np.array_equal(found.neighbour, row[:, 1:])
    assert np.allclose(found.cosine, 1 - distance[:, 1:], atol=1e-6)


def test_fewer_samples_than_neighbours_are_all_neighbours():
    found = neighbour_votes.nearest(directions(3), 10)
    assert found.neighbour.sort(dim=1).values.tolist() == [[1, 2], [0, 2], [0, 1]]


def test_votes_count_the_labels_of_neighbours():
    label = torch.tensor([0, 2, 2, 1])
    shares = neighbour_votes.votes(label, torch.tensor([[1, 2], [0, 3]]), n_classes=3)
    assert shares.tolist() == [[0, 0, 1], [0.5, 0.5, 0]]


def test_a_projection_has_length_one_and_passes_a_gradient():
    projection = Projection(5, 3, with_norm=True)
    features = torch.randn(4, 5, requires_grad=True)
    out = projection(features)
    assert torch.allclose(out.norm(dim=1), torch.ones(4), atol=1e-6)
    out[:, 0].sum().backward()
    assert features.grad.abs().sum() > 0


def test_a_running_mean_follows_the_parameters_and_keeps_its_own_statistics():
    config = RunConfig()
    network = parts.new_network(config, SIZES)
    mean = MovingAverage(config, SIZES, network)
    assert not any(parameter.requires_grad for parameter in mean.parameters())
    before = [p.clone() for p in mean.network.parameters()]
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 1
    network.train()(torch.randn(4, 1, 8, 8))  # moves the statistics of its batch norm
    mean.follow(network, 0.9)
    for old, new in zip(before, mean.network.parameters(), strict=True):
        assert torch.allclose(new, old + 0.1, atol=1e-6)
    for name, value in mean.network.named_buffers():
        moved = dict(network.named_buffers())[name]
        assert "running" not in name or not torch.equal(value, moved)
