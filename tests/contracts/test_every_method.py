"""What every method owes: an epoch fills every sample, the loss falls, it resumes, it predicts."""

import pytest
import torch

from hmw_core.objective.batch import Batch
from training.checkpoint import restore, snapshot
from training.config import RunConfig
from training.methods import METHODS
from training.methods.base import Problem

N_SAMPLES, N_CLASSES, SIDE = 48, 4, 8


@pytest.fixture(params=METHODS)
def build(request):
    def make(**fields):
        torch.manual_seed(0)
        config = RunConfig(method=request.param, epochs=6, **fields)
        problem = Problem(N_SAMPLES, N_CLASSES, 1, (SIDE, SIDE), torch.device("cpu"))
        return METHODS[request.param](config, problem)

    return make


def batches(epoch):
    rng = torch.Generator().manual_seed(0)
    label = torch.arange(N_SAMPLES) % N_CLASSES
    images = torch.randn(N_SAMPLES, 1, SIDE, SIDE, generator=rng) * 0.3
    images[torch.arange(N_SAMPLES), 0, label] += 2  # a bright row tells the class
    for rows in torch.randperm(N_SAMPLES, generator=rng).split(20):  # the last batch has 8
        yield Batch(images[rows], label[rows], rows, epoch)


def run_epoch(method, epoch):
    """Run an epoch and return its log by sample_id, and the mean loss."""
    log = {}

    def record(batch, step):
        assert not any(part.requires_grad for part in (step.logits, step.cosine, step.loss))
        assert step.logits.shape == step.cosine.shape == (len(batch.sample_id), N_CLASSES)
        for row, loss, weight in zip(batch.sample_id.tolist(), step.loss, step.weight, strict=True):
            assert row not in log
            log[row] = (loss.item(), weight.item())

    method.run_epoch(epoch, batches(epoch), record)
    return log, sum(loss for loss, _ in log.values()) / len(log)


@pytest.mark.parametrize("fields", [{}, {"weighting": "hmw", "alpha": 1.0, "beta": 1.0}])
def test_an_epoch_fills_every_sample_and_the_loss_falls(build, fields):
    method = build(**fields)
    first, before = run_epoch(method, 1)
    for epoch in range(2, 7):
        last, after = run_epoch(method, epoch)
    assert sorted(first) == sorted(last) == list(range(N_SAMPLES))
    assert after < before
    assert all(weight >= 0 for _, weight in last.values())


def test_predicts_without_touching_anything(build):
    method = build()
    run_epoch(method, 1)
    before = {name: value.clone() for name, value in method.state_dict().items()}
    out = method.predict(torch.randn(1, 1, SIDE, SIDE))
    assert out.logits.shape == (1, N_CLASSES)
    assert not out.logits.requires_grad
    assert all(torch.equal(value, before[n]) for n, value in method.state_dict().items())


def test_state_dict_and_optimizers_carry_everything(build):
    first, second = (build(weighting="hmw") for _ in range(2))
    run_epoch(first, 1)
    restore(snapshot(first, epoch=1), second)
    assert run_epoch(second, 2) == run_epoch(first, 2)


@pytest.mark.parametrize("name", METHODS)
def test_says_where_it_comes_from(name):
    assert "Source:" in METHODS[name].__doc__
