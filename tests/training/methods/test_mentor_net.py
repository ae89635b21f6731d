"""MentorNet: the predefined curriculum in numbers, and a mentor that learns from trusted labels."""

import dataclasses

import pytest
import torch

from hmw_core.errors import UsageError
from hmw_core.objective.batch import Batch
from training.config import RunConfig
from training.data.prepare import load_data
from training.loop import Training
from training.methods.base import Sizes
from training.methods.mentor_net import Mentor, MentorNet, left_in, predefined_weights, teach
from training.methods.trusted import read_trusted
from training.recipes import recipe_fields

CPU = torch.device("cpu")
SIZES = Sizes(8, 3, 1, (8, 8), CPU, ("cat", "dog", "owl"))


@pytest.mark.parametrize(("percent", "weight"), [(0, 1), (18, 1), (19, 0), (89, 0), (90, 0.7)])
def test_the_predefined_curriculum(percent, weight):
    assert predefined_weights(torch.tensor([0.3]), percent).item() == pytest.approx(weight)
    assert predefined_weights(torch.tensor([-0.3]), percent).item() == 1
    assert predefined_weights(torch.tensor([1.5]), 95, gamma=2.0).item() == pytest.approx(0.25)


def test_the_reference_begins_at_zero():
    """So the first batches see half, three quarters, ... of the percentile."""
    method = MentorNet(RunConfig(method="mentor_net", epochs=100, learning_rate=1e-9), SIZES)
    losses = []

    class Data:
        n_samples = 8

        def batches(self, order):

            images = torch.randn(8, 1, 8, 8, generator=torch.Generator().manual_seed(0))
            for _ in range(3):
                yield Batch((images,), torch.arange(8) % 3, torch.arange(8), 1)

    def record(ids, log, state):
        losses.append((log.loss, state["mentor_delta"]))

    method.run_epoch(1, Data(), record)
    for n, (loss, delta) in enumerate(losses, start=1):
        reference = (loss - delta)[0].item()
        assert reference == pytest.approx((1 - 0.5**n) * loss.quantile(0.75).item(), rel=1e-4)


@pytest.mark.parametrize(("n", "dropped", "kept"), [(128, 0.5, 64), (128, 0.05, 121), (1, 0.9, 1)])
def test_so_many_are_left_in(n, dropped, kept):
    assert left_in(n, dropped, CPU).sum() == kept


def test_weight_decay_is_scaled_by_the_mean_weight():
    """With losses that do not matter, one step shrinks each parameter by rate x decay x mean."""
    fields = {"epochs": 100, "learning_rate": 0.1, "momentum": 0.0, "weight_decay": 0.5}
    method = MentorNet(RunConfig(method="mentor_net", **fields), SIZES)
    parameter = method.network.last_layer.weight
    (gradient,) = torch.autograd.grad(method._decay() * 0.25, parameter)
    torch.testing.assert_close(gradient, 0.25 * 0.5 * parameter)
    assert method.optimizers[0].param_groups[0]["weight_decay"] == 0


def write(tmp_path, text):
    path = tmp_path / "trusted.csv"
    path.write_text(text)
    return str(path)


def test_a_trusted_subset_is_read_by_names_and_numbers(tmp_path):
    ids, label = read_trusted(
        write(tmp_path, "sample_id,label\n5,owl\n0,cat\n"), 8, 3, SIZES.class_names
    )
    assert (ids.tolist(), label.tolist()) == ([0, 5], [0, 2])
    ids, label = read_trusted(write(tmp_path, "label;sample_id\n1;7\n"), 8, 3, SIZES.class_names)
    assert (ids.tolist(), label.tolist()) == ([7], [1])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sample_id,label\n8,0\n", "names the sample '8'; the training set has the ids 0 to 7"),
        ("sample_id,label\n-1,0\n", "names the sample '-1'"),
        ("sample_id,label\n1,0\n1,2\n", "names sample 1 twice"),
        ("sample_id,label\n1,3\n", "3 classes"),
        ("sample_id,label\n1,cow\n", "which is no class; known: 'cat', 'dog', 'owl'"),
        ("sample_id\n1\n", "has no column 'label'"),
        ("sample_id,label\n", "names no sample"),
    ],
)
def test_a_wrong_trusted_subset_is_refused(tmp_path, text, message):
    with pytest.raises(UsageError, match=message):
        read_trusted(write(tmp_path, text), 8, 3, SIZES.class_names)


def test_the_learned_curriculum_needs_a_trusted_subset(tmp_path):
    for args in ({"curriculum": "data_driven"}, {"trusted": "x.csv"}):
        with pytest.raises(UsageError, match="learns from samples whose labels somebody"):
            MentorNet(RunConfig(method="mentor_net", method_args=args), SIZES)
    args = {"curriculum": "data_driven", "trusted": str(tmp_path / "none.csv")}
    with pytest.raises(UsageError, match=r"none.csv: No such file"):
        MentorNet(RunConfig(method="mentor_net", method_args=args), SIZES)


def test_a_mentor_learns_what_losses_tell():
    torch.manual_seed(0)
    mentor = Mentor(3)
    right = torch.arange(400) % 2 == 0
    loss = torch.where(right, 0.5, 2.0) + 0.2 * torch.rand(400)
    inputs = (loss, loss - 1.2, torch.arange(400) % 3, torch.full((400,), 10))
    teach(mentor, inputs, right.float(), 300)
    said = mentor(*inputs).sigmoid()
    assert said[right].min() > 0.8
    assert said[~right].max() < 0.2


def trained(tmp_path, n_trusted):
    config = RunConfig(
        method="mentor_net",
        noise="symmetric",
        noise_rate=0.4,
        train_samples=400,
        epochs=40,
        optimizer="adam",
        learning_rate=0.002,
        device="cpu",
        threads=1,
    )
    true = load_data(config).true_label
    rows = "".join(f"{row},{true[row]}\n" for row in range(n_trusted))
    path = write(tmp_path, "sample_id,label\n" + rows)
    args = {"curriculum": "data_driven", "trusted": path, "mentor_steps": 300}

    config = dataclasses.replace(config, method_args=args)
    return Training(config, load_data(config))


def test_after_the_burn_in_the_mentor_says_the_weights(tmp_path):
    training, weights = trained(tmp_path, 200), {}

    def record(ids, log, *, network=1, state=None):
        weights.update(zip(ids.tolist(), state["mentor_weight"].tolist(), strict=True))

    for epoch in range(1, 13):
        training.train_epoch(epoch, lambda *_: None, record)
        if epoch <= 8:  # 0 to 17 %
            assert set(weights.values()) == {1.0}
    wrong = training.data.given_label != training.data.true_label
    said = torch.tensor([weights[row] for row in range(400)])
    assert said[~wrong].mean() > said[wrong].mean() + 0.1


def test_a_subset_of_right_labels_only_teaches_nothing(tmp_path):
    with pytest.raises(UsageError, match=r"all of its 1 given labels are (right|wrong)"):
        trained(tmp_path, 1).train_epoch(1, lambda *_: None)


def test_the_published_percentile():
    def percentile(rate):
        return recipe_fields("MentorNet", "cifar10", "symmetric", rate)["method_args"]["percentile"]

    assert [percentile(rate) for rate in (0.2, 0.5, 0.8)] == [75, 75, 50]
