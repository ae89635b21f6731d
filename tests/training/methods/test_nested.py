"""CED: the law of cuts against numbers from outside, cuts against plain loops, and the exchange."""

import pytest
import torch

from hmw_core.objective.batch import Forward
from tests.contracts.test_every_method import epoch_data, make_method
from training.config import RunConfig
from training.data.prepare import load_data
from training.loop import Training
from training.methods.nested import (
    best_cut,
    cut_probabilities,
    freeze_norms,
    masked,
    right_by_cut,
    smallest_cut,
)


def test_the_law_of_cuts():
    probs = cut_probabilities(512, 10.0)
    assert probs[:3].tolist() == pytest.approx([0.118395, 0.114896, 0.109292], abs=5e-7)
    assert probs[:18].sum().item() == pytest.approx(0.99, abs=0.005)
    assert probs.sum().item() == pytest.approx(1.0)
    assert cut_probabilities(4, 0.1).tolist() == pytest.approx([1.0, 0.0, 0.0, 0.0])
    assert cut_probabilities(1, 10.0).tolist() == [1.0]


def a_pass(n=7, n_features=6, n_classes=3):
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(n, n_features, generator=generator)
    class_vectors = torch.randn(n_classes, n_features, generator=generator)
    return Forward(features @ class_vectors.T, features, class_vectors)


def test_cuts_against_plain_loops(monkeypatch):
    out, label = a_pass(), torch.arange(7) % 3
    expected = torch.zeros(7, 6, dtype=torch.bool)
    for k in range(1, 7):
        cut = masked(out, k)
        by_hand = out.features[:, :k] @ out.class_vectors[:, :k].T
        torch.testing.assert_close(cut.logits, by_hand)
        assert (cut.features[:, k:] == 0).all()
        assert torch.equal(cut.class_vectors, out.class_vectors)
        expected[:, k - 1] = by_hand.argmax(dim=1) == label
    assert torch.equal(right_by_cut(out.features, out.class_vectors, label), expected)
    monkeypatch.setattr("training.methods.nested.MOST_LOGITS", 40)  # two samples at once
    assert torch.equal(right_by_cut(out.features, out.class_vectors, label), expected)
    first = [next((k + 1 for k in range(6) if row[k]), 7) for row in expected]
    assert smallest_cut(out, label).tolist() == first


def test_the_fewest_features_that_predict_the_label():
    # Class 0 has the first feature, class 1 the second, class 2 none: it never wins.
    out = Forward(torch.zeros(1), torch.tensor([[1.0, 2.0]]).repeat(3, 1), torch.eye(3, 2) - 0.1)
    assert smallest_cut(out, torch.tensor([0, 1, 2])).tolist() == [1, 2, 3]
    dead = Forward(out.logits, torch.zeros(3, 2), out.class_vectors)
    assert smallest_cut(dead, torch.tensor([0, 1, 2])).tolist() == [3, 3, 3]


def test_a_feature_more_must_pay_for_itself():
    assert best_cut(torch.tensor([0.5, 0.7, 0.7, 0.6])) == 2
    assert best_cut(torch.tensor([0.5, 0.5 + 2e-5, 0.5])) == 2
    assert best_cut(torch.tensor([0.5, 0.5 + 0.5e-5, 0.5])) == 1


def run(method, epoch, **options):
    kept = [{}, {}]
    rows = [[], []]

    def record(sample_id, log, *, network=1, state=None):
        if log is not None:
            rows[network - 1] += sample_id.tolist()
        if state and "kept" in state:
            pairs = zip(sample_id.tolist(), state["kept"].tolist(), strict=True)
            kept[network - 1].update(pairs)

    method.set_epoch(epoch)
    torch.manual_seed(epoch)
    data = epoch_data(epoch, method.validation_share, **options)
    method.run_epoch(epoch, data, record)
    return rows, kept


def test_each_is_trained_on_four_fifths_of_the_half_that_its_peer_sees():
    method = make_method("ced", batch_size=12)
    stages = [(stage.name, stage.n_epochs) for stage in method.stages]
    assert stages == [("nested", 5), ("co-teaching", 1)]
    run(method, 1, batch_size=12)
    before = [
        {name: value.clone() for name, value in network.named_buffers()}
        for network in method.networks
    ]
    rows, kept = run(method, 6, batch_size=12)
    n_trained = 44  # a sample of each class is held out: three batches of twelve, one of eight
    assert len(kept[0].keys() | kept[1].keys()) == n_trained
    assert not kept[0].keys() & kept[1].keys()
    for own, said in zip(rows, kept, strict=True):
        assert sorted(own) == sorted(row for row, yes in said.items() if yes)
        assert len(own) == 3 * int(0.8 * 6) + int(0.8 * 4)
    for network, frozen in zip(method.networks, before, strict=True):
        for name, value in network.named_buffers():
            assert torch.equal(value, frozen[name])
    weights = [network.last_layer.weight for network in method.networks]
    assert not torch.equal(*weights)


def test_halves_of_one_sample_are_in_turn_empty():
    method = make_method("ced", batch_size=1)
    rows, kept = run(method, 6, batch_size=1)
    assert len(rows[0]) == len(rows[1]) == 22
    assert all(all(said.values()) for said in kept)  # at least one is kept


@pytest.mark.parametrize("forget_rate", [0.0, 1.0])
def test_nothing_or_all_but_one_forgotten(forget_rate):
    method = make_method("ced")
    method.args["forget_rate"] = forget_rate
    rows, _ = run(method, 6)
    assert len(rows[0]) + len(rows[1]) == (44 if forget_rate == 0.0 else 6)


def test_predicts_with_the_best_cut_and_without_validation_with_all():
    method = make_method("ced")
    images = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    n = method.n_features
    whole = [network.eval()(images) for network in method.networks]
    assert all(network.last_layer.bias is None for network in method.networks)
    torch.testing.assert_close(
        method.predict(images).logits, (whole[0].logits + whole[1].logits) / 2
    )
    method.best_k.copy_(torch.tensor([3, 5]))
    cut = method.predict(images)
    expected = (masked(whole[0], 3).logits + masked(whole[1], 5).logits) / 2
    torch.testing.assert_close(cut.logits, expected)
    assert (cut.features[:, 3:] == 0).all()
    method = make_method("ced")
    method.args["validation_share"] = 0.0
    run(method, 1)
    assert method.epoch_metrics() == {"best_k": n, "best_k_2": n}


def test_the_rate_rises_batch_by_batch_and_the_second_stage_has_its_own():
    method = make_method("ced", epochs=45, learning_rate=0.1)
    seen = []
    original = method._step

    def spy(place, *rest):
        seen.append(method.optimizers[place].param_groups[0]["lr"])
        original(place, *rest)

    method._step = spy
    run(method, 1)  # three batches an epoch; 3.8 epochs of 45 are 11.4 batches
    expected = [0.1 * number / 11.4 for number in (1, 2, 3)]
    assert seen == pytest.approx(2 * expected)
    assert method.set_epoch(1) == pytest.approx(0.1 / 3.8)
    assert method.set_epoch(10) == 0.1
    assert method.set_epoch(36) == pytest.approx(0.001)
    assert method.set_epoch(41) == pytest.approx(0.0001)
    assert method.optimizers[1].param_groups[0]["lr"] == pytest.approx(0.0001)


def test_frozen_norms_learn_nothing_while_the_rest_trains():
    network = torch.nn.Sequential(torch.nn.BatchNorm1d(2), torch.nn.Dropout())
    freeze_norms(network.train())
    network(torch.randn(4, 2))
    assert network[0].running_mean.tolist() == [0, 0]
    assert network[1].training


@pytest.mark.slow
def test_wrong_labels_of_digits_are_not_picked_and_need_more_features():
    config = RunConfig(
        method="ced",
        noise="symmetric",
        noise_rate=0.3,
        epochs=21,
        batch_size=64,
        method_args={"nested_epochs": 20},
        device="cpu",
        threads=1,
    )
    training = Training(config, load_data(config))
    is_mislabeled = torch.from_numpy(training.data.given_label != training.data.true_label)
    said = {"kept": [], "nested_k": []}

    def record(sample_id, log, network=1, state=None):
        for name, values in (state or {}).items():
            if training.method.stage(epoch) == "co-teaching":
                said[name].append((values.float(), is_mislabeled[sample_id]))

    for epoch in range(1, 22):
        training.train_epoch(epoch, lambda *_: None, record)
    mean = {}
    for name, pairs in said.items():
        values, wrong = (torch.cat(parts) for parts in zip(*pairs, strict=True))
        assert len(values) == len(training.data.given_label) - len(training.validation_id)
        mean[name] = values[~wrong].mean(), values[wrong].mean()
    assert mean["kept"][0] > 0.9
    assert mean["kept"][1] < 0.6  # 20 % go, of 30 % that should
    assert 2 * mean["nested_k"][0] < mean["nested_k"][1]
