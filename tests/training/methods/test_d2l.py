"""D2L's dimension, turn and targets against numbers worked out by hand, and in a run."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from hmw_core import RunReader
from tests.contracts.test_every_method import LABEL, make_method, run_epoch
from tests.training.test_loop import assert_same_run
from training.loop import resume, train
from training.methods import d2l
from training.methods.d2l import (
    is_turn,
    local_dimensionality,
    mixed_loss,
    n_measured,
    share_of_given,
)
from training.recipes import recipe_fields
from training.stopping import Stopped

FALLING = [20, 17, 14, 12, 10, 9, 8.5, 8.2, 8.1, 8.05, 8.0, 8.0, 8.05]


def test_the_turn_and_alpha_at_it():
    lids = [*FALLING, 8.5]
    turns = [n for n in range(1, 15) if is_turn(lids[:n], n_initial=5, window=5)]
    assert turns == [14]  # the epoch of index 13
    assert share_of_given(lids, 30) == pytest.approx(0.631021, abs=1e-6)


def test_no_turn_within_the_first_epochs_and_the_window():
    rising = [8.0, 8.0, 8.0, 9.0, 9.0, 20.0, 40.0]
    assert not any(is_turn(rising[:n], n_initial=3, window=4) for n in range(1, 8))
    assert is_turn([*rising, 80.0], n_initial=3, window=4)


def test_the_deviation_is_that_of_the_window_itself():
    window = [1.0, 3.0]  # mean 2, deviation 1 over both values; 1.414 of a sample of two
    assert is_turn([5.0, *window, 4.01], n_initial=1, window=2)
    assert not is_turn([5.0, *window, 3.99], n_initial=1, window=2)


def test_an_unknown_dimension_is_no_turn():
    assert not is_turn([8.0, 8.0, 8.0, math.nan], n_initial=1, window=2)
    assert not is_turn([8.0, math.nan, 8.0, 20.0], n_initial=1, window=2)


def by_loops(points, k):
    found = []
    for mine in points:
        distances = sorted(float(np.linalg.norm(mine - other)) for other in points)[1 : k + 1]
        logs = [math.log(distance / distances[-1]) for distance in distances]
        found.append(-1 / (sum(logs) / len(logs)))
    return found


@pytest.mark.parametrize(("n", "k"), [(128, 20), (30, 20), (12, 11), (3, 2)])
def test_the_dimension_against_plain_loops(n, k):
    points = np.random.default_rng(n).normal(size=(n, 6))
    found = local_dimensionality(torch.from_numpy(points).float())
    assert found.tolist() == pytest.approx(by_loops(points, k), rel=1e-3)


def test_the_dimension_of_a_line_and_of_a_cube():
    """On average, that is what the estimate is for; a wrong sign or base would not be near."""
    generator = torch.Generator().manual_seed(0)
    for n_dimensions in (1, 3):
        points = torch.rand(4000, n_dimensions, generator=generator)
        padded = torch.cat([points, torch.zeros(4000, 5)], dim=1)
        median = local_dimensionality(padded, 100).median().item()
        assert median == pytest.approx(n_dimensions, rel=0.15)


def test_a_sample_pulled_out_of_its_cluster_has_the_higher_dimension():
    generator = torch.Generator().manual_seed(1)
    points = 0.1 * torch.randn(101, 16, generator=generator)
    points[50:100] += 3.0
    points[100] += 1.5  # between the two, as a sample whose label is being learned by heart
    found = local_dimensionality(points)
    assert found[100] > found[:100].max()


def test_copies_of_a_picture_do_not_count():
    points = torch.tensor([[0.0], [0.0], [0.0], [1.0], [3.0]])
    found = local_dimensionality(points)
    assert found[:3].tolist() == pytest.approx([2 / math.log(3)] * 3)
    assert found.isfinite().all()


@pytest.mark.parametrize(
    "points",
    [
        torch.zeros(1, 2),
        torch.tensor([[0.0], [1.0]]),
        torch.zeros(9, 2),  # one picture, nine times
        torch.eye(4),  # all at the same distance
    ],
)
def test_where_it_is_unknown(points):
    assert local_dimensionality(points).isnan().all()


def test_targets_between_the_given_label_and_the_prediction():
    log_probs = torch.tensor([[0.7, 0.2, 0.1]]).log().requires_grad_()
    given, predicted = torch.tensor([2]), torch.tensor([0])
    loss = mixed_loss(log_probs, given, predicted, 0.25)
    assert loss.item() == pytest.approx(-0.25 * math.log(0.1) - 0.75 * math.log(0.7))
    assert mixed_loss(log_probs, given, predicted, 1.0).item() == pytest.approx(-math.log(0.1))


def test_so_many_are_measured():
    assert n_measured(1280 + 127) == 1280
    assert n_measured(3 * 128 + 5) == 3 * 128


def measured(method, monkeypatch, lids):
    """Let the method measure these mean LIDs, one an epoch."""
    left = iter(lids)
    monkeypatch.setattr(method, "_measured", lambda data: next(left))


def test_the_network_goes_back_by_an_epoch_and_the_targets_turn(monkeypatch):
    method = make_method("d2l", epochs=8)
    method.args |= {"initial_epochs": 1, "window": 2}
    measured(method, monkeypatch, [4.0, 2.0, 2.0, 9.0, math.nan, 3.0])
    starts, whole_pass = [], method.training_pass

    def noted(*arguments):
        starts.append({n: v.clone() for n, v in method.network.state_dict().items()})
        whole_pass(*arguments)

    monkeypatch.setattr(method, "training_pass", noted)
    said = []
    for epoch in range(1, 7):
        _, states = run_epoch(method, epoch)
        said.append((method.stage(epoch), method.epoch_metrics()))
    assert method.facts() == {"turning_epoch": 4}
    assert method.stage(3) == "before the turn"
    assert [stage for stage, _ in said] == ["before the turn"] * 3 + ["after the turn"] * 3
    # Epoch 4 measures what epoch 3 has done, and begins where epoch 3 began.
    assert all(torch.equal(starts[3][name], starts[2][name]) for name in starts[2])
    assert not all(torch.equal(starts[4][name], starts[3][name]) for name in starts[3])
    alphas = [metrics["alpha"] for _, metrics in said]
    at_turn = math.exp(-3 / 8 * 9 / 2)
    assert alphas == pytest.approx([1, 1, 1, at_turn, at_turn, math.exp(-5 / 8 * 3 / 2)])
    assert "mean_lid" not in said[4][1]  # unknown, so alpha stays as it was
    labels = states[0]["method_label"]
    assert {row for row in labels if labels[row] != LABEL[row]}  # predictions, not given labels


def test_before_the_turn_it_is_plain_training(monkeypatch):
    method = make_method("d2l", epochs=24)
    _, states = run_epoch(method, 1)
    assert [states[0]["method_label"][row] for row in range(48)] == LABEL.tolist()
    assert method.facts() == {}


def test_a_run_of_two_epochs_has_no_turn(trained):
    run = RunReader(trained(method="d2l", epochs=2))
    assert set(run.metrics()["stage"]) == {"before the turn"}
    assert (run.metrics()["alpha"] == 1).all()
    assert run.method_facts == {}


@pytest.mark.parametrize("stopped_in", [4, 5])
def test_resumes_through_the_turn(trained, quick, quiet, monkeypatch, stopped_in):
    monkeypatch.setattr(d2l, "is_turn", lambda lids, *_: len(lids) == 4)
    fields = {"method": "d2l", "noise": "symmetric", "noise_rate": 0.5, "epochs": 6}
    unbroken = trained(run="unbroken", **fields)
    config = quick(run="broken", **fields)
    with monkeypatch.context() as patch:
        whole_pass = d2l.D2L.training_pass

        def stopping(self, data, *arguments):
            if data.epoch == stopped_in:
                raise Stopped(15)
            whole_pass(self, data, *arguments)

        patch.setattr(d2l.D2L, "training_pass", stopping)
        with pytest.raises(Stopped):
            train(config, quiet)
    resume(config.folder, quiet)
    assert_same_run(unbroken, config.folder)
    mine, theirs = RunReader(unbroken), RunReader(config.folder)
    assert mine.method_state().equals(theirs.method_state())
    assert mine.method_facts == theirs.method_facts == {"turning_epoch": 4}
    columns = ["mean_lid", "alpha", "stage"]
    assert mine.metrics()[columns].equals(theirs.metrics()[columns])


def test_wrong_labels_of_digits_have_the_higher_dimension(trained):
    fields = {"noise": "symmetric", "noise_rate": 0.5, "train_samples": None, "batch_size": 64}
    run = RunReader(trained(method="d2l", epochs=24, **fields))
    samples, state = run.samples(), run.method_state()
    wrong = (samples["given_label"] != samples["true_label"]).to_numpy()
    lid = state[state["epoch"] > 16].groupby("sample_id")["lid"].mean().to_numpy()
    assert roc_auc_score(wrong, lid) > 0.6
    means = run.metrics()["mean_lid"]
    assert means.min() < 0.75 * means.iloc[0]  # it falls first
    assert means.iloc[-1] > 1.1 * means.min()  # and rises once wrong labels are learned by heart


def test_the_published_settings():
    ten = recipe_fields("D2L", "cifar10", "symmetric", 0.4)
    assert (ten["network"], ten["epochs"], ten["batch_size"]) == ("d2l_cnn", 120, 128)
    assert [120 * share for share in ten["schedule_at"]] == pytest.approx([40, 80])
    assert "method_args" not in ten  # the defaults: 40 of 120, and 5
    hundred = recipe_fields("D2L", "cifar100", "symmetric", 0.4)
    assert (hundred["network"], hundred["epochs"]) == ("resnet44_cifar", 200)
    assert [200 * share for share in hundred["schedule_at"]] == pytest.approx([80, 120, 160])
    assert hundred["method_args"] == {"initial_epochs": 60}
    assert recipe_fields("D2L", "digits", "none") == {"recipe": "D2L", "method": "d2l"}
