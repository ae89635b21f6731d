"""MOIT and MOIT+: what trains on which label, and their guards."""

import pytest
import torch

from hmw_core.errors import UsageError
from tests.contracts.test_every_method import LABEL, N_SAMPLES, epoch_data
from training.config import RunConfig
from training.methods.base import Sizes
from training.methods.fine_tuned import bootstrapped
from training.methods.mixmatch import Mixture
from training.methods.moit import AGREES, CLEAN, DISAGREES, MOIT, MOITPlus
from training.recipes import recipe_fields

CPU = torch.device("cpu")


def method(kind=MOIT, epochs=6, n_samples=N_SAMPLES, fields=None, **arguments):
    torch.manual_seed(0)
    config = RunConfig(
        method="moit", method_args=arguments, batch_size=20, epochs=epochs, **(fields or {})
    )
    return kind(config, Sizes(n_samples, 4, 1, (8, 8), CPU))


def run(trained, epoch):
    said = {}

    def record(sample_id, log, *, network=1, state=None):
        said.update(state or {})

    trained.set_epoch(epoch)
    torch.manual_seed(epoch)
    trained.run_epoch(epoch, epoch_data(epoch), record)
    return said


def targets_of(trained, epoch, monkeypatch):
    """Run an epoch; return the targets of all its mixed pictures, (2 N, C)."""
    seen = []
    original = type(trained).soft_losses

    def spy(self, out, targets):
        seen.append(targets)
        return original(self, out, targets)

    with monkeypatch.context() as patch:
        patch.setattr(type(trained), "soft_losses", spy)
        run(trained, epoch)
    return torch.cat(seen)


def test_given_labels_first_then_own_predictions_of_those_doubted(monkeypatch):
    trained = method(given_epochs=1, mixup_alpha=0.01)  # so that hardly anything is mixed
    trained.is_clean.fill_(False)  # which counts only later
    given = targets_of(trained, 1, monkeypatch)
    assert (given.amax(dim=1) > 0.5).all()
    torch.testing.assert_close(given.sum(dim=0), torch.full((4,), N_SAMPLES / 2))
    trained.is_clean.fill_(False)
    guessed = targets_of(trained, 2, monkeypatch)
    torch.testing.assert_close(guessed.sum(dim=1), torch.ones(len(guessed)))
    assert (guessed > 0).all()  # a softmax has no zeros
    trained.is_clean.fill_(True)
    assert (targets_of(trained, 2, monkeypatch) == 0).any()


def test_both_labels_are_dropped_by_the_larger_share_if_told(monkeypatch):
    for flagged_by, totals in (("own", {1.0}), ("dominant", {0.7, 1.0, 1.3})):
        trained = method(given_epochs=0, flagged_by=flagged_by)
        trained.is_clean.copy_(torch.arange(N_SAMPLES) % 3 > 0)

        def mixed(images, targets, alpha, rng):
            other = torch.arange(len(images)).roll(1)
            return Mixture(images, 0.7 * targets + 0.3 * targets[other], 0.7, other)

        with monkeypatch.context() as patch:
            patch.setattr("training.methods.neighbour_checked.mixmatch.mixed", mixed)
            seen = targets_of(trained, 1, patch)
        assert {round(total, 4) for total in seen.sum(dim=1).tolist()} == totals


def test_the_groups_and_the_label_that_it_would_rather_train_on():
    trained = method()
    said = run(trained, 1)
    group, label = said["group"], said["method_label"]
    assert set(group.tolist()) <= {CLEAN, AGREES, DISAGREES}
    assert torch.equal(label != LABEL, (group == DISAGREES) & (label != LABEL))
    assert torch.equal(group == CLEAN, trained.is_clean)
    counts = LABEL[trained.is_clean].bincount(minlength=4)
    assert (counts == counts[0]).all()


def test_default_neighbours_fit_the_data():
    assert method().args["neighbours"] == N_SAMPLES // 8
    assert method(n_samples=50_000).args["neighbours"] == 250
    assert method(neighbours=3).args["neighbours"] == 3


def test_past_embeddings_count_from_the_epoch_told(monkeypatch):
    keys = []

    def spy(anchors, of, *arguments, **named):
        keys.append(len(of))
        return anchors.sum(dim=1) * 0

    monkeypatch.setattr("training.methods.moit.interpolated_loss", spy)
    trained = method(memory_epoch=2, memory_per_class=100)
    run(trained, 1)
    assert keys == [40, 40, 16]
    keys.clear()
    run(trained, 2)
    assert keys == [40, 96, 40, 96, 16, 96]  # two views of each sample are all that is kept


def test_moit_plus_fine_tunes_a_new_classifier_on_its_clean_set():
    trained = method(MOITPlus, train_epochs=2)
    assert [trained.stage(epoch) for epoch in (1, 2, 3, 6)] == ["train"] * 2 + ["fine-tune"] * 2
    run(trained, 1)
    run(trained, 2)
    before = trained.network.last_layer.weight.clone()
    clean, queue = trained.is_clean.clone(), trained.queue.embedding.clone()
    head = trained.projection.linear.weight.clone()
    seen = []
    original = trained.factor
    trained.factor = lambda out, batch, *_: (
        seen.append(batch.sample_id),
        original(out, batch, *_),
    )[1]
    run(trained, 3)
    assert torch.cat(seen).sort().values.tolist() == clean.nonzero()[:, 0].tolist()
    assert torch.equal(trained.is_clean, clean)
    assert torch.equal(trained.queue.embedding, queue)
    assert torch.equal(trained.projection.linear.weight, head)
    now = trained.network.last_layer.weight
    assert torch.nn.functional.cosine_similarity(before, now).max() < 0.9
    assert trained.n_passes(3) == pytest.approx(1 + clean.float().mean().item())


def test_the_rate_of_the_fine_tuning():
    def rates(epochs, n_samples, **told):
        trained = method(MOITPlus, epochs=epochs, n_samples=n_samples, **told)
        return trained.set_epoch(1), trained.set_epoch(epochs)

    assert rates(320, 50_000) == pytest.approx((0.02, 0.0002))
    assert rates(6, 48) == (0.02, 0.02)
    assert rates(6, 48, tune_rate=0.5) == (0.02, 0.01)


def test_stages_of_short_runs():
    assert method(MOITPlus, epochs=2).args["train_epochs"] == 1
    with pytest.raises(UsageError, match="the run has 1 in all"):
        method(MOITPlus, epochs=1)
    with pytest.raises(UsageError, match="stages of train 6 epochs"):
        method(MOITPlus, train_epochs=6)


def test_bootstrapped_targets():
    targets, logits = torch.tensor([[1.0, 0.0], [0.6, 0.4]]), torch.tensor([[0.0, 2.0], [1.0, 0]])
    expected = torch.tensor([[0.8, 0.2], [0.68, 0.32]])
    torch.testing.assert_close(bootstrapped(targets, logits, 0.2), expected)
    assert torch.equal(bootstrapped(targets, logits, 0.0), targets)


@pytest.mark.parametrize("history", ["gated", "history"])
def test_a_weighting_changes_what_is_trained(history):
    fields = {"weighting": "hmw", "weighting_args": {"mixed": history}}
    plain, weighed = method(given_epochs=1), method(fields=fields, given_epochs=1)
    for epoch in (1, 2, 3):
        run(plain, epoch)
        run(weighed, epoch)
    pairs = zip(plain.network.parameters(), weighed.network.parameters(), strict=True)
    assert any(not torch.equal(a, b) for a, b in pairs)


def test_recipes_have_the_published_settings():
    fields = recipe_fields("MOIT", "cifar100", "symmetric_exclusive", 0.5)
    assert (fields["epochs"], fields["learning_rate"], fields["weight_decay"]) == (250, 0.1, 1e-4)
    plus = recipe_fields("MOIT+", "cifar10", "symmetric_exclusive", 0.5)
    config = RunConfig(**plus)
    trained = MOITPlus(config, Sizes(64, 10, 3, (32, 32), CPU))
    assert config.epochs == 320
    assert {name: trained.args[name] for name in ("train_epochs", "given_epochs")} == {
        "train_epochs": 250,
        "given_epochs": 130,
    }
    assert trained.args["bootstrap_epoch"] == 30
    assert trained.args["memory_epoch"] == 4
    assert recipe_fields("MOIT", "digits", "none") == {"recipe": "MOIT", "method": "moit"}
