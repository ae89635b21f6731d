"""The forward correction against numbers worked out by hand, and its two stages in a run."""

import json

import numpy as np
import pytest
import torch

from hmw_core import RunReader
from hmw_core.errors import UsageError
from tests.contracts.test_every_method import CPU, LABEL, run_epoch
from training.__main__ import main
from training.config import RunConfig
from training.loop import resume, train
from training.methods import METHODS
from training.methods.base import Sizes
from training.methods.transition import through
from training.stopping import Stopped

PROBS = torch.tensor([0.7, 0.2, 0.1]).repeat(3, 1)
MATRIX = torch.tensor([[0.8, 0.2, 0.0], [0.0, 0.7, 0.3], [0.1, 0.0, 0.9]])
LABELS = torch.arange(3)
NOISY = {"noise": "symmetric", "noise_rate": 0.5, "epochs": 6, "batch_size": 8}


@pytest.fixture(params=["forward", "backward"])
def name(request):
    return request.param


def method(name="forward", measured=None, **fields):
    torch.manual_seed(0)
    config = RunConfig(method=name, **{"epochs": 6, "batch_size": 20, **fields})
    return METHODS[name](config, Sizes(48, 4, 1, (8, 8), CPU, measured_transition=measured))


def test_the_golden_losses():
    loss, _ = through(PROBS.log(), MATRIX, LABELS)
    assert loss.tolist() == pytest.approx([0.562119, 1.272966, 1.897120], abs=1e-6)


def test_the_identity_gives_cross_entropy():
    loss, posterior = through(PROBS.log(), torch.eye(3), LABELS)
    assert loss.tolist() == pytest.approx((-PROBS[0].log()).tolist())
    assert posterior.tolist() == pytest.approx([1.0] * 3)


def test_permuting_the_classes_changes_nothing():
    order = torch.tensor([2, 0, 1])
    loss, posterior = through(PROBS.log(), MATRIX, LABELS)
    theirs = through(PROBS[:, order].log(), MATRIX[order][:, order], LABELS)
    assert theirs[0].tolist() == pytest.approx(loss[order].tolist())
    assert theirs[1].tolist() == pytest.approx(posterior[order].tolist())


def test_the_true_class_is_the_best_prediction_of_labels_that_the_matrix_made():
    """The expected loss over T[y, :] is smallest where p is y; plain cross entropy's is not."""
    logits = torch.zeros(1, 3, requires_grad=True)
    for _ in range(3000):
        losses, _ = through(logits.log_softmax(1).expand(3, 3), MATRIX, LABELS)
        (gradient,) = torch.autograd.grad((MATRIX[1] * losses).sum(), logits)
        logits.data -= gradient
    assert logits.softmax(1)[0, 1] > 0.99


def test_stages_and_cost_of_an_estimated_matrix(name):
    trained = method(name)
    assert [trained.stage(epoch) for epoch in range(1, 7)] == ["estimate"] * 3 + ["train"] * 3
    assert [trained.n_passes(epoch) for epoch in range(1, 7)] == [1, 1, 1, 1.9, 0.9, 0.9]
    assert trained.validation_share == 0.1
    assert trained.facts() == {}
    with pytest.raises(UsageError, match="stages of estimate 1 epochs before 'train'"):
        method(name, epochs=1)
    method(name, epochs=2)


def test_a_given_matrix_needs_no_first_training(name):
    measured = ((0.9, 0.1, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1))
    trained = method(name, measured, epochs=1, method_args={"transition": "true"})
    assert [stage.name for stage in trained.stages] == ["train"]
    assert trained.validation_share == 0
    assert (trained.args["estimate_epochs"], trained.n_passes(1)) == (0, 1)
    assert not any(key.startswith("best") for key in trained.state_dict())
    facts = trained.facts()
    assert facts["transition_matrix"] == [list(map(float, row)) for row in measured]
    assert facts["transition_from"] == "measured on the true labels"
    assert facts["condition_number"] == pytest.approx(np.linalg.cond(np.array(measured)))
    _, (state,) = run_epoch(trained, 1)
    assert len(state["forward_posterior"]) == 48
    assert all(0 <= value <= 1 for value in state["forward_posterior"].values())


def test_the_network_is_drawn_anew_once_the_matrix_is_known(name):
    trained = method(name, learning_rate=1e-9)  # so small that a new network is seen
    for epoch in (1, 2, 3):
        _, (state,) = run_epoch(trained, epoch)
        assert not state  # nothing is known of a posterior yet
    # An estimate as if the pictures had been learned, so that the test is of the stages alone.
    surest = torch.eye(4).double() * 0.6 + 0.1
    passes = []
    trained._estimate = lambda data: (
        passes.append(data.epoch),
        trained.transition.copy_(surest),
        trained.is_known.fill_(True),
    )
    learned = next(trained.network.parameters()).clone()
    for epoch in (4, 5):
        _, (state,) = run_epoch(trained, epoch)
    assert passes == [4]
    assert len(state["forward_posterior"]) == len(LABEL) - 4
    assert not torch.allclose(learned, next(trained.network.parameters()), atol=1e-3)


def test_an_estimate_whose_rows_coincide_ends_the_run(tmp_path, monkeypatch, capsys, name):
    """It takes the whole epochs before it into the log, and one sentence to the terminal."""

    def uniform(network, data, normalize):
        return torch.full((data.n_samples, 10), 0.1)

    monkeypatch.setattr("training.methods.corrected.predicted_probs", uniform)
    options = f"--method {name} --epochs 2 --train-samples 96 --runs {tmp_path} --run r"
    assert main(["train", *options.split(), "--device", "cpu", "--workers", "0"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: the loss cannot be corrected: after 1 epochs the transition")
    assert said.count("\n") == 1
    run = RunReader(tmp_path / "r")
    assert (run.status, run.epochs()) == ("failed", [1])
    assert "condition number" in run.info["error"]
    assert run.method_facts == {}


def test_a_run_keeps_the_matrix_and_the_posterior_of_the_train_stage(trained, name):
    run = RunReader(trained(method=name, **NOISY))
    assert run.metrics()["stage"].tolist() == ["estimate"] * 3 + ["train"] * 3
    facts = run.method_facts
    matrix = np.array(facts["transition_matrix"])
    assert matrix.sum(axis=1) == pytest.approx(np.ones(10))
    assert facts["transition_from"] == "estimated by a first training"
    assert 1 < facts["condition_number"] < 1e4
    posterior = run.method_state().dropna(subset="forward_posterior")
    assert sorted(set(posterior["epoch"])) == [4, 5, 6]
    assert posterior["forward_posterior"].between(0, 1).all()


def test_a_matrix_from_a_run_of_known_noise(trained):
    first = trained(run="first", noise="symmetric", noise_rate=0.4, epochs=1)
    measured = json.loads((first / "run.json").read_text())["noise"]["transition_matrix"]
    path = str(first / "run.json")
    run = RunReader(trained(method="forward", epochs=2, method_args={"transition": path}))
    assert np.array(run.method_facts["transition_matrix"]) == pytest.approx(np.array(measured))
    assert run.method_facts["transition_from"] == f"file {path}"
    assert run.info["method_arguments"]["transition"] == path
    assert run.info.get("validation") is None


def test_a_file_that_changes_after_the_begin_changes_nothing(tmp_path, trained, quick, quiet, name):
    """The matrix goes on with the run; a file that is gone is missed in a sentence."""
    path = tmp_path / "T.json"
    path.write_text(json.dumps((0.8 * np.eye(10) + 0.02).tolist()))
    options = {"method": name, "epochs": 2, "method_args": {"transition": str(path)}}
    unbroken = RunReader(trained(run="unbroken", **options))
    config = quick(run="broken", **options)
    with pytest.MonkeyPatch.context() as patch:
        original = METHODS[name].run_epoch

        def stop_in_the_second(self, epoch, data, record):
            if epoch == 2:
                raise Stopped(15)
            original(self, epoch, data, record)

        patch.setattr(METHODS[name], "run_epoch", stop_in_the_second)
        with pytest.raises(Stopped):
            train(config, quiet)
    path.unlink()
    with pytest.raises(UsageError, match=r"T\.json: No such file"):
        resume(config.folder, quiet)
    path.write_text(json.dumps(np.eye(10).tolist()))
    resume(config.folder, quiet)
    resumed = RunReader(config.folder)
    assert resumed.method_facts == unbroken.method_facts
    assert resumed.method_state().equals(unbroken.method_state())
    assert resumed.signals(["loss"]).equals(unbroken.signals(["loss"]))
