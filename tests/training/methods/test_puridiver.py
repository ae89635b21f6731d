"""PuriDivER's parts, targets and score against numbers worked out by hand, not by our code."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from hmw_core.objective.batch import Batch, Forward
from tests.contracts.test_every_method import LABEL, N_SAMPLES, make_method, run_epoch
from training.methods import mixmatch
from training.methods.puridiver import (
    CORRECT,
    RELABEL,
    UNLABELLED,
    batch_sizes,
    diversity_share,
    likeness_to_class,
    parted,
    shuffled,
    standardised,
)
from training.recipes import recipe_fields


class Says(nn.Module):
    """A network that says the same logits of each place in the batch, whatever the pictures."""

    def __init__(self, logits):
        super().__init__()
        self.logits = nn.Parameter(torch.tensor(logits, dtype=torch.float32))

    def forward(self, images):
        assert len(images) == len(self.logits)
        n, n_classes = self.logits.shape
        return Forward(self.logits, torch.ones(n, 2), torch.ones(n_classes, 2))


def three_parts(method):
    """Give a method a third of the samples as each part."""
    method.group.copy_(torch.arange(N_SAMPLES) // (N_SAMPLES // 3))
    method.trust.copy_(torch.linspace(1, 0, N_SAMPLES))


def test_a_planted_mixture_is_parted_in_three():
    rng = np.random.default_rng(0)
    planted = rng.permutation(np.repeat([CORRECT, RELABEL, UNLABELLED], (60, 25, 15)))
    loss = np.array([0.1, 3.0, 3.0])[planted] + rng.normal(0, 0.05, 100)
    # Of correct samples the uncertainty says nothing; theirs would part the others wrongly.
    uncertainty = np.array([0.9, 0.05, 0.6])[planted] + rng.normal(0, 0.02, 100)
    part, trust = parted(loss, uncertainty)
    assert part.tolist() == planted.tolist()
    assert (trust[planted == CORRECT] > 0.99).all()
    assert (trust[planted != CORRECT] < 0.01).all()


def test_without_a_mixture_all_are_correct():
    part, trust = parted(np.full(5, 0.7), np.linspace(0, 1, 5))
    assert (part == CORRECT).all()
    assert (trust == 0.5).all()
    part, _ = parted(np.array([0.0, 0.0, 0.0, 9.0]), np.array([0.1, 0.2, 0.3, 0.4]))
    assert part.tolist() == [CORRECT, CORRECT, CORRECT, RELABEL]  # one doubted is no mixture


def test_the_others_come_in_proportion():
    assert batch_sizes([160, 80, 40], 16) == (10, [8, 4])
    assert batch_sizes([161, 3, 3], 16) == (11, [2, 2])  # at least two
    assert batch_sizes([3, 9000, 90], 16) == (1, [128, 128])  # at most eight batches


def test_an_order_begins_anew_once_all_have_come():
    rows = torch.tensor([3, 5, 8])
    order = shuffled(rows, 8, torch.Generator().manual_seed(0)).tolist()
    assert sorted(order[:3]) == sorted(order[3:6]) == [3, 5, 8]
    assert len(set(order[6:])) == 2


def test_the_share_of_the_cosine_falls_above_a_loss_of_one():
    assert [diversity_share(0.5, loss) for loss in (0.4, 1.0, 2.5)] == [0.5, 0.5, 0.2]


def test_targets_of_samples_to_relabel():
    probs = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1]])
    found = mixmatch.half_given(torch.tensor([2, 1]), probs, torch.tensor([0.4, 0.0]))
    torch.testing.assert_close(found, torch.tensor([[0.42, 0.12, 0.46], [0.1, 0.8, 0.1]]))


def test_likeness_and_standardised_values_against_plain_loops():
    rng = np.random.default_rng(2)
    features, vectors = rng.normal(size=(12, 5)), rng.normal(size=(4, 5))
    label = np.array([0, 1, 1, 2, 0, 0, 1, 2, 0, 1, 0, 0])  # class 3 has none
    values, likeness = rng.normal(size=12), []
    for i in range(12):
        kept = [q for q in range(5) if vectors[label[i], q] > vectors[:, q].mean()]
        cosines = []
        for j in np.flatnonzero(label == label[i]):
            a, b = features[i, kept], features[j, kept]
            cosines.append(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))
        likeness.append(np.mean(cosines))
    tensors = map(torch.from_numpy, (features, vectors, label))
    assert likeness_to_class(*tensors).tolist() == pytest.approx(likeness)
    expected = [(v - values[label == c].mean()) / values[label == c].std() for v, c in
                zip(values, label, strict=True)]  # fmt: skip
    found = standardised(torch.from_numpy(values), torch.from_numpy(label))
    assert found.tolist() == pytest.approx(expected)
    assert standardised(torch.tensor([2.0, 2.0, 5.0]), torch.tensor([0, 0, 1])).tolist() == [0] * 3


def batch_of(label, sample_id, n_views):
    views = tuple(torch.zeros(len(label), 1, 8, 8) for _ in range(n_views))
    return Batch(views, torch.tensor(label), torch.tensor(sample_id), 5)


@pytest.mark.parametrize("cutmix", [0.0, 1.0])
def test_the_objective_of_a_step_by_hand(cutmix, monkeypatch):
    monkeypatch.setattr(
        "training.methods.puridiver.drawn_box", lambda *_: (slice(0, 4), slice(0, 4))
    )
    method = make_method("puridiver", n_classes=3)
    method.args |= {"cutmix": cutmix}
    method.trust[[4, 5]] = torch.tensor([0.4, 0.1])
    logits = np.random.default_rng(3).normal(size=(3 + 2 * 2 + 2 * 2, 3))
    method.network = Says(logits)
    correct = batch_of([0, 1, 2], [1, 2, 3], 1)
    parts = correct, batch_of([2, 0], [4, 5], 2), batch_of([1, 1], [6, 7], 2)
    found = method._objective(*parts, np.random.default_rng(0))

    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    again = np.random.default_rng(0)
    again.random()
    other, share = [0, 1, 2], 1.0
    if cutmix:
        again.beta(1.0, 1.0)
        other, share = again.permutation(3), 0.75  # a quarter of 8 x 8 pixels is pasted over
    losses = []
    for i, j in enumerate(other):
        losses.append(-share * math.log(probs[i, i]) - (1 - share) * math.log(probs[i, j]))
    for i, label, g in ((0, 2, 0.4), (1, 0, 0.1)):
        target = [g * (label == c) + (1 - g) * probs[3 + i, c] for c in range(3)]
        losses.append(-sum(t * math.log(probs[5 + i, c]) for c, t in enumerate(target)))
    for i in (0, 1):
        losses.append(((logits[7 + i] - logits[9 + i]) ** 2).mean())
    assert found.item() == pytest.approx(np.mean(losses), rel=1e-5)
    found.backward()
    gradient = method.network.logits.grad
    assert gradient[3:5].abs().sum() == 0  # what relabels is detached
    torch.testing.assert_close(gradient[7:9], -gradient[9:])  # both views of the unlabelled move


def test_an_epoch_takes_one_view_of_the_correct_and_two_of_the_others(monkeypatch):
    method = make_method("puridiver", batch_size=8)
    three_parts(method)
    seen = []
    original = method._objective

    def objective(*batches):
        seen.append(batches[:3])
        return original(*batches)

    monkeypatch.setattr(method, "_objective", objective)
    run_epoch(method, 5, batch_size=8)
    rows = [
        sorted(torch.cat([step[part].sample_id for step in seen]).tolist()) for part in range(3)
    ]
    third = N_SAMPLES // 3
    assert rows == [list(range(part * third, (part + 1) * third)) for part in range(3)]
    assert {tuple(len(batch.views) for batch in step) for step in seen} == {(1, 2, 2)}


@pytest.mark.parametrize("empty", [CORRECT, RELABEL, UNLABELLED])
def test_an_epoch_with_an_empty_part_is_plain(empty, monkeypatch):
    method = make_method("puridiver")
    three_parts(method)
    method.group[(method.group == empty).nonzero()[2:, 0]] = (empty + 1) % 3
    monkeypatch.setattr(method, "_objective", lambda *_: pytest.fail("a step on parts"))
    log, _ = run_epoch(method, 5)
    assert len(log[0]) == N_SAMPLES


def test_what_is_logged_parts_the_next_epoch():
    method = make_method("puridiver", weighting="hmw")
    for epoch in (1, 2, 3):
        log, (state,) = run_epoch(method, epoch)
    assert list(state["puri_state"].values()) == method.group.tolist()
    labelled = state["method_label"]
    assert sorted(labelled) == (method.group != UNLABELLED).nonzero()[:, 0].tolist()
    correct = (method.group == CORRECT).nonzero()[:, 0].tolist()
    assert [labelled[row] for row in correct] == LABEL[correct].tolist()
    losses = np.array([log[0][row][0] for row in range(N_SAMPLES)])
    part, trust = parted(losses, np.zeros(N_SAMPLES))
    assert ((part == CORRECT) == (method.group == CORRECT).numpy()).all()
    torch.testing.assert_close(method.trust, torch.from_numpy(trust).float(), atol=1e-4, rtol=1e-3)
    weights = torch.tensor([log[0][row][1] for row in range(N_SAMPLES)])
    torch.testing.assert_close(weights, method.weighting.weight)


def test_a_weight_of_nothing_leaves_the_given_labels_out():
    """The weighting multiplies the loss of the correct samples, and of no others."""
    method = make_method("puridiver", n_classes=3)
    method.args |= {"cutmix": 0.0}
    method.network = Says(np.random.default_rng(3).normal(size=(7, 3)))
    method.weighting.weight.zero_()
    parts = batch_of([0, 1, 2], [1, 2, 3], 1), batch_of([2], [4], 2), batch_of([1], [6], 2)
    method._objective(*parts, np.random.default_rng(0)).backward()
    per_row = method.network.logits.grad.abs().sum(dim=1)
    assert (per_row > 0).tolist() == [False] * 4 + [True] * 3


def test_classes_permuted_give_the_same_parts():
    order = torch.tensor([2, 0, 3, 1])  # class c becomes order[c]
    plain, permuted = (make_method("puridiver") for _ in range(2))
    for parameter in permuted.network.last_layer.parameters():
        parameter.data[order] = parameter.data.clone()
    _, (first,) = run_epoch(plain, 1)
    _, (second,) = run_epoch(permuted, 1, given_label=order[LABEL])
    assert first["puri_state"] == second["puri_state"]
    assert list(second["puri_score"].values()) == pytest.approx(
        list(first["puri_score"].values()), abs=1e-2
    )
    renamed = {row: int(order[label]) for row, label in first["method_label"].items()}
    assert second["method_label"] == renamed


def test_the_published_settings():
    ten = recipe_fields("PuriDivER", "cifar10", "symmetric", 0.4)
    assert (ten["network"], ten["batch_size"], ten["epochs"]) == ("resnet18_cifar", 16, 255)
    assert (ten["learning_rate"], ten["weight_decay"], ten["nesterov"]) == (0.05, 1e-4, True)
    hundred = recipe_fields("PuriDivER", "cifar100", "symmetric", 0.4)
    assert (hundred["network"], hundred["method_args"]) == ("resnet32_cifar", {"warmup_epochs": 30})
    web = recipe_fields("PuriDivER", "webvision", "none")
    assert (web["network"], web["epochs"]) == ("timm:resnet34", 127)
