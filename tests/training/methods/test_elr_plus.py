"""ELR+'s ramps, mixed memories and targets against numbers worked out by hand, not by our code."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from hmw_core.objective.batch import Batch, Forward
from tests.contracts.test_every_method import LABEL, N_SAMPLES, epoch_data, make_method, run_epoch
from training.methods.elr_plus import ramp, ramped_decay, remembered
from training.recipes import recipe_fields

BETA = 0.7


class Says(nn.Module):
    """A network that says the same logits of each place in the batch, whatever the pictures."""

    def __init__(self, logits):
        super().__init__()
        self.logits = nn.Parameter(logits)

    def forward(self, images):
        n, n_classes = len(images), self.logits.shape[1]
        return Forward(self.logits[:n], torch.ones(n, 2), torch.ones(n_classes, 2))


def test_a_ramp_by_steps():
    assert ramp(20000, 40000) == pytest.approx(0.2865, abs=1e-4)
    assert ramp(0, 40000) == pytest.approx(math.exp(-5))
    assert ramp(40000, 40000) == ramp(90000, 40000) == ramp(0, 0) == 1
    assert ramped_decay(20000, 40000, 0.997) == pytest.approx(0.2865 * 0.997, abs=1e-4)
    # Without a ramp the copy is first the network itself, then the mean of two steps, of three.
    assert [ramped_decay(s, 0, 0.997) for s in (0, 1, 2, 9999)] == pytest.approx(
        [0, 1 / 2, 2 / 3, 0.997]
    )


def test_targets_times_the_memory():
    targets = torch.tensor([[0.6, 0.4, 0.0], [0.0, 1.0, 0.0], [0.25, 0.0, 0.75]])
    memory = torch.tensor([[0.2, 0.1, 0.5], [0.3, 0.0, 0.3], [0.1, 0.8, 0.1]])
    found = remembered(targets, memory)
    # .12 and .04 of .16; nothing is known of the only class; and an even memory changes nothing
    expected = torch.tensor([[0.75, 0.25, 0.0], [0.0, 1.0, 0.0], [0.25, 0.0, 0.75]])
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("targets", ["given", "remembered"])
def test_the_objective_of_a_batch_by_hand(targets):
    method = make_method("elr_plus", n_classes=3)
    method.args |= {"targets": targets}
    rng = np.random.default_rng(1)
    logits, memory = rng.normal(size=(4, 3)), rng.uniform(0.05, 0.3, (4, 3))
    label = [0, 1, 2, 1]
    method.networks[0] = Says(torch.tensor(logits, dtype=torch.float32))
    batch = Batch((torch.zeros(4, 1, 8, 8),), torch.tensor(label), torch.arange(4), 1)
    data = epoch_data(1)
    found = method._objective(0, batch, torch.tensor(memory).float(), 2.0, data)

    again = epoch_data(1).rng
    drawn = again.beta(1.0, 1.0)
    share, other = max(drawn, 1 - drawn), again.permutation(4)
    losses = []
    for i, j in enumerate(other):
        probs = np.exp(logits[i]) / np.exp(logits[i]).sum()
        mixed_memory = [share * memory[i, c] + (1 - share) * memory[j, c] for c in range(3)]
        target = [share * (label[i] == c) + (1 - share) * (label[j] == c) for c in range(3)]
        if targets == "remembered":
            product = [t * m for t, m in zip(target, mixed_memory, strict=True)]
            target = [p / sum(product) for p in product]
        entropy = -sum(t * math.log(p) for t, p in zip(target, probs, strict=True))
        inner = sum(m * p for m, p in zip(mixed_memory, probs, strict=True))
        losses.append(entropy + 2.0 * math.log(1 - inner))
    assert found.item() == pytest.approx(np.mean(losses), rel=1e-5)


def test_each_memory_is_written_by_the_peers_copy_and_unclamped():
    method = make_method("elr_plus")
    first, second = torch.tensor([[0.0, 1.0, 2.0, 3.0]]), torch.tensor([[200.0, 0.0, 0.0, 0.0]])
    for copy, logits in zip(method.copies, (first, second), strict=True):
        copy.network = Says(logits.repeat(20, 1))
        copy.follow = lambda of, decay: None
    run_epoch(method, 1)
    saturated, even = method.memory
    # Exactly one, where ELR has 0.9999: beta is the share that stays of nothing.
    assert saturated[:, 0].tolist() == pytest.approx([1 - BETA] * N_SAMPLES, abs=1e-6)
    torch.testing.assert_close(even, ((1 - BETA) * first.softmax(dim=1)).expand(N_SAMPLES, 4))


def test_the_copies_follow_with_the_decay_of_the_step():
    method = make_method("elr_plus", epochs=200)
    decays = []
    for copy in method.copies:
        copy.follow = lambda of, decay: decays.append(decay)
    run_epoch(method, 52)  # three steps an epoch, each network; the ramp ends after 102.3 epochs
    expected = [0.997 * math.exp(-5 * (1 - step / 306.9) ** 2) for step in (153, 154, 155)]
    assert decays == pytest.approx(expected * 2)


def test_the_copies_do_not_predict_and_each_network_logs_its_memory():
    method = make_method("elr_plus")
    _, states = run_epoch(method, 1)
    images = torch.randn(3, 1, 8, 8)
    logits = [network.eval()(images).logits for network in method.networks]
    torch.testing.assert_close(method.predict(images).logits, sum(logits) / 2)
    said = [list(state["elr_target"].values()) for state in states]
    assert said[0] != said[1]
    for place, state in enumerate(states):
        memory = method.memory[place]
        assert list(state["method_label"].values()) == memory.argmax(dim=1).tolist()
        assert list(state["elr_target"].values()) == memory[range(N_SAMPLES), LABEL].tolist()


def test_classes_permuted_give_the_same_memories_permuted():
    order = torch.tensor([2, 0, 3, 1])  # class c becomes order[c]
    plain, permuted = (make_method("elr_plus") for _ in range(2))
    for network in [*permuted.networks, *(copy.network for copy in permuted.copies)]:
        for parameter in network.last_layer.parameters():
            parameter.data[order] = parameter.data.clone()
    run_epoch(plain, 1)
    run_epoch(permuted, 1, given_label=order[LABEL])
    torch.testing.assert_close(permuted.memory[..., order], plain.memory, rtol=1e-3, atol=1e-4)


def test_the_published_settings():
    ten = recipe_fields("ELR+", "cifar10", "symmetric", 0.5)
    assert (ten["network"], ten["epochs"], ten["schedule_at"]) == ("preact_resnet18", 200, (0.75,))
    assert "method_args" not in ten  # the defaults
    pairs = recipe_fields("ELR+", "cifar10", "asymmetric", 0.4)
    assert pairs["method_args"] == {"beta": 0.9, "lambda": 1.0}
    hundred = recipe_fields("ELR+", "cifar100", "symmetric", 0.5)
    assert (hundred["epochs"], hundred["schedule_at"]) == (250, (0.8,))
    assert hundred["method_args"]["targets"] == "remembered"
    assert hundred["method_args"]["ramp_epochs"] * 50000 / 128 == pytest.approx(40000, rel=2e-3)
    web = recipe_fields("ELR+", "webvision", "none")
    assert (web["image_size"], web["batch_size"], web["epochs"]) == (227, 32, 100)
