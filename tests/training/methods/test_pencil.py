"""PENCIL's losses and label step against numbers worked out by hand, not by our code."""

from types import SimpleNamespace

import pytest
import torch

from hmw_core.errors import UsageError
from hmw_core.objective.batch import Batch, Forward
from training.config import RunConfig
from training.methods.base import Sizes
from training.methods.pencil import PENCIL, compatibility, divergence, entropy
from training.recipes import recipe_fields

CPU = torch.device("cpu")
# A batch of two: the second label is undecided.
LOGITS = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3]]).log()
LABEL_LOGITS = torch.tensor([[2.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
GIVEN = torch.tensor([0, 2])


def method(epochs=320, n_samples=4, n_classes=3, batch_size=128, **method_args):
    torch.manual_seed(0)
    config = RunConfig(**recipe_fields("P-correction", "cifar10", "none")).as_json()
    config |= {"method_args": method_args, "epochs": epochs, "batch_size": batch_size}
    config["network"] = "small_cnn"
    return PENCIL(RunConfig(**config), Sizes(n_samples, n_classes, 1, (8, 8), CPU))


def near(found, expected, abs=1e-6):
    assert found.tolist() == [pytest.approx(row, abs=abs) for row in expected]


def test_the_parts_of_the_loss():
    # The first: y = (.665241 .244728 .090031), its softmax (.450593 .295851 .253557).
    near(divergence(LOGITS, LABEL_LOGITS), [0.001929, 0.066889])
    near(entropy(LOGITS), [0.267273, 0.299315])
    near(compatibility(LABEL_LOGITS, GIVEN, twice=False), [0.407606, 1.098612])
    near(compatibility(LABEL_LOGITS, GIVEN, twice=True), [0.797190, 1.098612])


@pytest.mark.parametrize(
    ("form", "losses", "stepped"),
    [
        (
            "softmax_twice",
            [0.347533, 0.536265],
            [[27.7609, -20.0994, -4.6614], [-36.6667, 13.3333, 23.3333]],
        ),
        (
            "softmax_once",
            [0.191699, 0.536265],
            [[45.6470, -32.8403, -9.8067], [-63.3333, -13.3333, 76.6667]],
        ),
    ],
)
def test_the_label_logits_after_one_step_of_600(form, losses, stepped):
    trained = method(compatibility=form)
    sample_id = torch.tensor([3, 1])
    trained.label_logits[sample_id] = LABEL_LOGITS
    trained.label_logits[[0, 2]] = 7.0  # not in the batch
    out = Forward(LOGITS.clone().requires_grad_(), torch.zeros(2, 2), torch.zeros(3, 2))
    step = trained._label_step(out, Batch((), GIVEN, sample_id, 71))
    near(step.losses, losses)
    step.losses.mean().backward()
    near(trained.label_logits[sample_id], stepped, abs=2e-3)
    assert (trained.label_logits[[0, 2]] == 7.0).all()
    assert not trained.label_logits.requires_grad


def test_the_label_step_scales_with_the_weight_and_with_one_over_the_batch():
    def moved(n, weight):
        trained = method(n_samples=n)
        logits = LOGITS[:1].repeat(n, 1).requires_grad_()
        out = Forward(logits, torch.zeros(n, 2), torch.zeros(3, 2))
        step = trained._label_step(out, Batch((), torch.zeros(n).long(), torch.arange(n), 71))
        (weight * step.losses).mean().backward()
        return trained.label_logits[0]

    one = moved(1, 1.0)
    torch.testing.assert_close(moved(4, 1.0), one / 4)
    torch.testing.assert_close(moved(1, 0.5), one / 2)


def test_labels_wait_in_the_first_stage_and_stay_in_the_last():
    trained = method(epochs=6)
    assert [trained.stage(epoch) for epoch in (1, 2, 3, 4, 6)] == [
        "cross entropy", "labels", "labels", "network", "network",
    ]  # fmt: skip
    data = SimpleNamespace(
        given_label=torch.tensor([2, 1, 0, 0]),
        training_id=torch.arange(4),
        batches=lambda order: [batch],
    )
    images = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    said = {}

    def record(sample_id, log, state):
        said.clear()
        said.update(state)

    for epoch in range(1, 7):
        batch = Batch((images,), data.given_label, torch.arange(4), epoch)
        before = trained.label_logits.clone()
        trained.set_epoch(epoch)
        trained.run_epoch(epoch, data, record)
        if epoch == 1:
            assert trained.label_logits.tolist() == [[0, 0, 10], [0, 10, 0], [10, 0, 0], [10, 0, 0]]
            assert said == {}
            continue
        assert torch.equal(trained.label_logits, before) == (epoch > 3)
        label = trained.label_logits.softmax(dim=1)
        assert torch.equal(said["method_label"], label.argmax(dim=1))
        torch.testing.assert_close(said["pencil_label"], label[range(4), data.given_label])


def test_the_learning_rate_of_the_stages():
    trained = method()
    for epoch, expected in (
        (1, 0.06), (200, 0.06), (201, 0.2), (240, 0.2), (241, 0.02), (280, 0.02), (281, 0.002),
        (320, 0.002),
    ):  # fmt: skip
        assert trained.set_epoch(epoch) == pytest.approx(expected)
        assert trained.optimizers[0].param_groups[0]["lr"] == pytest.approx(expected)


def test_by_default_the_last_stage_falls_by_thirds_and_any_schedule_counts():
    sizes = Sizes(4, 3, 1, (8, 8), CPU)
    plain = PENCIL(RunConfig(method="pencil", epochs=320, learning_rate=0.06), sizes)
    rates = [plain.set_epoch(epoch) for epoch in (240, 241, 281)]
    assert rates == pytest.approx([0.2, 0.02, 0.002])
    cosine = RunConfig(method="pencil", epochs=320, learning_rate=0.06, schedule="cosine")
    rates = [PENCIL(cosine, sizes).set_epoch(epoch) for epoch in (200, 201, 261)]
    assert rates == pytest.approx([0.06, 0.2, 0.1])


def test_stages_longer_than_the_run_are_refused():
    with pytest.raises(UsageError, match="cross entropy 70, labels 130 epochs before 'network'"):
        method(epochs=100, plain_epochs=70, label_epochs=130)
    with pytest.raises(UsageError, match="give more --epochs"):
        method(epochs=2)
