"""Noise `pmd` in a training: its teacher is trained once, kept, and not needed to go on."""

import json

import numpy as np
import pytest

from hmw_core import RunReader
from hmw_core.errors import UsageError
from training import teacher
from training.data.prepare import load_data
from training.loop import resume
from training.teacher import posteriors

NOISE = {"noise": "pmd", "noise_rate": 0.4, "noise_args": {"type": "III", "teacher_epochs": 8}}
SMALL = {"train_samples": 300, "learning_rate": 0.1}


@pytest.fixture
def trainings(monkeypatch):
    """Return a list that grows with each training of a teacher."""
    configs, train = [], teacher._train

    def noted(config, clean):
        configs.append(config)
        return train(config, clean)

    monkeypatch.setattr(teacher, "_train", noted)
    return configs


def test_the_rate_is_met_and_the_run_says_how(trained, trainings):
    folder = trained(**NOISE, **SMALL)
    info = RunReader(folder).info
    samples = RunReader(folder).samples()
    assert samples["is_mislabeled"].mean() == pytest.approx(0.4, abs=0.08)  # 3 deviations
    assert info["noise"]["arguments"] == {"type": "III", "teacher_epochs": 8}
    assert info["noise"]["factor"] > 0
    (config,) = trainings
    assert (config.epochs, config.method, config.loss) == (8, "standard", "ce")
    # It has learned: few of its likeliest classes are wrong, and it sees the true labels only.
    (file,) = folder.parent.glob(".datasets/*/teacher-*.npy")
    likeliest = np.load(file).argmax(axis=1)
    assert (likeliest == samples["true_label"]).mean() > 0.7


def test_it_is_trained_once_for_what_decides_it(quick, trainings):
    config = quick(**NOISE, **SMALL)
    first = load_data(config, teacher=posteriors)
    same = quick(**NOISE, **SMALL, method="elr", batch_size=32, epochs=9, seed=7, data_seed=0)
    again = load_data(same, teacher=posteriors)
    assert len(trainings) == 1
    assert np.array_equal(first.given_label, again.given_label)
    others = ({"learning_rate": 0.05}, {"seed": 1}, {"noise_args": {"teacher_epochs": 2}})
    for number, other in enumerate(others, start=2):
        load_data(quick(**{**NOISE, **SMALL, **other, "noise_rate": 0.8}), teacher=posteriors)
        assert len(trainings) == number
    (damaged, *_) = (config.folder.parent / ".datasets").glob("*/teacher-*.npy")
    content = damaged.read_bytes()
    damaged.write_bytes(content[:100])
    repaired = [load_data(quick(**{**NOISE, **SMALL, **other, "noise_rate": 0.8}),
                          teacher=posteriors) for other in ({}, *others)]  # fmt: skip
    assert len(repaired) == 4
    assert len(trainings) == 5
    assert damaged.read_bytes() == content  # the same seed, the same teacher


def test_a_stopped_run_goes_on_without_a_teacher(trained, quiet, trainings):
    unbroken = RunReader(trained(run="unbroken", **NOISE, **SMALL))
    folder = trained(run="broken", **NOISE, **SMALL)
    info = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(info | {"status": "stopped"}))
    (folder / "metrics" / "epoch-00003.json").unlink()
    (folder / "checkpoint.pt").unlink()
    for file in folder.parent.glob(".datasets/*/teacher-*.npy"):
        file.unlink()
    resume(folder, quiet)
    assert len(trainings) == 1
    gone_on = RunReader(folder)
    assert gone_on.signals(["loss"]).equals(unbroken.signals(["loss"]))
    assert gone_on.info["noise"] == unbroken.info["noise"]


def test_unknown_arguments_and_no_rate(quick, trainings):
    wrong = (
        ({"type": "IV"}, "type of noise 'pmd' must be I, II, III, got IV"),
        ({"teacher_epochs": 0.5}, "teacher_epochs of noise 'pmd' must be whole"),
        ({"speed": 1.0}, "noise 'pmd' has no argument 'speed'; it has type"),
    )
    for given, said in wrong:
        with pytest.raises(UsageError, match=said):
            load_data(quick(**{**NOISE, "noise_args": given}), teacher=posteriors)
    with pytest.raises(UsageError, match="noise 'symmetric' has no argument 'type'; it has none"):
        load_data(quick(noise="symmetric", noise_rate=0.4, noise_args={"type": "I"}))
    data = load_data(quick(**{**NOISE, "noise_rate": 0.0}), teacher=posteriors)
    assert data.noise["mislabeled_fraction"] == 0
    assert not trainings


def test_instance_noise_takes_its_scale_of_pixels(quick):
    raw, unit = (
        load_data(quick(noise="instance", noise_rate=0.4, noise_args=args)).given_label
        for args in ({}, {"pixel_scale": "unit"})
    )
    assert (raw != unit).any()
