"""What every loss owes: shape, gradient, precision, the normalize option, a source."""

import inspect

import pytest
import torch

from hmw_core.objective.batch import Batch, Forward
from hmw_core.objective.losses import LOSSES

N_SAMPLES, N_CLASSES = 20, 4


def a_batch(n, seed=0):
    rng = torch.Generator().manual_seed(seed)
    logits = torch.randn(n, N_CLASSES, generator=rng)
    features, vectors = torch.randn(n, 3, generator=rng), torch.randn(N_CLASSES, 3, generator=rng)
    label = torch.randint(N_CLASSES, (n,), generator=rng)
    sample_id = torch.randperm(N_SAMPLES, generator=rng)[:n]
    return Forward(logits, features, vectors), Batch(
        torch.rand(n, 1, 2, 2, generator=rng), label, sample_id, epoch=1
    )


@pytest.fixture(params=LOSSES)
def build(request):
    return LOSSES[request.param]


@pytest.mark.parametrize("n", [1, 8])
@pytest.mark.parametrize("normalize_logits", [False, True])
def test_one_finite_value_a_sample_that_learns(build, n, normalize_logits):
    forward, batch = a_batch(n)
    forward.logits.requires_grad_()
    criterion = build(N_SAMPLES, N_CLASSES, normalize_logits=normalize_logits)
    loss = criterion(forward, batch)
    assert loss.shape == (n,)
    assert loss.isfinite().all()
    assert (loss >= 0).all()
    loss.sum().backward()
    stepped = forward.logits.detach() - 0.01 * forward.logits.grad
    after = criterion(Forward(stepped, forward.features, forward.class_vectors), batch)
    assert (after < loss).all()


def test_a_sample_does_not_see_its_neighbours(build):
    forward, batch = a_batch(8)
    whole = build(N_SAMPLES, N_CLASSES)(forward, batch)
    part = build(N_SAMPLES, N_CLASSES)(
        Forward(forward.logits[:3], forward.features[:3], forward.class_vectors),
        Batch(batch.images[:3], batch.given_label[:3], batch.sample_id[:3], 1),
    )
    torch.testing.assert_close(part, whole[:3])


@pytest.mark.parametrize("autocast", [False, True])
def test_float32_also_for_half_precision_logits(build, autocast):
    forward, batch = a_batch(8)
    half = Forward(forward.logits.bfloat16(), forward.features, forward.class_vectors)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        assert build(N_SAMPLES, N_CLASSES)(half, batch).dtype == torch.float32


def test_own_parameters_are_keywords_with_defaults(build):
    parameters = list(inspect.signature(build).parameters.values())
    assert [p.name for p in parameters[:2]] == ["n_samples", "n_classes"]
    assert all(p.kind is p.KEYWORD_ONLY and p.default is not p.empty for p in parameters[2:])


def test_states_its_source(build):
    assert "Source: " in inspect.getdoc(build)
