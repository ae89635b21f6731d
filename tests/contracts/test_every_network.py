"""What every network owes: flat features of the size it says, gradients, no state in evaluation."""

import pytest
import torch

from training.networks import NETWORKS, build_network


@pytest.fixture(params=NETWORKS)
def build(request):
    def make(class_bias=True):
        torch.manual_seed(0)
        return build_network(request.param, 3, (16, 16), 5, class_bias)

    return make


@pytest.mark.parametrize("n", [2, 7])
def test_logits_features_and_class_vectors(build, n):
    network = build()
    out = network(torch.randn(n, 3, 16, 16))
    n_features = network.backbone.n_features
    assert out.logits.shape == (n, 5)
    assert out.features.shape == (n, n_features)
    assert out.class_vectors.shape == (5, n_features)
    assert out.logits.isfinite().all()


def test_every_parameter_gets_a_gradient(build):
    network = build()
    network(torch.randn(4, 3, 16, 16)).logits.sum().backward()
    assert all(p.grad is not None for p in network.parameters())


def test_one_picture_in_evaluation(build):
    network = build().eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with torch.no_grad():
        network(torch.randn(1, 3, 16, 16))
    assert all(torch.equal(value, before[n]) for n, value in network.state_dict().items())


def test_the_bias_can_be_left_out(build):
    assert build(class_bias=True).last_layer.bias is not None
    assert build(class_bias=False).last_layer.bias is None


@pytest.mark.parametrize("name", NETWORKS)
def test_says_where_it_comes_from(name):
    assert "Source:" in NETWORKS[name].__doc__
