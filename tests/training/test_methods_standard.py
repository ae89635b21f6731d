"""Plain training: the step's arithmetic, by hand."""

import pytest
import torch

from hmw_core.batch import Batch, Forward
from training.config import RunConfig
from training.methods.base import Problem
from training.methods.standard import Standard

CPU = torch.device("cpu")


def method(**fields):
    torch.manual_seed(0)
    return Standard(RunConfig(**fields), Problem(4, 3, 1, (8, 8), CPU))


def a_batch():
    images = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    return Batch(images, torch.tensor([0, 1, 2, 0]), torch.arange(4), 1)


def test_weight_times_loss_is_what_is_minimised():
    trained, by_hand = (method(weighting="hmw", momentum=0.0, weight_decay=0.0) for _ in range(2))
    log = trained.step(a_batch())
    out = by_hand.network.train()(a_batch().images)
    loss = torch.nn.functional.cross_entropy(out.logits, a_batch().given_label, reduction="none")
    (log.weight * loss).mean().backward()
    for mine, theirs in zip(trained.parameters(), by_hand.parameters(), strict=True):
        assert torch.allclose(mine, theirs - 0.02 * theirs.grad, atol=1e-6)
    assert torch.allclose(log.loss, loss.detach())


def test_the_confidence_penalty_is_the_mean_negative_entropy():
    logits = torch.tensor([[0.0, 0.0, 0.0], [100.0, 0.0, 0.0]])
    out = Forward(logits, logits, logits)
    penalty = method(confidence_penalty=1.0)._mean_negative_entropy(out)
    assert penalty.item() == pytest.approx(-torch.log(torch.tensor(3.0)).item() / 2, rel=1e-5)


def test_the_confidence_penalty_changes_the_step():
    plain, penalised = method(), method(confidence_penalty=1.0)
    logs = [m.step(a_batch()) for m in (plain, penalised)]
    assert torch.equal(logs[0].loss, logs[1].loss)
    pairs = zip(plain.parameters(), penalised.parameters(), strict=True)
    assert any(not torch.equal(a, b) for a, b in pairs)


def test_switches_of_the_weight_arrive():
    weighting = method(weighting="hmw", weighting_args={"halve": "false", "terms": "aum"}).weighting
    assert weighting.factor == 1.0
    assert weighting.terms == "aum"
