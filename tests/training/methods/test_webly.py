"""The noise layer of webly supervised learning, by hand, and its two stages."""

import pytest
import torch

from hmw_core import RunReader
from hmw_core.errors import UsageError
from tests.contracts.test_every_method import CPU, N_SAMPLES, run_epoch
from training.config import RunConfig
from training.methods.base import Sizes
from training.methods.webly import Webly, adaptation_layer, relationship_graph


def method(n_classes=4, **fields):
    torch.manual_seed(0)
    config = RunConfig(method="webly", **{"epochs": 6, "batch_size": 20, **fields})
    return Webly(config, Sizes(N_SAMPLES, n_classes, 1, (8, 8), CPU))


def test_the_graph_is_the_mean_prediction_of_each_given_label():
    probs = torch.tensor([[0.8, 0.2, 0.0], [0.6, 0.2, 0.2], [0.1, 0.9, 0.0]])
    graph = relationship_graph(probs, torch.tensor([0, 0, 1]))
    expected = [[0.7, 0.2, 0.1], [0.1, 0.9, 0.0], [0.0, 0.0, 1.0]]  # no sample is labelled 2
    assert torch.allclose(graph, torch.tensor(expected))


def test_the_largest_entries_are_kept_and_renormalised():
    probs = torch.tensor([[0.4, 0.3, 0.2, 0.1]]).repeat(4, 1)
    graph = relationship_graph(probs, torch.arange(4), n_related=2)
    assert torch.allclose(graph, torch.tensor([4 / 7, 3 / 7, 0, 0]).repeat(4, 1))


def test_seven_classes_keep_five_and_four_keep_all():
    probs = torch.rand(7, 7, generator=torch.Generator().manual_seed(0)).softmax(dim=1)
    assert ((relationship_graph(probs, torch.arange(7)) > 0).sum(dim=1) == 5).all()
    probs = probs[:4, :4]
    assert (relationship_graph(probs, torch.arange(4)) > 0).all()


def test_the_layer_is_the_graph_as_a_probability_of_given_labels():
    graph = torch.tensor([[0.6, 0.4, 0.0], [0.2, 0.8, 0.0], [0.2, 0.8, 0.0]])
    layer = adaptation_layer(graph)
    expected = [[0.6, 0.2, 0.2], [0.2, 0.4, 0.4], [0.0, 0.0, 1.0]]  # nothing is taken for class 2
    assert torch.allclose(layer, torch.tensor(expected))


def test_permuting_the_classes_permutes_the_layer():
    probs = torch.rand(30, 7, generator=torch.Generator().manual_seed(1)).softmax(dim=1)
    label = torch.arange(30) % 7
    order = torch.tensor([3, 0, 6, 1, 2, 5, 4])
    layer = adaptation_layer(relationship_graph(probs, label))
    place = order.argsort()  # class c is now class place[c]
    theirs = adaptation_layer(relationship_graph(probs[:, order], place[label]))
    assert torch.allclose(theirs, layer[order][:, order], atol=1e-6)


def test_stages_rate_and_cost():
    trained = method(schedule="constant", learning_rate=0.1)
    rates = [trained.set_epoch(epoch) for epoch in range(1, 7)]
    assert rates == pytest.approx([0.1] * 3 + [0.01] * 3)
    assert trained.optimizers[0].param_groups[0]["lr"] == pytest.approx(0.01)
    assert [trained.n_passes(epoch) for epoch in (3, 4, 5)] == [1, 2, 1]
    with pytest.raises(UsageError, match="stages of easy 9 epochs before 'adapt'"):
        method(method_args={"easy_epochs": 9})


def test_the_network_goes_on_and_the_layer_stays():
    trained = method(learning_rate=1e-9)  # so small that a network drawn anew would be seen
    for epoch in range(1, 4):
        run_epoch(trained, epoch)
    assert trained.facts() == {}
    before = next(trained.network.parameters()).clone()
    run_epoch(trained, 4)
    layer = trained.layer.clone()
    assert torch.allclose(next(trained.network.parameters()), before, atol=1e-5)
    assert not torch.equal(layer, torch.eye(4))
    run_epoch(trained, 5)
    assert torch.equal(trained.layer, layer)
    assert torch.allclose(layer.sum(dim=1), torch.ones(4))
    assert trained.facts()["transition_matrix"] == layer.tolist()
    assert trained.facts()["transition_from"] == "relationship graph"


def test_a_run_keeps_the_layer_and_the_posterior(trained):
    run = RunReader(trained(method="webly", epochs=4, noise="symmetric", noise_rate=0.4))
    assert run.metrics()["stage"].tolist() == ["easy"] * 2 + ["adapt"] * 2
    known = run.method_state().dropna(subset="adaptation_posterior")
    assert sorted(set(known["epoch"])) == [3, 4]
    assert known["adaptation_posterior"].between(0, 1).all()
    assert len(run.method_facts["transition_matrix"]) == 10
