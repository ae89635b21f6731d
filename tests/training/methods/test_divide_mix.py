"""DivideMix's arithmetic against numbers worked out outside, and its guards."""

import numpy as np
import pytest
import torch
from scipy.stats import norm

from hmw_core.statistics.mixtures import divide_mix_posterior
from tests.contracts.test_every_method import LABEL, N_SAMPLES, epoch_data
from training.config import RunConfig
from training.methods import mixmatch
from training.methods.base import Sizes
from training.methods.divide_mix import DivideMix

CPU = torch.device("cpu")


def method(**arguments):
    torch.manual_seed(0)
    config = RunConfig(
        method="divide_mix", method_args={"warmup_epochs": 1, **arguments}, batch_size=20
    )
    return DivideMix(config, Sizes(N_SAMPLES, 4, 1, (8, 8), CPU))


def test_refined_labels():
    guess = torch.tensor([[0.5, 0.3, 0.2]], dtype=torch.float64)
    label, trust = torch.tensor([1]), torch.tensor([0.6], dtype=torch.float64)
    plain = mixmatch.refined_labels(label, trust, guess, temperature=1.0)
    assert plain[0].tolist() == pytest.approx([0.2, 0.72, 0.08])
    sharp = mixmatch.refined_labels(label, trust, guess, temperature=0.5)
    assert sharp[0].tolist() == pytest.approx([0.070822, 0.917847, 0.011331], abs=5e-7)


def test_the_ramp():
    assert 25 * mixmatch.ramp(14.5, 10, 16) == 7.03125
    assert [mixmatch.ramp(epoch, 10, 16) for epoch in (0, 10, 26, 99)] == [0, 0, 1, 1]


def test_losses_by_hand():
    logits = torch.tensor([[0.0, 0.0], [np.log(3.0), 0.0]])
    targets = torch.tensor([[1.0, 0.0], [0.5, 0.5]])
    expected = (np.log(2) - 0.5 * (np.log(0.75) + np.log(0.25))) / 2
    assert mixmatch.soft_cross_entropy(logits, targets).mean().item() == pytest.approx(expected)
    assert mixmatch.squared_error(logits, targets).mean().item() == pytest.approx(
        (0.25 + 0.25 + 0.0625 + 0.0625) / 4
    )
    mean = np.array([0.625, 0.375])
    assert mixmatch.prior_penalty(logits).item() == pytest.approx((0.5 * np.log(0.5 / mean)).sum())


def test_a_mixed_batch_stays_nearer_to_itself():
    images, targets = torch.eye(6).reshape(6, 1, 1, 6), torch.eye(6)
    mixed, labels, *_ = mixmatch.mixed(images, targets, 4.0, np.random.default_rng(0))
    assert torch.equal(mixed.reshape(6, 6), labels)  # pictures and labels with one share
    assert (labels.diagonal() >= 0.5).all()
    torch.testing.assert_close(labels.sum(dim=1), torch.ones(6))
    expected = np.random.default_rng(0).beta(4.0, 4.0)
    assert labels.max().item() == pytest.approx(max(expected, 1 - expected))


def test_the_split_of_two_planted_bumps():
    rng = np.random.default_rng(0)
    loss = np.concatenate([rng.normal(0.1, 0.03, 300), rng.normal(0.8, 0.05, 100)])
    posterior = divide_mix_posterior(loss)
    low, high = 0.75 * norm.pdf(loss, 0.1, 0.03), 0.25 * norm.pdf(loss, 0.8, 0.05)
    assert ((posterior > 0.5) == (low > high)).all()


def run(trained, epoch, data=None):
    recorded = []
    trained.set_epoch(epoch)
    trained.run_epoch(
        epoch, data or epoch_data(epoch), lambda ids, log, **_: recorded.append((ids, log))
    )
    return recorded


def test_stages_and_the_split_of_the_peer():
    trained = method()
    assert (trained.stage(1), trained.stage(2)) == ("warm-up", "semi-supervised")
    run(trained, 1)
    seen = []
    original = DivideMix.train_split

    def spy(self, place, data, is_labelled, trust, views):
        seen.append((place, is_labelled.clone(), trust.clone()))
        return original(self, place, data, is_labelled, trust, views)

    before = trained.posterior.clone()
    trained.train_split = spy.__get__(trained)
    run(trained, 2)
    assert len(seen) == 2
    for place, is_labelled, trust in seen:
        assert torch.equal(trust, before[1 - place])
        assert torch.equal(is_labelled, before[1 - place] > 0.5)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_an_empty_side_is_no_crash(value):
    trained = method()
    run(trained, 1)
    trained.posterior.fill_(value)  # nothing is labelled, or everything
    before = [p.clone() for p in trained.networks[0].parameters()]
    recorded = run(trained, 2)
    assert sum(len(ids) for ids, log in recorded if log is not None) == 2 * N_SAMPLES
    pairs = zip(before, trained.networks[0].parameters(), strict=True)
    assert any(not torch.equal(a, b) for a, b in pairs)
    assert all(torch.isfinite(p).all() for p in trained.parameters())


def test_a_class_without_a_selected_sample_and_one_labelled_sample():
    trained = method()
    run(trained, 1)
    trained.posterior.fill_(0.0)
    trained.posterior[:, LABEL == 2] = 0.9
    run(trained, 2)
    trained.posterior.fill_(0.0)
    trained.posterior[:, 7] = 0.9
    run(trained, 3)
    assert all(torch.isfinite(p).all() for p in trained.parameters())


def test_the_history_averages_scaled_losses():
    trained = method(loss_history=3)
    for epoch in (1, 2, 3, 4):
        run(trained, epoch)
    history = trained.loss_history[-4:]
    assert torch.isfinite(history).all()
    assert history.amin() == 0
    assert history.amax() == 1
    expected = divide_mix_posterior(history[-3:].mean(dim=0)[0].numpy())
    np.testing.assert_allclose(trained.posterior[0], expected, atol=1e-6)
