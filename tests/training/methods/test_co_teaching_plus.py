"""Co-teaching+: the choice among samples that two networks disagree on, and without any."""

import pytest
import torch

from hmw_core.objective.batch import Batch
from training.config import RunConfig
from training.methods.base import Sizes
from training.methods.co_teaching_plus import CoTeachingPlus, candidates, disagreement
from training.methods.small_loss import smallest_among

CPU = torch.device("cpu")


def method(**fields):
    torch.manual_seed(0)
    config = RunConfig(
        method="co_teaching_plus", noise="symmetric", noise_rate=0.5, epochs=20, **fields
    )
    return CoTeachingPlus(config, Sizes(8, 3, 1, (8, 8), CPU))


def test_the_classes_predicted_decide():
    first = torch.tensor([[2.0, 1.0], [0.0, 3.0], [1.0, 0.0]])
    second = torch.tensor([[9.0, 1.0], [1.0, 0.0], [0.0, 0.5]])
    assert disagreement(first, second).tolist() == [False, True, True]


@pytest.mark.parametrize(
    ("dropped", "kept"), [(0.0, [1, 3, 4, 5]), (0.5, [3, 5]), (0.9, [3]), (1.0, [3])]
)
def test_the_smallest_among_some(dropped, kept):
    losses = torch.tensor([0.0, 5.0, 0.1, 1.0, 3.0, 2.0])
    among = torch.tensor([False, True, False, True, True, True])
    mask, n = smallest_among(losses, among, dropped)
    assert mask.nonzero()[:, 0].tolist() == kept
    assert n == len(kept)


def test_a_loss_that_is_not_finite_is_never_among_the_smallest():
    losses = torch.tensor([float("inf"), 1.0, float("nan")])
    mask, _ = smallest_among(losses, torch.tensor([True, True, False]), 0.5)
    assert mask.tolist() == [False, True, False]


def test_without_disagreement_all_samples_can_be_kept():
    among = candidates(torch.zeros(3, dtype=torch.bool))
    mask, n = smallest_among(torch.tensor([1.0, 2.0, 3.0]), among, 0.0)
    assert mask.all()
    assert n == 3


class OneBatch:
    """The data of an epoch of one batch."""

    def __init__(self):
        images = torch.randn(8, 1, 8, 8, generator=torch.Generator().manual_seed(1))
        self.batch = Batch((images,), torch.arange(8) % 3, torch.arange(8), 10)

    def batches(self):
        return [self.batch]


@pytest.mark.parametrize("epoch", [1, 10])  # before, and after 2 of 20 epochs
def test_each_network_trains_on_what_its_peer_picks(epoch):
    trained, logs, kept = method(), {}, {1: {}, 2: {}}
    first, second = trained.networks
    second.load_state_dict(first.state_dict())
    with torch.no_grad():  # untrained networks predict one class; these more, and nearly the same
        first.last_layer.bias -= first(OneBatch().batch.images).logits.mean(dim=0)
        second.last_layer.bias.copy_(first.last_layer.bias)
        second.last_layer.weight += 0.02 * torch.randn_like(second.last_layer.weight)
    trained.set_epoch(epoch)

    def record(ids, log, network, state):
        if log is not None:
            logs[network] = log, state["disagreement"]
        kept[network] |= dict(zip(ids.tolist(), state.get("kept", ids[:0]).tolist(), strict=False))

    trained.run_epoch(epoch, OneBatch(), record)
    differ = logs[1][1]
    assert 1 < differ.sum() < 8
    among = set(differ.nonzero()[:, 0].tolist() if epoch > 2 else range(8))
    for own, peer in ((1, 2), (2, 1)):
        assert kept[own].keys() == among
        losses = logs[peer][0].loss
        mine = {row for row, is_kept in kept[own].items() if is_kept}
        assert len(mine) == len(among) // 2
        assert max(losses[list(mine)]) <= min((losses[row] for row in among - mine), default=99)
        assert logs[own][0].weight.nonzero()[:, 0].tolist() == sorted(mine)
