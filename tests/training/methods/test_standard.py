"""Plain training: the step's arithmetic, by hand."""

import pytest
import torch

from hmw_core.objective.batch import Batch, Forward
from training.config import RunConfig
from training.methods import parts
from training.methods.base import Sizes
from training.methods.standard import Standard

CPU = torch.device("cpu")


def method(**fields):
    torch.manual_seed(0)
    return Standard(RunConfig(**fields), Sizes(4, 3, 1, (8, 8), CPU))


def a_batch():
    images = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    return Batch((images,), torch.tensor([0, 1, 2, 0]), torch.arange(4), 1)


class OneBatch:
    """The data of an epoch of one batch."""

    def batches(self):
        return [a_batch()]


def step(trained):
    """Train on the batch and return what was logged."""
    logs = []
    trained.set_epoch(1)
    trained.run_epoch(1, OneBatch(), lambda sample_id, log: logs.append(log))
    return logs[0]


def test_weight_times_loss_is_what_is_minimised():
    trained, by_hand = (method(weighting="hmw", momentum=0.0, weight_decay=0.0) for _ in range(2))
    log = step(trained)
    out = by_hand.network.train()(a_batch().images)
    loss = torch.nn.functional.cross_entropy(out.logits, a_batch().given_label, reduction="none")
    (log.weight * loss).mean().backward()
    for mine, theirs in zip(trained.parameters(), by_hand.parameters(), strict=True):
        assert torch.allclose(mine, theirs - 0.02 * theirs.grad, atol=1e-6)
    assert torch.allclose(log.loss, loss.detach())


def test_the_confidence_penalty_is_the_mean_negative_entropy():
    logits = torch.tensor([[0.0, 0.0, 0.0], [100.0, 0.0, 0.0]])
    penalty = parts.mean_negative_entropy(Forward(logits, logits, logits), False)
    assert penalty.item() == pytest.approx(-torch.log(torch.tensor(3.0)).item() / 2, rel=1e-5)


def test_the_confidence_penalty_changes_the_step():
    plain, penalised = method(), method(confidence_penalty=1.0)
    logs = [step(m) for m in (plain, penalised)]
    torch.testing.assert_close(logs[0].loss, logs[1].loss)
    pairs = zip(plain.parameters(), penalised.parameters(), strict=True)
    assert any(not torch.equal(a, b) for a, b in pairs)


def test_choices_of_the_weight_arrive():
    args = {"history": "current", "terms": "aum"}
    weighting = method(weighting="hmw", weighting_args=args).weighting
    assert (weighting.history, weighting.terms) == ("current", "aum")


def test_adam_takes_the_momentum_as_its_first_beta():
    (optimizer,) = method(optimizer="adam", momentum=0.8, learning_rate=0.001).optimizers
    assert isinstance(optimizer, torch.optim.Adam)
    assert optimizer.param_groups[0]["betas"] == (0.8, 0.999)
