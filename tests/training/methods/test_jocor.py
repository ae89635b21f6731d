"""JoCoR's joint loss by hand, and what becomes of it when the networks are swapped."""

import math

import pytest
import torch

from hmw_core.objective.batch import Batch
from training.config import RunConfig
from training.methods.base import Sizes
from training.methods.jocor import JoCoR, symmetric_divergence
from training.recipes import recipe_fields

CPU = torch.device("cpu")


def method(noise="symmetric", rate=0.5, **args):
    config = RunConfig(method="jocor", noise=noise, noise_rate=rate, method_args=args)
    return JoCoR(config, Sizes(8, 3, 1, (8, 8), CPU))


def test_the_divergence_by_hand_and_the_same_when_swapped():
    p, q = (0.7, 0.2, 0.1), (0.5, 0.25, 0.25)
    first, second = (torch.tensor([[math.log(x) for x in values]]) for values in (p, q))
    by_hand = sum(a * math.log(a / b) + b * math.log(b / a) for a, b in zip(p, q, strict=True))
    assert symmetric_divergence(first, second).item() == pytest.approx(by_hand, rel=1e-5)
    assert symmetric_divergence(second, first).item() == pytest.approx(by_hand, rel=1e-5)
    assert symmetric_divergence(first, first + 3).item() == pytest.approx(0, abs=1e-6)


class OneBatch:
    """The data of an epoch of one batch."""

    def __init__(self, batch):
        self.batch = batch

    def batches(self):
        return [self.batch]


def test_both_networks_take_a_step_on_the_same_samples():
    trained = method()
    images = torch.randn(8, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    batch = Batch((images,), torch.arange(8) % 3, torch.arange(8), 10)
    said = {}
    trained.set_epoch(20)

    def record(ids, log, network, state):
        said[network] = log, state

    trained.run_epoch(20, OneBatch(batch), record)
    (first, state), (second, other) = said[1], said[2]
    by_hand = 0.1 * (first.loss + second.loss) + 0.9 * symmetric_divergence(
        first.logits, second.logits
    )
    torch.testing.assert_close(state["joint_loss"], by_hand)
    assert state["kept"].sum() == 4
    assert by_hand[state["kept"]].max() <= by_hand[~state["kept"]].min()
    assert all(torch.equal(state[name], other[name]) for name in state)
    assert torch.equal(first.weight, state["kept"].float())


@pytest.mark.parametrize(
    ("noise", "dropped"), [("symmetric", 0.4), ("asymmetric", 0.2), ("pair_flip", 0.4)]
)
def test_half_the_rate_is_dropped_under_asymmetric_noise(noise, dropped):
    assert method(noise, 0.4).drop_rate.noise_rate == pytest.approx(dropped)
    assert method(noise, 0.4, noise_rate=0.3).drop_rate.noise_rate == 0.3


def test_the_published_agreement():
    def agreement(*about):
        return recipe_fields("JoCoR", *about)["method_args"]["agreement"]

    assert agreement("cifar10", "symmetric", 0.8) == 0.65
    assert agreement("cifar10", "symmetric", 0.2) == 0.9
    assert agreement("cifar100", "asymmetric", 0.4) == 0.85
    assert recipe_fields("JoCoR", "cifar10", "none")["network"] == "jocor_cnn"
