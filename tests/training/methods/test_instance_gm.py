"""InstanceGM's autoencoder against numbers worked out outside, and what it does to a network."""

import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from tests.contracts.test_every_method import (
    LABEL,
    N_SAMPLES,
    epoch_data,
    make_method,
    pictures,
    run_epoch,
)
from training.methods.label_vae import (
    Encoded,
    LabelVAE,
    added_loss,
    latent_divergence,
    reconstruction_loss,
)
from training.recipes import recipe_fields


def numbers(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_the_divergence_is_summed_over_samples_and_latent_numbers():
    mean, log_variance = numbers(3, 5), numbers(3, 5, seed=1)
    expected = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).sum()
    torch.testing.assert_close(latent_divergence(mean, log_variance), expected)
    assert latent_divergence(torch.zeros(3, 5), torch.zeros(3, 5)) == 0


def test_the_reconstruction_is_a_continuous_bernoulli():
    logits, brightness = [2.0, -1.0, 0.7], [0.9, 0.0, 0.35]
    expected = 0.0
    for logit, x in zip(logits, brightness, strict=True):
        share = 1 / (1 + math.exp(-logit))
        norm = 2 * math.atanh(1 - 2 * share) / (1 - 2 * share)
        expected -= math.log(norm) + x * math.log(share) + (1 - x) * math.log(1 - share)
    found = reconstruction_loss(torch.tensor(logits), torch.tensor(brightness))
    assert found.item() == pytest.approx(expected / 3, rel=1e-5)


def test_the_weights_of_the_added_loss():
    encoded = Encoded(numbers(4, 25), numbers(4, 25, seed=1), numbers(4, 1, 8, 8), numbers(4, 3))
    images, label = torch.rand(4, 1, 8, 8), torch.tensor([0, 1, 2, 0])
    plain, labelled, both = (
        added_loss(encoded, images, label, weights) for weights in ((0, 0), (1, 0), (1, 6e-4))
    )
    torch.testing.assert_close(plain, reconstruction_loss(encoded.picture, images))
    log_probs = encoded.given_logits.log_softmax(dim=1)[range(4), label]
    torch.testing.assert_close(labelled - plain, -log_probs.mean())
    divergence = latent_divergence(encoded.mean, encoded.log_variance)
    torch.testing.assert_close(both - labelled, 6e-4 * divergence)


@pytest.mark.parametrize("size", [(8, 8), (32, 32), (13, 5)])
@pytest.mark.parametrize("n", [1, 3])
def test_pictures_of_any_size_and_a_batch_of_one(size, n):
    vae = LabelVAE(3, size, 4, 25)
    images, label = torch.rand(n, 3, *size), torch.eye(4)[:n]
    encoded = vae(images, label)
    assert encoded.picture.shape == images.shape
    assert encoded.mean.shape == encoded.log_variance.shape == (n, 25)
    assert encoded.given_logits.shape == (n, 4)


def test_the_latent_numbers_are_drawn_in_training_only():
    vae = LabelVAE(1, (8, 8), 4, 5)
    images, label = torch.rand(2, 1, 8, 8), torch.eye(4)[:2]
    first, second = (vae(images, label) for _ in range(2))
    torch.testing.assert_close(first.mean, second.mean)
    assert not torch.equal(first.picture, second.picture)
    vae.eval()
    assert torch.equal(vae(images, label).picture, vae(images, label).picture)


def test_the_latent_noise_is_normal():
    """Of mean 0, where the released code draws it from [0, 1)."""
    vae = LabelVAE(1, (8, 8), 4, 1)
    seen = []
    vae.start.register_forward_hook(lambda module, inputs, out: seen.append(inputs[0][:, 0]))
    encoded = vae(torch.zeros(5000, 1, 8, 8), torch.eye(4)[torch.zeros(5000, dtype=torch.int64)])
    noise = (seen[0] - encoded.mean[:, 0]) / (encoded.log_variance[:, 0] / 2).exp()
    assert abs(noise.mean()) < 0.06  # four standard errors
    assert noise.std().item() == pytest.approx(1, abs=0.05)


def test_pictures_are_brought_back_from_normalised_ones():
    data = epoch_data(1)
    (batch,) = data.plain()
    expected = torch.from_numpy(pictures(LABEL.numpy())).permute(0, 3, 1, 2) / 255
    torch.testing.assert_close(data.source.normalize.undone(batch.images), expected)


def test_the_autoencoder_moves_the_network_and_keeps_its_own_rate():
    method = make_method("instance_gm", learning_rate=0.5)
    method.set_rate(0.005)
    rates = [group["lr"] for optimizer in method.optimizers for group in optimizer.param_groups]
    assert rates == [0.005, 0.005, 0.001, 0.001]
    data = epoch_data(1)
    method._streams = [iter(data.batches(batch_size=10)) for _ in (0, 1)]
    method.train()
    before = {name: value.clone() for name, value in method.named_parameters()}
    method.descend(1, data, torch.zeros((), requires_grad=True))
    moved = {n for n, value in method.named_parameters() if not torch.equal(value, before[n])}
    assert {name.split(".")[:2][1] for name in moved} == {"1"}  # nothing of the other network
    for part in ("networks.1.backbone", "vaes.1.encoder", "vaes.1.decoder", "vaes.1.label_decoder"):
        assert any(name.startswith(part) for name in moved)


def test_what_is_logged_of_each_sample():
    method = make_method("instance_gm")
    _, states = run_epoch(method, 1)
    images = torch.cat([batch.images for batch in epoch_data(1).plain()])
    brightness = torch.from_numpy(pictures(LABEL.numpy())).permute(0, 3, 1, 2) / 255
    for place, state in enumerate(states):
        network, vae = method.network(place).eval(), method._vae(place).eval()
        with torch.no_grad():
            encoded = vae(brightness, network(images).logits.softmax(dim=1))
        probs = encoded.given_logits.softmax(dim=1)[range(N_SAMPLES), LABEL]
        errors = ((encoded.picture.sigmoid() - brightness) ** 2).mean(dim=(1, 2, 3))
        for name, expected in (
            ("noisy_label_probability", probs),
            ("reconstruction_error", errors),
        ):
            assert list(state[name].values()) == pytest.approx(expected.tolist(), rel=1e-3)


def test_the_published_settings():
    ten = recipe_fields("InstanceGM", "cifar10", "symmetric", 0.4)
    assert (ten["epochs"], ten["batch_size"], ten["schedule_at"]) == (300, 128, (0.5,))
    assert "method_args" not in ten  # the defaults
    hundred = recipe_fields("InstanceGM", "cifar100", "symmetric", 0.4)
    assert hundred["method_args"] == {"warmup_epochs": 30}
    animals = recipe_fields("InstanceGM", "animal10n", "none")
    assert (animals["learning_rate"], animals["image_size"]) == (0.002, 64)
    assert animals["method_args"]["p_threshold"] == 0.08
