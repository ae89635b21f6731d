"""Plain training: the step's arithmetic, by hand."""

import pytest
import torch

from hmw_core.objective.batch import Batch, Forward
from training.config import RunConfig
from training.methods.base import Problem
from training.methods.standard import Standard
from training.recipes import RECIPES

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
    torch.testing.assert_close(logs[0].loss, logs[1].loss)
    pairs = zip(plain.parameters(), penalised.parameters(), strict=True)
    assert any(not torch.equal(a, b) for a, b in pairs)


def test_switches_of_the_weight_arrive():
    weighting = method(weighting="hmw", weighting_args={"halve": "false", "terms": "aum"}).weighting
    assert weighting.factor == 1.0
    assert weighting.terms == "aum"


@pytest.mark.parametrize("recipe", ["CCE", "CCE+HMW", "CCE+HMW-code"])
@pytest.mark.parametrize("epoch", [1, 15])  # in the warm-up of the code's recipe, and after it
def test_the_compiled_step_trains_as_torchs_does(recipe, epoch):
    fields = RECIPES[recipe].fields | {"epochs": 20, "weight_decay": 0.0}
    compiled, by_torch = method(**fields), method(**fields)
    assert compiled.host_step is not None
    by_torch.host_step = None
    batch = a_batch()
    for step_epoch in (1, epoch):
        now = Batch(batch.images, batch.given_label, batch.sample_id, step_epoch)
        logs = [m.step(now) for m in (compiled, by_torch)]
        for field in ("logits", "cosine", "loss", "weight"):
            one, other = (getattr(log, field) for log in logs)
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-6)
    for mine, theirs in zip(compiled.parameters(), by_torch.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-6)
    for name, state in compiled.weighting.state_dict().items():
        torch.testing.assert_close(state, by_torch.weighting.state_dict()[name], rtol=1e-3, atol=0)


@pytest.mark.parametrize(
    "fields",
    [
        {"loss": "sce"},
        {"confidence_penalty": 1.0},
        {"weighting": "hmw", "weighting_args": {"terms": "aum"}},
        {"weighting": "hmw", "weighting_args": {"history": "current"}},
        {"weighting": "hmw", "weighting_args": {"space": "softmax"}},
        {"weighting": "hmw", "weighting_args": {"weight_norm": "mean1_batch"}},
        {"weighting": "hmw", "weighting_args": {"halve": "false"}},
    ],
)
def test_what_is_not_compiled_is_left_to_torch(fields):
    assert method(**fields).host_step is None
