"""Every method, stopped in each of its stages in the middle of a pass, resumes to the same run."""

import pytest
import torch

from hmw_core import RunReader
from tests.training.test_loop import assert_same_run
from training.config import RunConfig
from training.data.epoch_data import EpochData
from training.loop import resume, train
from training.methods import METHODS
from training.methods.base import Sizes
from training.stopping import Stopped, StopWish

NOISY = {"noise": "symmetric", "noise_rate": 0.5, "epochs": 6}
DIVIDE_MIX = {
    "method": "divide_mix",
    "method_args": {"warmup_epochs": 2, "loss_history": 3},
}
TOLD = {
    "divide_mix": DIVIDE_MIX,
    "unicon": {"method_args": {"warmup_epochs": 2}},
    "puridiver": {"method_args": {"warmup_epochs": 2}},
    "instance_gm": {"method_args": {"warmup_epochs": 2}},
    # Small batches, so that three epochs are enough to estimate a transition matrix.
    "forward": {"batch_size": 8},
    "backward": {"batch_size": 8},
    # So that few samples, selected after an epoch each, are more than one batch.
    "iterative_cv": {"batch_size": 8},
}


def fields_of(name):
    return NOISY | {"method": name} | TOLD.get(name, {})


def stops():
    """Yield each method with epochs to stop in: the first and the last of every stage."""
    for name, method in METHODS.items():
        config, sizes = RunConfig(**fields_of(name)), Sizes(96, 10, 1, (8, 8), torch.device("cpu"))
        stages = method(config, sizes).stages or ()
        borders = {epoch for stage in stages for epoch in (stage.first, stage.last)}
        for epoch in sorted(borders - {1} | {2, 5}):
            yield name, epoch


@pytest.mark.parametrize(("name", "stopped_in"), list(stops()))
def test_resumes_to_the_same_run(trained, quick, quiet, monkeypatch, name, stopped_in):
    fields = fields_of(name)
    unbroken = trained(run="unbroken", **fields)
    config = quick(run="broken", **fields)
    with monkeypatch.context() as patch:
        original = EpochData._batches

        def batches(self, *arguments):
            for number, batch in enumerate(original(self, *arguments)):
                if self.epoch == stopped_in and number == 1:
                    raise Stopped(15)
                yield batch

        patch.setattr(EpochData, "_batches", batches)
        with pytest.raises(Stopped):
            train(config, quiet)
    assert RunReader(config.folder).epochs() == list(range(1, stopped_in))
    resume(config.folder, quiet)
    assert_same_run(unbroken, config.folder)
    for network in range(1, METHODS[name].n_networks + 1):
        mine, theirs = (RunReader(folder, network) for folder in (unbroken, config.folder))
        columns = ["loss", "given_logit", "hm_weight", "weight", "confidence"]
        assert mine.signals(columns).equals(theirs.signals(columns))
        assert mine.method_state().equals(theirs.method_state())


def test_both_networks_are_logged_in_the_pass_that_the_run_names(trained):
    run = RunReader(trained(**NOISY | DIVIDE_MIX))
    assert (run.pass_name, run.n_networks) == ("evaluation", 2)
    assert run.metrics()["stage"].tolist() == ["warm-up"] * 2 + ["semi-supervised"] * 4
    assert "pass" in run.info
    assert list(run.method_columns) == ["gmm_posterior"]
    second = RunReader(run.folder, network=2)
    assert second.epochs() == run.epochs()
    assert not second.signals(["loss"]).equals(run.signals(["loss"]))
    assert second.metrics()["test_accuracy"].equals(run.metrics()["test_accuracy"])
    assert not second.metrics()["train_loss"].equals(run.metrics()["train_loss"])


def test_a_stop_wish_ends_a_method_between_two_batches(quick, quiet, monkeypatch):
    config = quick(**NOISY | DIVIDE_MIX)
    monkeypatch.setattr(StopWish, "check", lambda self: (_ for _ in ()).throw(Stopped(2)))
    with pytest.raises(Stopped):
        train(config, quiet)
    assert RunReader(config.folder).status == "stopped"
