"""What every weighting owes: shape, sign, no gradient, a state that resumes, a source."""

import inspect

import pytest
import torch

from hmw_core.objective.weighting import WEIGHTINGS

N_SAMPLES, N_CLASSES, N_EPOCHS = 12, 5, 3


@pytest.fixture(params=WEIGHTINGS)
def build(request):
    return WEIGHTINGS[request.param]


def a_batch(epoch, n=N_SAMPLES):
    rng = torch.Generator().manual_seed(epoch)
    similarity = 2 * torch.rand(n, N_CLASSES, generator=rng) - 1
    return similarity.requires_grad_(), torch.arange(n) % N_CLASSES, torch.arange(n), epoch


@pytest.mark.parametrize("n", [1, N_SAMPLES])
def test_one_weight_a_sample_without_gradient(build, n):
    weighting = build(N_SAMPLES, N_EPOCHS)
    weighting.check_classes(N_CLASSES)
    for epoch in range(1, N_EPOCHS + 1):
        weight = weighting(*a_batch(epoch, n))
        assert weight.shape == (n,)
        assert weight.dtype == torch.float32
        assert weight.isfinite().all()
        assert (weight >= 0).all()
        assert not weight.requires_grad


def test_state_dict_carries_everything(build):
    first, second = build(N_SAMPLES, N_EPOCHS), build(N_SAMPLES, N_EPOCHS)
    first(*a_batch(1))
    second.load_state_dict(first.state_dict())
    assert torch.equal(second(*a_batch(2)), first(*a_batch(2)))


def test_nothing_to_learn(build):
    assert not list(build(N_SAMPLES, N_EPOCHS).parameters())


def test_states_its_source(build):
    assert "Source: " in inspect.getdoc(build)


def test_uniform_weighs_1():
    assert torch.equal(WEIGHTINGS["uniform"](12, 3)(*a_batch(2)), torch.ones(N_SAMPLES))
