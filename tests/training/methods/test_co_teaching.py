"""Co-teaching's selection and schedule against numbers from the paper's code, not from ours."""

import pytest
import torch

from hmw_core.errors import UsageError
from hmw_core.objective.batch import Batch
from training.config import RunConfig
from training.methods.base import Sizes
from training.methods.co_teaching import CoTeaching
from training.methods.small_loss import drop_rate, n_kept, smallest

CPU = torch.device("cpu")


def method(n_samples=8, **fields):
    torch.manual_seed(0)
    config = RunConfig(method="co_teaching", noise="symmetric", noise_rate=0.5, **fields)
    return CoTeaching(config, Sizes(n_samples, 3, 1, (8, 8), CPU))


def test_the_drop_rate_by_epoch():
    expected = [0, 0.0556, 0.1111, 0.1667, 0.2222, 0.2778, 0.3333, 0.3889, 0.4444, 0.5, 0.5]
    found = [drop_rate(epoch, 0.5, 10) for epoch in range(11)]
    assert found == pytest.approx(expected, abs=5e-5)
    assert drop_rate(50, 0.5, 10, exponent=2.0) == 0.25


def test_the_number_kept():
    assert [n_kept(10, dropped) for dropped in (0.0, 0.2, 0.25, 0.5)] == [10, 8, 7, 5]
    assert n_kept(10, 0.9) == 1  # (1 - 0.9) x 10 is less than 1 in floats
    assert n_kept(1, 0.5) == 1  # a last batch of one sample


def test_the_smallest_losses_and_of_equal_ones_the_first():
    losses = torch.tensor([3.0, 1.0, 2.0, 1.0, 1.0])
    assert smallest(losses, 2).tolist() == [False, True, False, True, False]


class OneBatch:
    """The data of an epoch of one batch."""

    def __init__(self, n_samples):
        images = torch.randn(n_samples, 1, 8, 8, generator=torch.Generator().manual_seed(1))
        label = torch.arange(n_samples) % 3
        self.batch = Batch((images,), label, torch.arange(n_samples), 10)

    def batches(self):
        return [self.batch]


def test_each_network_takes_a_step_on_what_its_peer_picks():
    trained, by_hand = (method(momentum=0.0, weight_decay=0.0) for _ in range(2))
    data, logs = OneBatch(8), {}
    trained.set_epoch(10)
    trained.run_epoch(
        10, data, lambda ids, log, network, state: logs.update({network: (log, state["kept"])})
    )
    losses = []
    for network in by_hand.networks:
        logits = network.train()(data.batch.images).logits
        losses.append(
            torch.nn.functional.cross_entropy(logits, data.batch.given_label, reduction="none")
        )
    for own, peer in ((0, 1), (1, 0)):
        picked = losses[peer].argsort()[:4]  # half of eight, from epoch 9 on
        losses[own][picked].mean().backward()
        kept = torch.zeros(8, dtype=torch.bool)
        kept[picked] = True
        log, said = logs[own + 1]
        assert torch.equal(said, kept)
        torch.testing.assert_close(log.weight, kept.float())
        torch.testing.assert_close(log.loss, losses[own].detach())
        pairs = zip(
            trained.networks[own].parameters(), by_hand.networks[own].parameters(), strict=True
        )
        for mine, theirs in pairs:
            assert torch.allclose(mine, theirs - 0.02 * theirs.grad, atol=1e-6)


def test_the_networks_start_apart_and_the_prediction_is_their_mean():
    trained = method()
    images = torch.randn(5, 1, 8, 8)
    first, second = (network.eval()(images) for network in trained.networks)
    assert not torch.allclose(first.logits, second.logits)
    out = trained.predict(images)
    torch.testing.assert_close(out.logits, (first.logits + second.logits) / 2)
    torch.testing.assert_close(out.features, first.features)


def test_adams_momentum_falls_with_the_rate():
    trained = method(optimizer="adam", learning_rate=0.001, schedule="linear", epochs=200)
    assert trained.set_epoch(80) == 0.001
    assert trained.optimizers[0].param_groups[0]["betas"] == (0.9, 0.999)
    assert trained.set_epoch(200) == pytest.approx(8.333e-6, rel=1e-3)
    assert all(o.param_groups[0]["betas"] == (0.1, 0.999) for o in trained.optimizers)


def test_asks_for_the_rate_where_the_noise_has_none():
    with pytest.raises(UsageError, match="--method-args noise_rate"):
        CoTeaching(RunConfig(method="co_teaching"), Sizes(8, 3, 1, (8, 8), CPU))
    config = RunConfig(method="co_teaching", method_args={"noise_rate": 0.0})
    assert CoTeaching(config, Sizes(8, 3, 1, (8, 8), CPU)).drop_rate.noise_rate == 0.0
