"""Bilevel learning: weights of two parameters by hand, and how the batches are drawn."""

import numpy as np
import pytest
import torch

from tests.contracts.test_every_method import epoch_data, make_method
from training.config import RunConfig
from training.data.prepare import load_data
from training.loop import Training
from training.methods.bilevel import class_order, last_visits, split_weights, step_direction


def test_weights_and_step_of_two_parameters_by_hand():
    validation = torch.tensor([1.0, 0.0], dtype=torch.float64)
    gradients = torch.tensor([[2.0, 0.0], [0.0, 3.0], [-1.0, 1.0]], dtype=torch.float64)
    weight = split_weights(validation, gradients, 0.01)
    assert weight.tolist() == pytest.approx([2 / 4.01, 0.0, -1 / 2.01])
    total = 2 / 4.01 + 1 / 2.01
    by_hand = [(2 * 2 / 4.01 + 1 / 2.01) / total, (-1 / 2.01) / total]
    assert step_direction(weight, gradients).tolist() == pytest.approx(by_hand)


def test_without_any_gradient_no_weight_and_no_step():
    gradients = torch.zeros(3, 2)
    weight = split_weights(torch.ones(2), gradients, 0.01)
    assert weight.tolist() == [0, 0, 0]
    assert step_direction(weight, gradients).tolist() == [0, 0]
    ones = torch.ones(3, 2)
    assert step_direction(split_weights(torch.zeros(2), ones, 0.01), ones).tolist() == [0, 0]


def test_all_splits_have_the_same_labels_and_a_class_is_walked_through():
    label = np.repeat(np.arange(4), [40, 80, 20, 116])
    order = class_order(label, 8, 4, np.random.default_rng(0))
    assert len(order) == 256
    labels = label[order].reshape(8, 8, 4)
    assert (labels == labels[:, :1]).all()
    for class_label in range(4):
        times = np.bincount(order[label[order] == class_label], minlength=256)
        of_class = times[label == class_label]
        assert of_class.max() - of_class.min() <= 1
    assert len(class_order(np.array([3]), 8, 1, np.random.default_rng(0))) == 8


def test_labels_are_drawn_as_often_as_they_are_given():
    label = np.repeat(np.arange(2), [3000, 1000])
    order = class_order(label, 8, 8, np.random.default_rng(0))
    assert (label[order] == 0).mean() == pytest.approx(0.75, abs=0.06)


def test_last_visits():
    assert last_visits(np.array([3, 1, 3, 2, 1])).tolist() == [False, False, True, True, True]


def test_a_step_is_that_of_the_weighted_gradients_and_state_leaves_validation_out():
    method, twin = (make_method("bilevel", momentum=0.0, weight_decay=0.0) for _ in range(2))
    rows, said = [], {}

    def record(sample_id, log, state=None):
        if log is not None:
            rows.extend(sample_id.tolist())
        if state:
            pairs = zip(sample_id.tolist(), state["bilevel_weight"].tolist(), strict=True)
            said.update(pairs)

    method.set_epoch(1)
    method.run_epoch(1, epoch_data(1, batch_size=48), record)  # one batch of 8 splits of 6
    assert len(rows) == len(set(rows))
    data = epoch_data(1, batch_size=48)
    order = class_order(data.given_label.numpy(), 8, 6, data.rng)
    (batch,) = data.batches(torch.from_numpy(order), batch_size=48)
    gradients = []
    for part in range(8):
        mine = slice(6 * part, 6 * part + 6)
        logits = twin.network.train()(batch.images[mine]).logits
        loss = torch.nn.functional.cross_entropy(logits, batch.given_label[mine])
        found = torch.autograd.grad(loss, list(twin.network.parameters()))
        gradients.append(torch.cat([g.flatten() for g in found]))
    weight = split_weights(gradients[0], torch.stack(gradients[1:]), 0.01)
    step = step_direction(weight, torch.stack(gradients[1:]))
    before = torch.nn.utils.parameters_to_vector(twin.network.parameters())
    after = torch.nn.utils.parameters_to_vector(method.network.parameters())
    assert torch.allclose(after, before - 0.02 * step, atol=1e-6)
    expected: dict[int, list[float]] = {}
    for place, row in enumerate(order.tolist()):
        if place >= 6:
            expected.setdefault(row, []).append(weight[place // 6 - 1].item())
    assert said.keys() == expected.keys()
    for row, values in expected.items():
        assert said[row] == pytest.approx(sum(values) / len(values), abs=1e-5)


@pytest.mark.slow
def test_digits_with_wrong_labels_are_learned():
    config = RunConfig(
        method="bilevel",
        noise="symmetric",
        noise_rate=0.3,
        epochs=15,
        batch_size=64,
        device="cpu",
        threads=1,
    )
    training = Training(config, load_data(config))
    for epoch in range(1, 16):
        training.train_epoch(epoch, lambda *_: None)
    assert training.test_accuracy() > 0.8
