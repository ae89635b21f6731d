"""Truncated generalized cross entropy: which samples are kept, when, and what moves then."""

import math

import pytest
import torch

from hmw_core import RunReader
from hmw_core.errors import UsageError
from hmw_core.objective.batch import Batch, Forward
from tests.contracts.test_every_method import CPU, N_SAMPLES, run_epoch
from training.config import RunConfig
from training.methods.base import Sizes
from training.methods.gce_truncated import TruncatedGCE, kept_samples


def method(**fields):
    torch.manual_seed(0)
    config = RunConfig(method="gce_truncated", **{"epochs": 12, "batch_size": 20, **fields})
    return TruncatedGCE(config, Sizes(N_SAMPLES, 4, 1, (8, 8), CPU))


def test_kept_are_the_labels_more_probable_than_k():
    losses = -torch.tensor([0.6, 0.5, 0.4, 0.51]).log()
    assert kept_samples(losses, 0.5).tolist() == [True, False, False, True]


def test_where_none_is_believed_all_are_kept():
    assert kept_samples(torch.full((3,), 2.0), 0.5).all()


def test_the_golden_loss():
    trained = method()
    probs = torch.tensor([[0.6, 0.2, 0.1, 0.1]])
    out = Forward(probs.log(), torch.ones(1, 1), torch.ones(4, 1))
    batch = Batch((probs,), torch.tensor([0]), torch.tensor([0]), 1)
    assert trained.loss(out, batch).item() == pytest.approx(0.429474, abs=1e-6)
    assert trained.loss(out, batch).item() == pytest.approx((1 - math.pow(0.6, 0.7)) / 0.7)


def test_epochs_are_scaled_to_the_run():
    trained = method(epochs=120)
    assert (trained.args["warmup_epochs"], trained.args["refresh_epochs"]) == (40, 10)
    refreshed = [epoch for epoch in range(1, 121) if trained._is_refreshed(epoch)]
    assert refreshed == [41, 51, 61, 71, 81, 91, 101, 111]
    assert trained.n_passes(41) == pytest.approx(1.9)
    assert trained.n_passes(42) == 1.0
    assert (trained.stage(40), trained.stage(41)) == ("all samples", "kept samples")
    assert method(epochs=2).args["refresh_epochs"] == 1
    with pytest.raises(UsageError, match="after 1 epochs, and the run has 1 in all"):
        method(epochs=1)


def test_a_sample_left_out_has_no_gradient():
    """One batch of samples that are all left out moves nothing, and does not crash."""
    trained = method(weight_decay=0.0, momentum=0.0)
    for epoch in range(1, 5):
        run_epoch(trained, epoch)
    trained._refresh = lambda data: trained.kept.fill_(False)
    before = {name: value.clone() for name, value in trained.network.named_parameters()}
    (log,), (state,) = run_epoch(trained, 5)
    assert all(weight == 0 for _, weight in log.values())
    assert not any(state["gce_kept"].values())
    for name, value in trained.network.named_parameters():
        assert torch.equal(value, before[name])


def test_the_best_model_decides_and_not_the_current_one():
    trained = method()
    for epoch in range(1, 5):
        run_epoch(trained, epoch)
    with torch.no_grad():  # a best model that believes in class 2, whatever it sees
        for value in trained.best.network.parameters():
            value.zero_()
        trained.best.network.get_parameter("last_layer.bias")[2] = 10.0
        trained.best.loss.zero_()
    _, (state,) = run_epoch(trained, 5)
    assert {row for row, kept in state["gce_kept"].items() if kept} == {
        row for row in state["gce_kept"] if row % 4 == 2
    }


def test_without_validation_samples_the_current_model_decides():
    trained = method(method_args={"validation_share": 0.0})
    run_epoch(trained, 1)
    theirs = trained.best.network.state_dict()
    assert all(torch.equal(v, theirs[n]) for n, v in trained.network.state_dict().items())
    assert trained.n_passes(5) == 2.0


def test_a_run_knows_what_is_kept_from_the_pruning_on(trained):
    run = RunReader(trained(method="gce_truncated", epochs=4, noise="symmetric", noise_rate=0.4))
    assert run.metrics()["stage"].tolist() == ["all samples"] + ["kept samples"] * 3
    known = run.method_state().dropna(subset="gce_kept")
    assert sorted(set(known["epoch"])) == [2, 3, 4]
