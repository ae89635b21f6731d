"""Threshold samples: which they are, what the log says and does not say of them, and resume."""

import os
import signal

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from hmw_core import RunReader
from hmw_core.errors import UsageError
from hmw_core.log import layout
from tests.training.test_loop import at_epoch
from training import checkpoint
from training.config import RunConfig
from training.data.prepare import load_data
from training.loop import Training, resume, train
from training.methods.base import StepLog
from training.stopping import Stopped
from training.threshold_samples import RealClasses, ThresholdSamples, draw_threshold_samples

NOISY = {"noise": "symmetric", "noise_rate": 0.5}
AUTO = {**NOISY, "threshold_samples": "auto"}
N_AUTO = 8  # of 96 samples in 10 classes and one


def margins(folder, epoch):
    return pq.read_table(layout.epoch_file(folder, "threshold", epoch)).to_pandas()


def draw(n_samples=100, n_classes=4, **fields):
    config = RunConfig(**{"threshold_samples": "auto", **fields})
    return draw_threshold_samples(config, n_samples, n_classes)


def test_auto_is_one_of_the_classes_and_the_extra_one():
    chosen = draw()
    assert chosen.as_json() == {"n": 20, "share": 0.2, "seed": 0}
    assert len(set(chosen.sample_id)) == 20
    assert chosen.sample_id.min() >= 0
    assert chosen.sample_id.max() < 100


def test_a_share_is_what_it_says_whatever_floats_make_of_it():
    assert draw(threshold_samples=0.29).as_json()["n"] == 29


def test_seeds_of_one_data_set_cover_it_in_slices_without_overlap():
    slices = [draw(threshold_seed=number).sample_id for number in range(5)]
    assert sorted(np.concatenate(slices)) == list(range(100))
    assert np.array_equal(draw(threshold_seed=5).sample_id, slices[0])
    # The training's own seed may be another one, where the data's is said.
    other = draw(seed=7, data_seed=0, threshold_seed=1)
    assert np.array_equal(other.sample_id, slices[1])
    assert not np.array_equal(draw(seed=7, threshold_seed=1).sample_id, slices[1])


def test_the_seed_is_the_threshold_seed_unless_one_is_given():
    assert np.array_equal(draw(seed=3, data_seed=0).sample_id, draw(threshold_seed=3).sample_id)


def test_a_share_that_is_no_sample_is_refused():
    with pytest.raises(UsageError, match="--threshold-samples 0.001 of 100 samples is none"):
        draw(threshold_samples=0.001)


@pytest.mark.parametrize("share", [0.0, -0.1, 0.6, float("nan")])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(UsageError, match=r"must be auto or lie in \(0, 0.5\]"):
        RunConfig(threshold_samples=share)


def test_a_seed_without_samples_is_refused():
    with pytest.raises(UsageError, match="goes with --threshold-samples only"):
        RunConfig(threshold_seed=1)


def test_the_name_of_a_run_tells_threshold_seeds_apart():
    names = {RunConfig(threshold_samples="auto", threshold_seed=n).run_name for n in (0, 1)}
    assert len(names | {RunConfig().run_name}) == 3


def test_margins_and_what_is_left_for_the_log_by_hand():
    chosen = ThresholdSamples(np.array([1]), 0.5, 0)
    # Sample 1 is the threshold sample, of class 2.
    real = RealClasses(chosen, 2, torch.tensor([0, 2, 0]))
    logits = torch.tensor([[3.0, 1.0, 2.5], [4.0, 0.0, 1.0], [0.0, 2.0, -1.0]])
    numbers = torch.tensor([0.1, 0.2, 0.3])
    log = StepLog(logits, logits / 4, numbers, numbers * 10)
    ids, step, state = real.keep(torch.tensor([2, 1, 0]), log, {"kept": torch.tensor([1, 2, 3])})
    assert state["kept"].tolist() == [1, 3]
    assert ids.tolist() == [2, 0]
    assert step.logits.tolist() == [[3.0, 1.0], [0.0, 2.0]]
    assert step.cosine.tolist() == [[0.75, 0.25], [0.0, 0.5]]
    assert step.loss.tolist() == pytest.approx([0.1, 0.3])
    assert step.weight.tolist() == pytest.approx([1.0, 3.0])
    # Sample 2: 3 - 2.5, the extra class counts; sample 1: 1 - 4; sample 0: 0 - 2.
    assert real.margins.tolist() == [-2.0, -3.0, 0.5]


def test_threshold_samples_are_null_in_every_signal_and_the_rest_is_whole(trained):
    run = RunReader(trained(**AUTO))
    assert run.info["threshold_samples"] == {"n": N_AUTO, "share": 1 / 11, "seed": 0}
    assert run.n_classes == 10
    table = margins(run.folder, 1)
    chosen = table["sample_id"][table["is_threshold"]]
    assert len(chosen) == N_AUTO
    columns = ["loss", "given_logit", "hm_slice", "weight", "confidence", "predicted_label"]
    signals = run.signals(columns).set_index("sample_id")
    assert signals.loc[chosen, columns].isna().all(axis=None)
    assert signals.drop(chosen)[columns].notna().all(axis=None)
    assert signals["predicted_label"].max() < 10
    assert run.samples()["given_label"].max() < 10
    outputs = run.outputs(["logits", "cosine"])
    assert set(outputs["sample_id"]).isdisjoint(chosen)
    assert {len(values) for values in outputs["logits"]} == {10}
    assert run.features().class_vectors.shape[0] == 10
    assert run.metrics()["test_accuracy"].between(0, 1).all()


def test_margins_are_those_of_the_network_over_all_classes(trained):
    run = RunReader(trained(**NOISY, threshold_samples=0.4))
    assert checkpoint.load(run.folder)["method"]["network.last_layer.weight"].shape[0] == 11
    for epoch in (2, 3):
        table = margins(run.folder, epoch).set_index("sample_id")
        assert table["margin"].notna().all()
        signals = run.signals(["given_logit", "other_logit"], epochs=[epoch])
        logged = signals.set_index("sample_id").eval("given_logit - other_logit").dropna()
        # The extra class is one more rival, so a margin can only be smaller with it.
        below = logged - table.loc[logged.index, "margin"]
        assert (below > -1e-5).all()
        assert (below > 1e-3).any()


def test_the_extra_class_is_learned(trained):
    folder = trained(**AUTO, epochs=60, train_samples=96, schedule="constant")
    first, last = (margins(folder, epoch) for epoch in (1, 60))
    assert (
        last["margin"][last["is_threshold"]].mean() > first["margin"][first["is_threshold"]].mean()
    )


def test_test_accuracy_is_of_the_real_classes(trained, quick):
    folder = trained(**AUTO)
    training = Training(quick(**AUTO), load_data(quick(**AUTO)))
    checkpoint.restore(checkpoint.load(folder), training.method, folder)
    with torch.no_grad():
        training.method.network.last_layer.bias[10] += 1e6  # it would now win everywhere
    logged = RunReader(folder).metrics()["test_accuracy"].iloc[-1]
    assert training.test_accuracy() == pytest.approx(logged)


def test_a_run_without_them_is_as_it_was(trained):
    run = RunReader(trained(**NOISY))
    assert run.info["threshold_samples"] is None
    assert not (run.folder / "threshold").exists()
    assert run.signals(["loss"])["loss"].notna().all()


def test_a_stopped_run_resumes_to_the_same_margins(trained, quick, quiet, monkeypatch):
    unbroken = trained(run="unbroken", epochs=4, weighting="hmw", **AUTO)
    config = quick(run="broken", epochs=4, weighting="hmw", **AUTO)
    with monkeypatch.context() as patch:
        at_epoch(3, lambda _: os.kill(os.getpid(), signal.SIGTERM), patch)
        with pytest.raises(Stopped):
            train(config, quiet)
    assert RunReader(config.folder).epochs() == [1, 2]
    # As after a death between an epoch's margins and its commit: they must not stay.
    torn = layout.epoch_file(config.folder, "threshold", 3)
    torn.write_bytes(b"torn")
    resume(config.folder, quiet)
    first, second = RunReader(unbroken), RunReader(config.folder)
    columns = ["loss", "given_logit", "other_logit", "hm_weight", "weight"]
    assert first.signals(columns).equals(second.signals(columns))
    assert first.info["threshold_samples"] == second.info["threshold_samples"]
    for epoch in range(1, 5):
        assert margins(unbroken, epoch).equals(margins(config.folder, epoch))
    mine, theirs = (checkpoint.load(f) for f in (unbroken, config.folder))
    assert all(torch.equal(mine["method"][n], theirs["method"][n]) for n in mine["method"])
