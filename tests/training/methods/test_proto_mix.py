"""ProtoMix's labels, prototypes and contrasts against plain loops and hand-worked numbers."""

import math

import numpy as np
import pytest
import torch

from hmw_core.objective.batch import Batch
from tests.contracts.test_every_method import (
    LABEL,
    N_SAMPLES,
    epoch_data,
    permute_last_layer,
    run_epoch,
)
from training.config import RunConfig
from training.methods.base import Sizes
from training.methods.neighbour_votes import Neighbours
from training.methods.proto_mix import (
    ProtoMix,
    instance_contrast,
    neighbours_say,
    prototype_weight,
    prototypes,
    reset_to_given,
)
from training.recipes import recipe_fields

CPU = torch.device("cpu")
KEPT, RELABELLED, UNSURE = range(3)


def method(n_samples=N_SAMPLES, n_classes=4, epochs=6, fields=None, **method_args):
    torch.manual_seed(0)
    config = RunConfig(
        method="proto_mix",
        epochs=epochs,
        batch_size=20,
        method_args={"given_epochs": 1, **method_args},
        **(fields or {}),
    )
    return ProtoMix(config, Sizes(n_samples, n_classes, 1, (8, 8), CPU))


def unit(*shape, seed=0):
    rows = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(rows, dim=1)


def corrected(trained, probs, given_label, embedding, epoch=2):
    """Bring the soft labels up to date; return what is recorded, by name and sample."""
    said = {}

    def record(sample_id, log, *, state):
        assert log is None
        for name, values in state.items():
            rows = zip(sample_id.tolist(), values.tolist(), strict=True)
            said.setdefault(name, {}).update(rows)

    trained._correct(epoch, embedding, probs, given_label, record)
    return said


def test_a_soft_label_is_the_mean_of_network_and_neighbours():
    # Two pairs in orthogonal directions: with one neighbour, each sample's is its twin.
    embedding = torch.eye(50)[[0, 0, 1, 1]]
    trained = method(n_samples=4, n_classes=3, neighbours=1, low_threshold=0.45)
    trained.soft_label.copy_(
        torch.tensor([[1.0, 0, 0], [0.1, 0.9, 0], [0, 0.2, 0.8], [0.3, 0.3, 0.4]])
    )
    probs = torch.tensor([[0.2, 0.8, 0], [0.2, 0.7, 0.1], [0.1, 0, 0.9], [0.1, 0.1, 0.8]])
    said = corrected(trained, probs, torch.tensor([0, 0, 2, 1]), embedding, epoch=3)
    # (p + q of the twin) / 2, from the table before any of it is renewed.
    expected = [[0.15, 0.85, 0], [0.6, 0.35, 0.05], [0.2, 0.15, 0.65], [0.05, 0.15, 0.8]]
    assert list(said["rrl_soft_given"].values()) == pytest.approx([0.15, 0.6, 0.65, 0.15])
    expected[1], expected[2] = [1, 0, 0], [0, 0, 1]  # above 0.45: the given labels
    torch.testing.assert_close(trained.soft_label, torch.tensor(expected))
    assert list(said["group"].values()) == [UNSURE, KEPT, KEPT, UNSURE]
    assert said["method_label"] == {1: 0, 2: 2}
    assert trained.label.tolist() == [-1, 0, 2, -1]


def test_a_sure_soft_label_of_another_class_is_trained_on():
    embedding = torch.eye(50)[[0, 0]]
    trained = method(n_samples=2, n_classes=3, neighbours=1)
    trained.soft_label.copy_(torch.tensor([[0.0, 0.95, 0.05], [0.0, 0.95, 0.05]]))
    probs = torch.tensor([[0.0, 0.97, 0.03], [0.0, 0.97, 0.03]])
    said = corrected(trained, probs, torch.tensor([0, 1]), embedding, epoch=3)
    assert said["group"] == {0: RELABELLED, 1: KEPT}
    assert said["method_label"] == {0: 1, 1: 1}
    assert trained.epoch_metrics() == {"used": 1.0}


def test_soft_labels_begin_with_what_the_network_says():
    embedding = torch.eye(50)[[0, 0, 1]]
    trained = method(n_samples=3, n_classes=2, neighbours=1, low_threshold=0.3)
    probs = torch.tensor([[0.6, 0.4], [0.9, 0.1], [0.2, 0.8]])
    given_label = torch.tensor([1, 1, 1])
    trained.soft_label.fill_(7.0)  # never read
    said = corrected(trained, probs, given_label, embedding, epoch=2)
    # The first one is set to its given label before its twin takes it over.
    assert said["rrl_soft_given"][0] == pytest.approx((0.4 + 0.1) / 2)
    assert said["rrl_soft_given"][1] == pytest.approx((0.1 + 1.0) / 2)


def test_the_low_threshold_is_exclusive():
    soft = torch.tensor([[0.75, 0.25], [0.5, 0.5]])
    found = reset_to_given(soft, torch.tensor([1, 1]), 0.25)
    assert found.tolist() == [[0.75, 0.25], [0, 1]]


def test_neighbours_count_by_their_nearness():
    rng = np.random.default_rng(0)
    cosine, index = rng.uniform(-1, 1, (3000, 5)), rng.integers(3000, size=(3000, 5))
    soft = rng.dirichlet(np.ones(4), 3000)
    found = neighbours_say(
        Neighbours(torch.from_numpy(cosine), torch.from_numpy(index)), torch.from_numpy(soft)
    )
    for row in (0, 1023, 1024, 2999):
        weights = [math.exp(c / 0.3) for c in cosine[row]]
        total = sum(w * soft[i] for w, i in zip(weights, index[row], strict=True))
        assert found[row].tolist() == pytest.approx(total / sum(weights))


def test_prototypes_are_mean_directions_and_an_empty_class_keeps_its_own():
    embedding, previous = unit(6, 50), unit(4, 50, seed=1)
    label = torch.tensor([0, 0, 2, -1, 0, 2])
    found = prototypes(embedding, label, previous)
    for c, rows in ((0, [0, 1, 4]), (2, [2, 5])):
        mean = embedding[rows].mean(dim=0)
        torch.testing.assert_close(found[c], mean / mean.norm())
    assert torch.equal(found[[1, 3]], previous[[1, 3]])
    nobody = prototypes(embedding, torch.full((6,), -1), previous)
    assert torch.equal(nobody, previous)


def test_the_ramp_of_the_prototypes():
    assert [prototype_weight(e, 5.0, 40) for e in (0, 10, 20, 40, 60)] == [1, 2, 3, 5, 5]
    assert [prototype_weight(e, 2.0, 0) for e in (0, 60)] == [2, 2]


def test_instance_contrast_in_plain_loops():
    weak, strong = unit(3, 50), unit(3, 50, seed=1)
    found = instance_contrast(weak, strong)
    for i in range(3):
        others = [weak[j] for j in range(3) if j != i] + list(strong)
        total = sum(math.exp(float(weak[i] @ other) / 0.3) for other in others)
        own = math.exp(float(weak[i] @ strong[i]) / 0.3)
        assert found[i].item() == pytest.approx(-math.log(own / total), rel=1e-5)
    assert instance_contrast(weak[:1], strong[:1]).tolist() == [0]  # nothing to be told from


def test_mixed_pictures_are_compared_with_the_prototypes():
    trained = method()
    trained.eval()  # so that a picture's embedding is its own
    trained.prototype.copy_(unit(4, 50, seed=2))
    views = torch.randn(2, 3, 1, 8, 8)
    batch = Batch(tuple(views), torch.tensor([0, 1, 2]), torch.tensor([5, 6, 7]), 2)
    label = torch.tensor([3, -1, 1])  # the middle one is not used
    data = epoch_data(2)
    found = trained._mixed_contrast(batch, label, data)
    rng = epoch_data(2).rng
    share, other = rng.beta(8.0, 8.0), rng.permutation(4)
    images, targets = views[:, [0, 2]].reshape(4, 1, 8, 8), np.eye(4)[[3, 1, 3, 1]]
    losses = []
    for i, j in enumerate(other):
        picture = share * images[i] + (1 - share) * images[j]
        with torch.no_grad():
            embedding = trained.projection(trained.network(picture[None]).features)[0]
        cosine = [float(embedding @ p) for p in trained.prototype]
        total = sum(math.exp(c / 0.3) for c in cosine)
        target = share * targets[i] + (1 - share) * targets[j]
        log_probs = np.array(cosine) / 0.3 - math.log(total)
        losses.append(-(target * log_probs).sum())
    assert found.item() == pytest.approx(np.mean(losses), rel=1e-4)


def test_cross_entropy_is_the_mean_over_the_samples_used(monkeypatch):
    trained = method(fields={"weighting": "hmw", "alpha": 1.0, "beta": 1.0})
    said, seen = [], []
    monkeypatch.setattr(trained, "_mixed_contrast", lambda *_: torch.zeros(()))
    monkeypatch.setattr(trained, "_decoding_error", lambda *_: torch.zeros(()))
    monkeypatch.setattr("training.methods.proto_mix.instance_contrast", lambda *_: torch.zeros(3))
    monkeypatch.setattr("training.methods.parts.descend", lambda _, value: seen.append(value))
    trained.label[[5, 6, 7]] = torch.tensor([3, -1, 1])
    batch = Batch(tuple(torch.randn(2, 3, 1, 8, 8)), LABEL[:3], torch.tensor([5, 6, 7]), 2)
    trained._step(batch, 1.0, epoch_data(2), lambda ids, log: said.append((ids, log)))
    ((ids, log),) = said
    assert ids.tolist() == [5, 6, 7]
    weight = log.weight.tolist()
    assert weight[1] == 0 < min(weight[0], weight[2])
    log_probs = log.logits.log_softmax(dim=1)
    expected = -(weight[0] * log_probs[0, 3] + weight[2] * log_probs[2, 1]) / 2
    assert seen[0].item() == pytest.approx(expected.item(), rel=1e-5)
    expected = [-log_probs[i, int(LABEL[i])].item() for i in range(3)]  # as in every log
    assert log.loss.tolist() == pytest.approx(expected, rel=1e-5)


def test_given_labels_first_then_soft_ones():
    trained = method(given_epochs=2)
    for epoch in (1, 2):
        _, (states,) = run_epoch(trained, epoch)
        assert states == {}
        assert torch.equal(trained.label, LABEL)
        assert trained.stage(epoch) == "given labels"
    assert trained.soft_label.sum() == 0
    _, (states,) = run_epoch(trained, 3)
    assert trained.stage(3) == "soft labels"
    assert len(states["group"]) == len(states["rrl_soft_given"]) == N_SAMPLES
    torch.testing.assert_close(trained.soft_label.sum(dim=1), torch.ones(N_SAMPLES))


def test_a_run_shorter_than_its_stage_keeps_the_given_labels():
    trained = method(epochs=2, given_epochs=15)
    for epoch in (1, 2):
        run_epoch(trained, epoch)
    assert torch.equal(trained.label, LABEL)


@pytest.mark.parametrize("epochs", [1, 2, 6, 200])
def test_the_published_epochs_are_scaled_to_the_run(epochs):
    config = RunConfig(method="proto_mix", epochs=epochs)
    trained = ProtoMix(config, Sizes(4, 3, 1, (8, 8), CPU))
    assert trained.args["given_epochs"] == (5 if epochs == 200 else 1)


def test_nothing_used_leaves_the_other_terms():
    trained = method(high_threshold=1.0)  # no share is above 1
    run_epoch(trained, 1)
    kept = trained.prototype.clone()
    before = {name: value.clone() for name, value in trained.named_parameters()}
    _, (states,) = run_epoch(trained, 2)
    assert set(states["group"].values()) == {UNSURE}
    assert states.get("method_label", {}) == {}
    assert torch.equal(trained.prototype, kept)
    assert trained.epoch_metrics() == {"used": 0.0}
    after = dict(trained.named_parameters())
    assert all(value.isfinite().all() for value in after.values())
    assert not torch.equal(after["projection.linear.weight"], before["projection.linear.weight"])


def test_a_class_that_loses_its_samples_and_one_that_never_had_any():
    label = torch.arange(N_SAMPLES) % 3  # of four classes
    trained = method()
    run_epoch(trained, 1, given_label=label)
    assert trained.prototype.norm(dim=1).tolist() == pytest.approx([1, 1, 1, 0])
    kept = trained.prototype[2].clone()
    trained.label.copy_(torch.where(label == 2, -1, label))
    found = prototypes(unit(N_SAMPLES, 50), trained.label, trained.prototype)
    assert torch.equal(found[2], kept)
    for epoch in (2, 3):
        run_epoch(trained, epoch, given_label=label)
    assert all(value.isfinite().all() for value in trained.state_dict().values())


@pytest.mark.parametrize("n_views", [1, 2])
def test_fewer_samples_than_neighbours(n_views):
    trained = method(neighbours=200, mixed_views=n_views, high_threshold=0.5)
    for epoch in (1, 2, 3):
        run_epoch(trained, epoch)
    assert all(value.isfinite().all() for value in trained.state_dict().values())


def test_permuted_classes_are_the_same_training_permuted():
    order = torch.tensor([2, 0, 3, 1])  # class c becomes order[c]
    first, second = (method(high_threshold=0.3) for _ in range(2))
    permute_last_layer(first.network, second.network, order)
    for epoch in (1, 2):
        log, (mine,) = run_epoch(first, epoch)
        other_log, (theirs,) = run_epoch(second, epoch, given_label=order[LABEL])
    for row in range(N_SAMPLES):
        assert other_log[0][row] == pytest.approx(log[0][row], rel=1e-3, abs=1e-4)
    torch.testing.assert_close(second.prototype[order], first.prototype, rtol=1e-3, atol=1e-4)
    assert theirs["group"] == mine["group"]
    assert theirs["method_label"] == {
        row: int(order[label]) for row, label in mine["method_label"].items()
    }


def test_the_settings_of_its_source():
    def fields(*about):
        return recipe_fields("ProtoMix", *about)

    ten = fields("cifar10", "symmetric", 0.5)
    assert (ten["network"], ten["epochs"], ten["schedule"]) == ("preact_resnet18", 200, "cosine")
    assert ten.get("method_args", {}) == {}  # the defaults are those of this set
    asymmetric = fields("cifar10", "asymmetric", 0.4)["method_args"]
    assert asymmetric == {"low_threshold": 0.4, "ramp_epochs": 40}
    for noise in ("symmetric", "block_shift"):
        hundred = fields("cifar100", noise, 0.4)["method_args"]
        assert hundred == {"given_epochs": 15, "low_threshold": 0.02, "ramp_epochs": 40}
    web = fields("webvision", "none", 0.0)
    assert (web["network"], web["batch_size"], web["epochs"]) == (
        "timm:inception_resnet_v2",
        64,
        40,
    )
    assert (web["learning_rate"], web["weight_decay"], web["image_size"]) == (0.04, 1e-4, 299)
    assert web["method_args"] == {
        "given_epochs": 15,
        "low_threshold": 0.05,
        "high_threshold": 0.8,
        "mixup_alpha": 0.5,
        "mixed_views": 1,
        "prototype_weight": 2.0,
    }
    assert set(fields("digits", "none", 0.0)) == {"recipe", "method"}
