"""PLC's theta, window and relabelling against numbers worked out by hand, not by our code."""

from types import SimpleNamespace

import pytest
import torch

from training.config import RunConfig
from training.methods.base import Sizes
from training.methods.plc import PLC, next_theta, ratio
from training.recipes import recipe_fields

CPU = torch.device("cpu")
EVERYONE = torch.arange(4)
GIVEN = torch.tensor([0, 1, 2, 0])
UNSURE = torch.tensor([[0.5, 0.3, 0.2], [0.25, 0.25, 0.5], [0.8, 0.1, 0.1], [0.1, 0.8, 0.1]])


def method(epochs=100, **method_args):
    torch.manual_seed(0)
    config = RunConfig(method="plc", method_args=method_args, epochs=epochs)
    return PLC(config, Sizes(4, 3, 1, (8, 8), CPU))


def run(trained, epoch, probs, rows=EVERYONE):
    """Run an epoch in which the network says `probs` (B, C) of some samples; return its state."""
    said = {}

    def record(sample_id, log, state):
        for name, values in state.items():
            said[name] = dict(zip(sample_id.tolist(), values.tolist(), strict=True))

    trained.training_pass = lambda data, record, step_of: trained.past.put(rows, probs)
    trained.run_epoch(epoch, SimpleNamespace(given_label=GIVEN), record)
    return said


def test_theta_by_the_share_of_labels_that_changed():
    theta, used = 0.3, []
    for changed in (0.0005, 0.005, 0.0005, 0.0):
        used.append(theta)
        theta = next_theta(theta, changed)
    assert used == pytest.approx([0.3, 0.4, 0.4, 0.5])
    for _ in range(10):
        theta = next_theta(theta, 0.0)
    assert theta == 0.9
    assert next_theta(1.0, 0.0) == 1.0  # told to replace all but the largest


def test_a_ratio_that_equals_theta_keeps_the_label():
    mean = torch.tensor([[0.25, 0.5, 0.25], [0.125, 0.5, 0.375]])
    assert ratio(mean, torch.tensor([0, 0])).tolist() == [0.5, 0.25]
    trained = method(warmup_epochs=3, window=1, theta=0.5)
    run(trained, 4, UNSURE)  # sample 1: 0.25 of 0.5
    assert trained.labels.of(EVERYONE, GIVEN).tolist() == [0, 1, 0, 1]


def test_labels_are_corrected_from_the_mean_of_the_window_and_for_good():
    trained = method(warmup_epochs=3, window=2)
    assert run(trained, 3, UNSURE) == {}
    said = run(trained, 4, UNSURE.roll(1, dims=1))
    # The means: (.35 .4 .25), (.375 .25 .375), (.45 .45 .1) and (.1 .45 .45).
    assert said["plc_ratio"] == pytest.approx({0: 0.875, 1: 0.25 / 0.375, 2: 2 / 9, 3: 2 / 9})
    assert said["method_label"] == {0: 0, 1: 1, 2: 0, 3: 1}
    assert trained.epoch_metrics() == {"theta": 0.3, "relabelled": 0.5}
    said = run(trained, 5, UNSURE)  # the window's older half is gone, so the same means
    assert said["method_label"] == {0: 0, 1: 1, 2: 0, 3: 1}
    assert said["plc_ratio"][3] == pytest.approx(2 / 9)  # of the given label, not of the new one
    assert trained.epoch_metrics() == pytest.approx({"theta": 0.4, "relabelled": 0.5})


def test_a_window_that_is_not_full_keeps_its_label_and_theta():
    trained = method(warmup_epochs=3, window=3)
    for epoch in (3, 4):
        assert run(trained, epoch, UNSURE) == {}
    assert float(trained.theta) == 0.3
    said = run(trained, 5, UNSURE[2:3], rows=torch.tensor([2]))  # the only one seen three times
    assert said["method_label"] == {2: 0}
    assert trained.labels.changed.tolist() == [-1, -1, 0, -1]


def test_the_warm_up_may_be_longer_than_the_run():
    trained = method(epochs=4, warmup_epochs=9)
    for epoch in range(1, 5):
        assert "method_label" not in run(trained, epoch, UNSURE)
    assert trained.epoch_metrics() == {"theta": 0.3, "relabelled": 0.0}
    assert trained.stage(4) == "warm-up"


def test_epochs_are_scaled_to_the_run():
    assert [method(180).args[name] for name in ("warmup_epochs", "window")] == [8, 5]
    assert [method(90).args[name] for name in ("warmup_epochs", "window")] == [4, 2]
    assert [method(2).args[name] for name in ("warmup_epochs", "window")] == [3, 1]


def test_the_published_settings():
    fields = recipe_fields("PLC", "animal10n", "none")
    assert (fields["network"], fields["epochs"], fields["momentum"]) == ("timm:vgg19_bn", 100, 0.0)
    assert fields["method_args"] == {"warmup_epochs": 40, "window": 10}
    cifar = recipe_fields("PLC", "cifar100", "symmetric", 0.3)
    assert (cifar["network"], cifar["epochs"], cifar["nesterov"]) == ("preact_resnet34", 180, True)
    assert "method_args" not in cifar
    assert recipe_fields("PLC", "digits", "none") == {"recipe": "PLC", "method": "plc"}
