"""SELFIE's entropies, groups and restarts against numbers worked out by hand, not by our code."""

import pytest
import torch

from hmw_core.errors import UsageError
from hmw_core.objective.batch import Batch, Forward
from training.config import RunConfig
from training.methods.base import Sizes
from training.methods.selfie import (
    DROPPED,
    KEPT,
    REFURBISHED,
    SELFIE,
    n_kept,
    parted,
    steadiness,
)
from training.recipes import recipe_fields

CPU = torch.device("cpu")


def method(epochs=12, n_samples=4, n_classes=4, **method_args):
    torch.manual_seed(0)
    args = {"noise_rate": 0.5, **method_args}
    config = RunConfig(method="selfie", method_args=args, epochs=epochs)
    return SELFIE(config, Sizes(n_samples, n_classes, 1, (8, 8), CPU))


def test_the_entropy_of_fifteen_predictions():
    same = torch.full((15, 1), 2)
    entropy, predicted = steadiness(same, 4)
    assert (entropy.item(), predicted.item()) == (0.0, 2)
    one_differs = same.clone()
    one_differs[7] = 3
    entropy, predicted = steadiness(one_differs, 4)
    assert entropy.item() == pytest.approx(0.176680, abs=1e-6)
    assert predicted.item() == 2
    # So with up to a hundred classes one that differs is too much for 0.05, with 1000 it is not.
    assert steadiness(one_differs, 100)[0].item() > 0.05
    assert steadiness(one_differs, 1000)[0].item() < 0.05
    assert steadiness(torch.tensor([[0], [1]]), 2)[0].item() == 1.0


def test_the_number_kept_is_rounded_up():
    assert n_kept(8, 0.4) == 5  # 4.8
    assert [n_kept(1, rate) for rate in (0.0, 0.5, 1.0)] == [1, 1, 0]
    assert n_kept(10, 0.7) == 3  # 3.0000000000000004 in floats


def test_refurbished_comes_before_kept():
    losses = torch.tensor([0.1, 0.2, 0.3, 0.4])
    is_refurbished = torch.tensor([True, False, False, True])
    assert parted(losses, is_refurbished, 2).tolist() == [REFURBISHED, KEPT, DROPPED, REFURBISHED]
    nobody = torch.zeros(4, dtype=torch.bool)
    assert parted(losses, nobody, 0).tolist() == [DROPPED] * 4
    assert parted(losses, nobody, 4).tolist() == [KEPT] * 4


GIVEN = torch.tensor([0, 0, 0, 0])
LOGITS = torch.tensor(  # losses against class 0: small, larger, larger still, largest
    [[3.0, 0, 0, 0], [1.0, 0, 0, 2.0], [0, 4.0, 0, 0], [0, 0, 8.0, 0]]
)


def step(trained, epoch=9, logits=LOGITS):
    """Take the method's step on the batch of all four samples; return it and the groups."""
    n_classes = logits.shape[1]
    out = Forward(logits.clone().requires_grad_(), torch.zeros(4, 2), torch.zeros(n_classes, 2))
    group = torch.full((4,), -9)
    return trained._step(out, Batch((), GIVEN, torch.arange(4), epoch), group), group.tolist()


def past(trained, *predicted):
    """Let samples have predicted these classes, one list an epoch."""
    for row in predicted:
        trained.past.put(torch.arange(4), torch.tensor(row))


def test_a_batch_is_parted_and_the_loss_is_the_mean_of_those_used():
    trained = method(history=3)
    past(trained, [0, 3, 1, 1], [0, 1, 1, 2])  # with the batch's own: 0 0 0, 3 1 3, 1 1 1, 1 2 2
    found, group = step(trained)
    assert group == [REFURBISHED, KEPT, REFURBISHED, DROPPED]
    assert trained.labels.changed.tolist() == [0, -1, 1, -1]
    assert found.factor.tolist() == [1, 1, 1, 0]
    by_hand = torch.nn.functional.cross_entropy(LOGITS[:3], torch.tensor([0, 0, 1]))
    torch.testing.assert_close((found.factor * found.losses).mean(), by_hand)


def test_once_refurbished_a_sample_keeps_that_label():
    trained = method(history=2, noise_rate=1.0)
    past(trained, [1, 1, 1, 1])
    _, group = step(trained)  # predictions 0, 3, 1, 2
    assert group == [DROPPED, DROPPED, REFURBISHED, DROPPED]
    for logits in (LOGITS.roll(1, dims=1), LOGITS.roll(1, dims=1)):  # 1, 0, 2, 3: steady, but late
        found, group = step(trained, logits=logits)
    assert trained.labels.changed.tolist() == [1, 0, 1, 3]
    assert group == [REFURBISHED] * 4


def test_a_history_that_is_not_full_refurbishes_nothing():
    trained = method(history=3)
    past(trained, [0, 3, 1, 2])
    assert REFURBISHED not in step(trained)[1]
    assert REFURBISHED in step(trained)[1]


@pytest.mark.parametrize("n_classes", [2, 100])
@pytest.mark.parametrize(("rate", "group"), [(0.0, KEPT), (1.0, DROPPED)])
def test_a_noise_rate_of_none_and_of_all(rate, group, n_classes):
    trained = method(n_classes=n_classes, history=3, noise_rate=rate)
    logits = torch.randn(4, n_classes)
    found, groups = step(trained, logits=logits)
    assert groups == [group] * 4
    objective = (found.factor * found.losses).mean()
    objective.backward()
    assert (objective.item() == 0) == (rate == 1.0)


class TwoBatches:
    """The data of an epoch, in two batches."""

    given_label = torch.tensor([0, 1, 2, 3])
    training_id = torch.arange(4)

    def __init__(self, epoch):
        images = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(1))
        self.all = [
            Batch((images[rows],), self.given_label[rows], torch.tensor(rows), epoch)
            for rows in ([0, 1], [2, 3])
        ]

    def batches(self, order=None):
        return self.all


def run(trained, epoch):
    said = {}

    def record(sample_id, log, state):
        for name, values in state.items():
            said.setdefault(name, {}).update(zip(sample_id.tolist(), values.tolist(), strict=True))

    trained.set_epoch(epoch)
    trained.run_epoch(epoch, TwoBatches(epoch), record)
    return said


def test_a_restart_draws_the_network_anew_and_keeps_what_was_refurbished():
    trained = method(epochs=12)  # three trainings of 4 epochs, 1 of warm-up, history 2
    assert [trained.args[name] for name in ("warmup_epochs", "history")] == [1, 2]
    for epoch in range(1, 5):
        run(trained, epoch)
    trained.labels.changed.copy_(torch.tensor([3, -1, 3, 3]))
    trained.noise_rate.fill_(0.5)
    before = [p.clone() for p in trained.network.parameters()]
    said = run(trained, 5)
    assert trained.epoch_metrics() == {"refurbished": 0.75, "noise_rate": 0.25}
    assert trained.past.n_seen.tolist() == [1] * 4
    assert said == {"method_label": {0: 3, 2: 3, 3: 3}}  # a warm-up: no groups
    assert max(
        (p - q).abs().max() for p, q in zip(trained.network.parameters(), before, strict=True)
    ) > 0.05  # fmt: skip
    trained.noise_rate.fill_(0.1)
    for epoch in range(6, 10):
        said = run(trained, epoch)
    assert trained.epoch_metrics()["noise_rate"] <= 0.1  # it never rises


def test_what_is_recorded_after_the_warm_up():
    trained = method(epochs=12)
    assert run(trained, 1) == {}
    said = run(trained, 2)
    assert said["group"].keys() == said["selfie_uncertainty"].keys() == {0, 1, 2, 3}
    trusted = {row for row, group in said["group"].items() if group != DROPPED}
    assert said["method_label"].keys() == trusted
    for row in trusted:
        own = int(trained.labels.changed[row])
        assert said["method_label"][row] == (row if own < 0 else own)


def test_epochs_are_scaled_to_a_training_whatever_the_restarts():
    def values(epochs, **args):
        trained = method(epochs, **args)
        stages = [stage.n_epochs for stage in trained.stages]
        return stages, trained.args["warmup_epochs"], trained.args["history"]

    assert values(300) == ([100, 100, 100], 25, 15)
    assert values(400, restarts=3) == ([100] * 4, 25, 15)
    assert values(100, restarts=0) == ([100], 25, 15)
    assert values(100) == ([33, 33, 34], 8, 5)
    assert values(100, restarts=0, warmup_epochs=3) == ([100], 3, 15)
    assert values(6) == ([2, 2, 2], 1, 2)
    with pytest.raises(UsageError, match="training 1 1, training 2 1 epochs before 'training 3'"):
        values(2)


def test_a_warm_up_longer_than_a_training_is_plain_training():
    trained = method(epochs=6, warmup_epochs=50)
    for epoch in range(1, 7):
        assert "group" not in run(trained, epoch)
    assert trained.epoch_metrics() == {"refurbished": 0.0, "noise_rate": 0.5}


def test_the_learning_rate_begins_anew_with_each_training():
    fields = recipe_fields("SELFIE", "cifar10", "symmetric", 0.4)
    assert fields["network"] == "densenet25_cifar"
    config = RunConfig(**fields | {"network": "small_cnn", "noise": "symmetric", "noise_rate": 0.4})
    trained = SELFIE(config, Sizes(4, 4, 1, (8, 8), CPU))
    rates = [trained.set_epoch(epoch) for epoch in (1, 50, 51, 76, 100, 101, 276)]
    assert rates == pytest.approx([0.1, 0.1, 0.02, 0.004, 0.004, 0.1, 0.004])
    assert float(trained.noise_rate) == 0.4
    animals = recipe_fields("SELFIE", "animal10n", "none")
    assert animals["network"] == "timm:vgg19_bn"
    assert animals["method_args"] == {"noise_rate": 0.08}


def test_asks_for_the_rate_where_the_noise_has_none():
    with pytest.raises(UsageError, match="--method-args noise_rate"):
        SELFIE(RunConfig(method="selfie"), Sizes(4, 3, 1, (8, 8), CPU))
