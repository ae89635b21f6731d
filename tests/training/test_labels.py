"""`train --labels`: what is trained on, what is measured, what is refused, and how it goes on."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hmw_core import RunReader
from hmw_core.errors import UsageError
from hmw_core.log import verdicts
from hmw_core.log.class_changes import ClassChange
from hmw_core.log.verdicts import Verdict
from hmw_core.review.corrected_labels import corrected_labels
from hmw_core.review.label_file import write_labels
from tests.training.conftest import some_pictures, write_parquet
from training.data.prepare import load_data
from training.loop import resume

ROOT = Path(__file__).parents[2]
NOISE = {"noise": "symmetric", "noise_rate": 0.5}


@pytest.fixture
def corrected(trained, tmp_path):
    """A noisy run and the file of its labels, of which every second wrong one is corrected."""
    run = RunReader(trained(run="first", **NOISE))
    wrong = run.samples().query("is_mislabeled")[::2]
    said = [
        Verdict(row.sample_id, "relabel", int(row.given_label), int(row.true_label))
        for row in wrong.itertuples()
    ]
    verdicts.append(run, said)
    return run, write_labels(tmp_path / "labels.csv", corrected_labels(run))


def test_the_file_decides_the_labels_and_no_noise_comes_on_top(corrected, quick):
    run, path = corrected
    data = load_data(quick(labels=str(path), **NOISE))
    assert np.array_equal(data.given_label, corrected_labels(run)["new_label"])
    before = run.samples()["is_mislabeled"].mean()
    true = run.samples()["true_label"].to_numpy(np.int64)
    assert np.array_equal(data.true_label, true)
    share = float((data.given_label != true).mean())
    assert 0 < share < before
    assert data.noise["mislabeled_fraction"] == share
    assert np.allclose(np.sum(data.noise["transition_matrix"], axis=1), 1)
    assert np.array_equal(load_data(quick(labels=str(path))).given_label, data.given_label)


def test_training_follows_merged_and_renamed_classes(trained, quick, tmp_path):
    run = RunReader(trained(run="first", **NOISE))
    verdicts.change_class(run, ClassChange(7, into=1))
    verdicts.change_class(run, ClassChange(3, name="three"))
    path = write_labels(tmp_path / "labels.csv", corrected_labels(run))
    data = load_data(quick(labels=str(path), **NOISE))
    assert 7 not in data.given_label  # an empty class: it stays, and so does every number
    assert data.n_classes == run.n_classes
    assert list(data.class_names) == ["0", "1", "2", "three", *"456789"]
    second = RunReader(trained(run="second", labels=str(path), **NOISE))
    assert second.class_names[3] == "three"
    assert any("'7'" in warning.text for warning in second.warnings)


def test_the_run_says_which_file_it_was_trained_on(corrected, trained):
    _, path = corrected
    info = RunReader(trained(run="second", labels=str(path), **NOISE)).info
    assert info["config"]["labels"] == str(path)
    assert info["noise"]["name"] == "labels"
    about = info["noise"]["labels"]
    assert about["file"] == str(path)
    assert len(about["sha256"]) == 64
    assert about["provenance"]["run"] == "first"


def test_another_split_is_refused_and_a_seed_of_the_data_keeps_it(corrected, quick):
    run, path = corrected
    for other in ({"seed": 1}, {"train_samples": 95}, {"test_fraction": 0.3}):
        with pytest.raises(UsageError, match="another split"):
            load_data(quick(labels=str(path), **NOISE, **other))
    data = load_data(quick(labels=str(path), seed=1, data_seed=0, **NOISE))
    assert np.array_equal(data.given_label, corrected_labels(run)["new_label"])


def test_a_seed_of_the_data_decides_split_and_noise(quick):
    one, two, three = (
        load_data(quick(seed=seed, data_seed=data_seed, **NOISE))
        for seed, data_seed in ((0, None), (5, 0), (5, None))
    )
    assert list(one.source) == list(two.source) != list(three.source)
    assert np.array_equal(one.given_label, two.given_label)


def test_a_stopped_run_goes_on_without_its_file(corrected, trained, quiet):
    _, path = corrected
    unbroken = RunReader(trained(run="unbroken", labels=str(path), epochs=3, **NOISE))
    folder = trained(run="broken", labels=str(path), epochs=3, **NOISE)
    info = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(info | {"status": "stopped"}))
    (folder / "metrics" / "epoch-00003.json").unlink()
    (folder / "checkpoint.pt").unlink()  # back to the start, where the labels matter most
    path.unlink()
    resume(folder, quiet)
    gone_on = RunReader(folder)
    assert gone_on.status == "finished"
    assert gone_on.signals(["loss"]).equals(unbroken.signals(["loss"]))
    assert gone_on.info["noise"] == unbroken.info["noise"]


def test_a_stopped_run_whose_data_changed_does_not_go_on(corrected, trained, quiet):
    _, path = corrected
    folder = trained(run="broken", labels=str(path), **NOISE)
    info = json.loads((folder / "run.json").read_text())
    info["config"]["train_samples"] = 90
    (folder / "run.json").write_text(json.dumps(info | {"status": "stopped"}))
    with pytest.raises(UsageError, match="its data have changed since"):
        resume(folder, quiet)


def test_unknown_true_labels_stay_unknown(trained, quick, tmp_path):
    data = {"image": some_pictures(30), "label": ["cat", "dog", "=cow"] * 10}
    file = write_parquet(tmp_path / "d.parquet", data)
    own = {"dataset": "parquet", "data": str(file), "train_samples": None}
    run = RunReader(trained(run="real", **own))
    path = write_labels(tmp_path / "l.json", corrected_labels(run))
    loaded = load_data(quick(labels=str(path), **own))
    assert loaded.true_label is None
    assert "mislabeled_fraction" not in loaded.noise


@pytest.mark.slow
def test_train_judge_export_and_train_again_as_processes(tmp_path):
    def call(module, *arguments):
        command = [sys.executable, "-m", module, *map(str, arguments)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    runs = tmp_path / "runs"
    common = ["--runs", runs, "--epochs", 2, "--device", "cpu", "--batch-size", 256]
    noise = ["--noise", "symmetric", "--noise-rate", "0.5"]
    code, text = call("training", "train", *common, *noise, "--run", "first")
    assert code == 0, text
    run = RunReader(runs / "first")
    wrong = run.samples().query("is_mislabeled")
    said = [
        Verdict(row.sample_id, "relabel", int(row.given_label), int(row.true_label))
        for row in wrong.itertuples()
    ]
    verdicts.append(run, said)
    labels = tmp_path / "labels.csv"
    code, text = call("dashboard.labels", runs / "first", labels)
    assert code == 0, text
    assert f"{len(said)} labels changed" in text
    code, text = call("dashboard.verify", labels, runs / "first")
    assert code == 0, text
    again = [*common, *noise, "--run", "second", "--labels", labels]
    code, text = call("training", "train", *again)
    assert code == 0, text
    second = RunReader(runs / "second")
    assert second.info["noise"]["mislabeled_fraction"] == 0.0
    assert second.samples()["given_label"].equals(run.samples()["true_label"].astype("int64"))
    common[1] = tmp_path / "more"
    code, text = call("training", "train", *common, "--labels", tmp_path / "none.csv")
    assert code == 2
    assert text == f"error: there is no file of labels at {tmp_path / 'none.csv'}\n"
    assert not (tmp_path / "more").exists()
