"""ELR's memory and regularizer against numbers worked out by hand, not by our code."""

import math

import pytest
import torch

from hmw_core.objective.batch import Batch, Forward
from training.config import RunConfig
from training.methods.base import Sizes
from training.methods.early_learning import clamped, regularizer, updated
from training.methods.elr import ELR
from training.recipes import recipe_fields
from training.schedule import learning_rate

CPU = torch.device("cpu")
FIRST, SECOND = torch.tensor([[0.7, 0.2, 0.1]]), torch.tensor([[0.5, 0.4, 0.1]])


def method(n_classes=3, **method_args):
    torch.manual_seed(0)
    config = RunConfig(method="elr", method_args=method_args)
    return ELR(config, Sizes(4, n_classes, 1, (8, 8), CPU))


def step(trained, logits, given_label, sample_id):
    out = Forward(logits, torch.zeros(len(logits), 2), torch.zeros(logits.shape[1], 2))
    return trained._step(out, Batch((), given_label, sample_id, 1))


def test_two_updates_from_nothing():
    memory = updated(torch.zeros(1, 3), FIRST, beta=0.7)
    torch.testing.assert_close(memory, torch.tensor([[0.21, 0.06, 0.03]]))
    memory = updated(memory, SECOND, beta=0.7)
    torch.testing.assert_close(memory, torch.tensor([[0.297, 0.162, 0.051]]))
    # <memory, p> = .297 x .5 + .162 x .4 + .051 x .1 = .2184
    assert regularizer(memory, SECOND).item() == pytest.approx(-0.246412, abs=1e-6)


def test_a_row_sums_to_what_the_updates_have_filled():
    memory = torch.zeros(1, 100)
    for n in range(1, 8):
        memory = updated(memory, clamped(torch.eye(100)[:1]), beta=0.7)
        assert memory.sum().item() == pytest.approx(1 - 0.7**n, abs=1e-6)


def test_the_memory_is_updated_before_the_loss_uses_it():
    trained = method(beta=0.7)
    trained.memory[2] = torch.tensor([0.21, 0.06, 0.03])
    found = step(trained, SECOND.log(), torch.tensor([1]), torch.tensor([2]))
    assert found.losses.item() == pytest.approx(-math.log(0.4) + 3 * -0.246412, abs=1e-5)
    assert found.state["elr_target"].item() == pytest.approx(0.162)
    assert found.state["method_label"].item() == 0
    torch.testing.assert_close(trained.memory[2], torch.tensor([0.297, 0.162, 0.051]))
    assert trained.memory[[0, 1, 3]].sum() == 0  # only the samples seen


def test_a_saturated_class_gets_no_gradient_of_the_regularizer():
    memory = torch.tensor([[0.3, 0.2, 0.1], [0.3, 0.2, 0.1]])
    probs = torch.tensor([[0.99995, 0.00003, 0.00002], [0.7, 0.2, 0.1]], requires_grad=True)
    regularizer(memory, clamped(probs)).sum().backward()
    assert probs.grad[0].tolist() == [0, 0, 0]
    assert (probs.grad[1] < 0).all()


@pytest.mark.parametrize("n_classes", [2, 100])
def test_a_network_that_is_sure_has_a_finite_loss(n_classes):
    trained = method(n_classes, beta=0.0)  # the memory is then the prediction itself
    logits = torch.zeros(1, n_classes)
    logits[0, 0] = 200.0
    found = step(trained, logits, torch.tensor([0]), torch.tensor([0]))
    assert math.isfinite(found.losses.item())
    assert found.losses.item() < 3 * math.log(0.01)  # as far down as the clamp lets it


def test_the_published_settings_by_noise():
    symmetric = recipe_fields("ELR", "cifar10", "symmetric", 0.4)
    assert (symmetric["epochs"], symmetric["weight_decay"]) == (150, 1e-3)
    assert "method_args" not in symmetric  # the defaults: 0.7 and 3

    def rate(fields, epoch):
        names = ("schedule", "learning_rate", "epochs", "schedule_at", "schedule_factor")
        schedule, start, epochs, at, factor = (fields[name] for name in names)
        return learning_rate(schedule, start, epoch, epochs, at, factor)

    for epoch in range(1, 150, 10):  # a cosine that begins anew after every ten epochs
        assert rate(symmetric, epoch) == pytest.approx(0.02, rel=1e-3)
        assert rate(symmetric, epoch + 5) == pytest.approx(0.0105, rel=1e-2)
    pairs = recipe_fields("ELR", "cifar10", "pair_flip", 0.4)
    assert pairs["method_args"] == {"beta": 0.9, "lambda": 1.0}
    rates = [rate(pairs, epoch) for epoch in (40, 41, 80, 81, 120)]
    assert rates == pytest.approx([0.02, 2e-4, 2e-4, 2e-6, 2e-6])
    hundred = recipe_fields("ELR", "cifar100", "symmetric", 0.4)
    assert hundred["method_args"] == {"beta": 0.9, "lambda": 7.0}
    assert [rate(hundred, e) for e in (80, 81, 121)] == pytest.approx([0.02, 2e-4, 2e-6])
