"""CutMix against pictures and losses that are worked out by hand."""

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
from training.methods.cutmix import CutMix
from training.methods.pasted_boxes import drawn_box, pasted
from training.recipes import recipe_fields

CPU = torch.device("cpu")


def method(n_classes=4, **fields):
    torch.manual_seed(0)
    config = RunConfig(method="cutmix", epochs=6, batch_size=20, **fields)
    return CutMix(config, Sizes(N_SAMPLES, n_classes, 1, (8, 8), CPU))


def test_a_box_of_the_other_picture():
    images = torch.tensor([0.0, 1.0, 2.0]).reshape(3, 1, 1, 1).expand(3, 2, 4, 5).clone()
    mixed, share = pasted(images, torch.tensor([1, 2, 0]), (slice(1, 3), slice(2, 5)))
    assert share == 1 - 6 / 20
    expected = np.zeros((4, 5))
    expected[1:3, 2:5] = 1
    assert mixed[0, 1].tolist() == expected.tolist()
    assert (mixed[2] == torch.tensor(2 - 2 * expected)).all()  # of the first picture
    assert (images[0] == 0).all()  # the batch itself is left alone


def test_the_box_has_the_pictures_proportions_and_is_cut_off_at_the_edges():
    rng = np.random.default_rng(0)
    boxes = [drawn_box(20, 40, 0.75, rng) for _ in range(500)]
    heights = [rows.stop - rows.start for rows, _ in boxes]
    widths = [columns.stop - columns.start for _, columns in boxes]
    assert (max(heights), max(widths)) == (10, 20)  # sides of sqrt(1 - 0.75)
    assert (min(heights), min(widths)) == (5, 10)  # centred on an edge, half of it is outside
    assert all(0 <= rows.start < rows.stop <= 20 for rows, _ in boxes)
    assert {rows.start for rows, _ in boxes} == set(range(15))  # the last one begins at 19 - 5


@pytest.mark.parametrize(("share", "size"), [(1.0, 0), (0.0, 8)])
def test_the_ends_of_the_share(share, size):
    rng = np.random.default_rng(0)
    spans = [drawn_box(8, 8, share, rng)[0] for _ in range(200)]
    assert max(span.stop - span.start for span in spans) == size


class Watched(torch.nn.Module):
    """A loss that keeps what it is called with, and returns each label as the loss."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def forward(self, out, batch):
        self.calls.append((batch.given_label.tolist(), batch.sample_id.tolist()))
        return out.logits.sum(dim=1) * 0 + batch.given_label.float()


def test_each_label_counts_by_the_share_that_shows_it(monkeypatch):
    trained = method()
    trained.loss = Watched()
    seen = []
    monkeypatch.setattr("training.methods.parts.descend", lambda _, value: seen.append(value))
    monkeypatch.setattr("training.methods.cutmix.drawn_box", lambda *_: (slice(0, 4), slice(0, 4)))
    rng = np.random.default_rng(3)
    batch = Batch((torch.randn(3, 1, 8, 8),), torch.tensor([0, 1, 3]), torch.tensor([9, 8, 7]), 1)
    trained._step(batch, rng)
    (own, own_id), (other, other_id) = trained.loss.calls
    assert (own, own_id) == ([0, 1, 3], [9, 8, 7])
    assert sorted(zip(other, other_id, strict=True)) == [(0, 9), (1, 8), (3, 7)]
    assert seen[0].item() == pytest.approx(4 / 3)  # any permutation: 0.75 x 4/3 + 0.25 x 4/3


def test_the_factor_multiplies_the_loss_of_both_labels(monkeypatch):
    trained = method()
    trained.loss = Watched()
    seen, asked = [], []
    monkeypatch.setattr("training.methods.parts.descend", lambda _, value: seen.append(value))
    monkeypatch.setattr("training.methods.cutmix.drawn_box", lambda *_: (slice(0, 8), slice(0, 4)))

    def of_mixed(out, targets, share, other, sample_id, epoch):
        asked.append((targets, share, other, sample_id, epoch))
        return torch.tensor([1.0, 0.5, 0.0])

    monkeypatch.setattr(trained.weighting, "of_mixed", of_mixed)
    batch = Batch((torch.randn(3, 1, 8, 8),), torch.tensor([0, 1, 3]), torch.tensor([9, 8, 7]), 2)
    trained._step(batch, np.random.default_rng(0))
    ((targets, share, other, sample_id, epoch),) = asked
    assert targets.tolist() == [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]]
    assert (share, sample_id.tolist(), epoch) == (0.5, [9, 8, 7], 2)
    label = np.array([0, 1, 3])
    losses = 0.5 * label + 0.5 * label[other.numpy()]
    assert seen[0].item() == pytest.approx((losses * [1, 0.5, 0]).mean())


def test_without_a_cut_it_is_plain_training():
    cut, plain = method(method_args={"probability": 0.0}), method()
    plain.load_state_dict(cut.state_dict())
    batch = next(iter(epoch_data(1).batches()))
    cut._step(batch, np.random.default_rng(0))
    loss = plain.loss(plain.network(batch.images), batch).mean()
    loss.backward()
    plain.optimizers[0].step()
    for mine, theirs in zip(cut.network.parameters(), plain.network.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("loss", ["ce", "sce", "gce"])
@pytest.mark.parametrize("mixed", ["gated", "ungated", "history"])
def test_any_loss_and_any_rule_for_mixed_pictures(loss, mixed):
    trained = method(
        loss=loss, weighting="hmw", weighting_args={"mixed": mixed}, confidence_penalty=1.0
    )
    for epoch in (1, 2):
        log, _ = run_epoch(trained, epoch)
    weights = torch.tensor([log[0][row][1] for row in range(N_SAMPLES)])
    assert ((weights > 0) & (weights < 1)).all()  # what the plain pass gave each sample
    torch.testing.assert_close(weights, trained.weighting.weight)
    assert all(value.isfinite().all() for value in trained.state_dict().values())


def test_the_log_is_of_whole_pictures_with_their_own_label():
    trained = method(weighting="hmw", alpha=1.0, beta=1.0)
    log, _ = run_epoch(trained, 1)
    with torch.no_grad():
        plain = torch.cat([batch.images for batch in epoch_data(1).plain()])
        logits = trained.predict(plain).logits
    expected = torch.nn.functional.cross_entropy(logits, LABEL, reduction="none")
    found = torch.tensor([log[0][row][0] for row in range(N_SAMPLES)])
    torch.testing.assert_close(found, expected)


def test_permuted_classes_are_the_same_training_permuted():
    order = torch.tensor([2, 0, 3, 1])  # class c becomes order[c]
    first, second = (method(weighting="hmw") for _ in range(2))
    permute_last_layer(first.network, second.network, order)
    for epoch in (1, 2):
        a, _ = run_epoch(first, epoch)
        b, _ = run_epoch(second, epoch, given_label=order[LABEL])
    for row in range(N_SAMPLES):
        assert b[0][row] == pytest.approx(a[0][row], rel=1e-3, abs=1e-4)


def test_the_rows_of_the_papers_real_data_sets():
    animals = recipe_fields("CCE+HMW+CutMix", "animal10n", "none")
    assert (animals["network"], animals["epochs"], animals["batch_size"]) == (
        "timm:vgg19_bn",
        200,
        128,
    )
    assert (animals["learning_rate"], animals["weight_decay"]) == (0.1, 1e-3)
    assert (animals["schedule"], animals["alpha"], animals["beta"]) == ("cosine", 100, 100)
    web = recipe_fields("CCE+HMW+CutMix", "webvision", "none")
    assert (web["network"], web["epochs"]) == ("timm:inception_resnet_v2", 200)
    assert (web["batch_size"], web["learning_rate"], web["weight_decay"]) == (32, 0.01, 5e-4)
    for dataset, scale in (("animal10n", 10), ("webvision", 1), ("digits", 100)):
        fields = recipe_fields("SCE+HMW+CutMix", dataset, "none")
        assert (fields["alpha"], fields["beta"], fields["loss"]) == (scale, scale, "sce")
    assert "weighting" not in recipe_fields("CCE+CutMix", "animal10n", "none")
