"""prove: it trains what `train` trains, loses nothing finished, and names wrong files."""

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hmw_core import RunReader, RunWriter
from hmw_core.errors import UsageError
from hmw_core.experiments.proof import ARMS, list_proofs, read_proof, summary
from hmw_core.log import layout
from hmw_core.log.lock import FolderLock
from training import prove as module
from training.__main__ import main
from training.config import RunConfig
from training.data.prepare import load_data
from training.loop import RunFailed, train
from training.prove import make_plan, prove, train_once
from training.stopping import Stopped

ROOT = Path(__file__).parents[2]
NOISY = {"noise": "symmetric", "noise_rate": 0.5, "epochs": 2}


@pytest.fixture
def run(trained):
    """A run on noisy labels, two epochs of 96 samples."""
    return RunReader(trained(**NOISY))


def write_labels(path, run, new_label=None, **columns):
    """Write a file of labels: the run's true ones, or those given."""
    samples = run.samples()
    new = samples["true_label"] if new_label is None else new_label
    table = {"sample_id": samples["sample_id"], "given_label": samples["given_label"]}
    pd.DataFrame(table | {"new_label": new} | columns).to_csv(path, index=False)
    return path


@pytest.fixture
def truth(run, tmp_path):
    """A file that corrects every wrong label of `run`."""
    return write_labels(tmp_path / "truth.csv", run)


def config_of(run):
    return RunConfig.from_json(run.info["config"])


def only_proof(run):
    (found,), broken = list_proofs(run.folder)
    assert broken == {}
    return found


def test_trains_every_arm_with_every_seed(run, truth, quiet):
    prove(run.folder, truth, quiet, n_seeds=2)
    found = only_proof(run)
    assert found.status == "finished"
    assert re.fullmatch(r"truth-[0-9a-f]{8}", found.name)
    trainings = found.trainings
    pairs = list(zip(trainings["arm"], trainings["seed"], strict=True))
    assert pairs == [(arm, seed) for seed in (1, 2) for arm in ARMS]
    assert trainings["test_accuracy"].between(0, 1).all()
    wrong = int(run.samples()["is_mislabeled"].sum())
    table = summary(found).set_index("arm")
    assert table["n_changed"].tolist() == [0, wrong, 0, 0]
    assert table["n_samples"].tolist() == [96, 96, 96 - wrong, 96 - wrong]
    assert table["mislabeled_fraction"].tolist()[:3] == [wrong / 96, 0, 0]
    assert 0.2 < table["mislabeled_fraction"].iloc[3] < 0.8
    assert not (found.folder / "now.json").exists()
    assert run.samples()["given_label"].equals(RunReader(run.folder).samples()["given_label"])


def test_what_is_proven_is_what_train_does(run):
    """With the run's own seed, its own labels give its own last test accuracy."""
    config = config_of(run)
    accuracy = train_once(config, load_data(config))
    assert accuracy == run.metrics()["test_accuracy"].iloc[-1]


@pytest.mark.parametrize(
    "fields",
    [
        {"weighting": "hmw"},
        {"augment": "crop_flip"},
        {"method": "co_teaching"},
        {"method": "divide_mix", "method_args": {"warmup_epochs": 1}},
    ],
)
def test_of_other_methods_too(trained, fields):
    run = RunReader(trained(run="other", **NOISY, **fields))
    config = config_of(run)
    assert train_once(config, load_data(config)) == run.metrics()["test_accuracy"].iloc[-1]


def test_arms_differ_only_as_they_say(run, truth):
    plan, _ = make_plan(run, config_of(run), truth, 3)
    whole, samples = plan.data, run.samples()
    wrong = samples["is_mislabeled"].to_numpy(bool)
    assert np.array_equal(plan.suspects, wrong)
    assert plan.of("original", 1) is whole
    assert np.array_equal(plan.of("corrected", 1).given_label, samples["true_label"])
    kept = plan.of("suspects_dropped", 1)
    assert np.array_equal(kept.images, whole.images[~wrong])
    assert np.array_equal(kept.given_label, whole.given_label[~wrong])
    assert np.array_equal(kept.true_label, whole.true_label[~wrong])
    assert kept.source == [whole.source[row] for row in np.flatnonzero(~wrong)]
    random = [plan.of("random_dropped", seed).source for seed in (1, 1, 2)]
    assert random[0] == random[1] != random[2]
    assert {len(part) for part in random} == {96 - wrong.sum()}
    assert all(len(set(part)) == len(part) and set(part) <= set(whole.source) for part in random)
    for arm in ARMS:
        assert plan.of(arm, 1).test_images is whole.test_images
        assert plan.of(arm, 1).test_label is whole.test_label


def test_stopped_it_goes_on_to_the_same_result(run, truth, quiet, monkeypatch):
    calls = []

    def third_is_stopped(config, data, watch):
        calls.append(config.seed)
        if len(calls) == 4:
            raise Stopped(signal.SIGINT)
        return train_once(config, data, watch)

    monkeypatch.setattr(module, "train_once", third_is_stopped)
    with pytest.raises(Stopped):
        prove(run.folder, truth, quiet, n_seeds=2)
    stopped = only_proof(run)
    assert stopped.status == "stopped"
    assert len(stopped.trainings) == 3
    prove(run.folder, truth, quiet, n_seeds=2)
    assert len(calls) == 4 + 5
    broken = only_proof(run).trainings.drop(columns="seconds")
    prove(run.folder, truth, quiet, n_seeds=2)
    assert len(calls) == 9  # nothing is trained twice
    stopped.folder.rename(stopped.folder.with_name(".aside"))
    prove(run.folder, truth, quiet, n_seeds=2)
    assert only_proof(run).trainings.drop(columns="seconds").equals(broken)


def test_more_seeds_add_to_what_is_there(run, truth, quiet, monkeypatch):
    prove(run.folder, truth, quiet, n_seeds=1)
    before = only_proof(run).trainings
    prove(run.folder, truth, quiet, n_seeds=2)
    after = only_proof(run)
    assert after.trainings.iloc[:4].equals(before)
    assert after.trainings["seed"].tolist() == [1] * 4 + [2] * 4
    prove(run.folder, truth, quiet, n_seeds=1)  # fewer take nothing away
    assert only_proof(run).trainings.equals(after.trainings)


def test_what_decides_the_result_makes_another_proof(run, truth, tmp_path):
    config = config_of(run)

    def name(file=truth, **changes):
        return make_plan(run, dataclasses.replace(config, **changes), file, 1)[1]["name"]

    samples = run.samples()
    half = np.where(samples["sample_id"] < 48, samples["true_label"], samples["given_label"])
    assert name() == name(workers=1, outputs="none", device="cpu")
    assert len({name(), name(epochs=3), name(loss="gce"), name(batch_size=16)}) == 4
    before = name()
    again = truth.read_bytes()
    assert write_labels(truth, run, note="exported again").read_bytes() != again
    assert name() == before
    other = write_labels(tmp_path / "other.csv", run, half)
    assert name(other)[-8:] != name()[-8:]
    odd = write_labels(tmp_path / "= é#$ <b>.csv", run)
    assert re.fullmatch(r"b-[0-9a-f]{8}", name(odd))


def test_a_recipe_replaces_the_method_and_keeps_the_rest(trained, tmp_path, quiet):
    fields = {"recipe": "CCE+HMW-code", "weighting": "hmw", "normalize_logits": True}
    run = RunReader(trained(run="hmw", class_bias=False, warmup_epochs=1, **fields, **NOISY))
    prove(
        run.folder, write_labels(tmp_path / "t.csv", run), quiet, n_seeds=1, epochs=1, recipe="CCE"
    )
    info = only_proof(run).info
    config = RunConfig.from_json(info["config"])
    assert (config.recipe, config.weighting, config.loss) == ("CCE", "uniform", "ce")
    assert (config.class_bias, config.normalize_logits, config.warmup_epochs) == (True, False, 0)
    assert (config.epochs, config.batch_size, config.train_samples) == (1, 32, 96)
    assert info["config_changes"] == {"recipe": ["CCE+HMW-code", "CCE"], "epochs": [2, 1]}


def test_flagged_samples_are_dropped_where_none_is_changed(run, tmp_path):
    given = run.samples()["given_label"]
    ids = run.samples()["sample_id"]
    verdict = pd.Series(None, ids, dtype=object)
    verdict[0], verdict[1], verdict[5] = "keep", "unsure", "unsure"
    file = write_labels(
        tmp_path / "flagged.csv",
        run,
        given,
        is_label_issue=False,
        is_flagged=ids < 4,
        verdict=verdict,
    )
    plan, info = make_plan(run, config_of(run), file, 1)
    assert np.flatnonzero(plan.suspects).tolist() == [1, 2, 3]  # kept: 0; unsure alone: 5
    assert plan.arms == ("original", "suspects_dropped", "random_dropped")
    assert any("changes no label" in note for note in info["notes"])
    assert any("3 more that it marks" in note for note in info["notes"])


def test_arms_that_cannot_be_are_left_out_with_a_word(run, tmp_path):
    given = run.samples()["given_label"].to_numpy()
    file = write_labels(tmp_path / "all.csv", run, (given + 1) % 10)
    plan, info = make_plan(run, config_of(run), file, 1)
    assert plan.arms == ("original", "corrected")
    assert "Every sample is a suspect" in info["notes"][-1]
    file = write_labels(tmp_path / "one.csv", run, np.where(given == 3, 4, given))
    _, info = make_plan(run, config_of(run), file, 1)
    assert info["notes"][-1] == "Without the suspects no sample is left of 3"


def test_unknown_true_labels_are_unknown_and_not_zero(run, truth, monkeypatch, quiet):
    def without_truth(config, resumed):
        return dataclasses.replace(load_data(config, resumed), true_label=None)

    monkeypatch.setattr(module, "load_data", without_truth)
    prove(run.folder, truth, quiet, n_seeds=1)
    found = only_proof(run)
    assert found.trainings["mislabeled_fraction"].isna().all()
    assert found.info["test_labels_are_true"] is False


def refused(run, file, quiet, sentence, **options):
    with pytest.raises(UsageError, match=sentence) as caught:
        prove(run.folder, file, quiet, **options)
    assert "\n" not in str(caught.value)
    assert not (run.folder / "proofs").exists()


def test_a_run_without_a_test_split_is_refused(trained, tmp_path, quiet):
    run = RunReader(trained(run="no-test", test_fraction=0.0, **NOISY))
    refused(run, write_labels(tmp_path / "t.csv", run), quiet, "no test split .*nothing to measure")


def test_labels_that_change_nothing_are_refused(run, tmp_path, quiet):
    file = write_labels(tmp_path / "same.csv", run, run.samples()["given_label"])
    refused(run, file, quiet, "changes no label of run 'r' and marks no suspect")


def test_labels_of_another_data_set_are_refused(run, tmp_path, quiet):
    short = write_labels(tmp_path / "short.csv", run)
    short.write_text("".join(short.read_text().splitlines(keepends=True)[:-1]))
    refused(run, short, quiet, "leaves out 1 of 96 samples")
    other = write_labels(tmp_path / "other.csv", run, labels_format=1, fingerprint="abc")
    refused(run, other, quiet, "labels of another data set.* its fingerprint is abc")
    refused(run, tmp_path / "none.csv", quiet, "no file of labels")


def test_labels_made_for_other_given_labels_are_refused(run, trained, tmp_path, quiet):
    other = RunReader(trained(run="clean", epochs=1))  # the same pictures, without the noise
    file = write_labels(tmp_path / "t.csv", other, (other.samples()["given_label"] + 1) % 10)
    refused(run, file, quiet, r"made for other given labels than run 'r' has: \d+ of 96 differ")


def test_a_run_of_another_loop_is_refused(tmp_path, quiet):
    RunWriter.create(tmp_path / "own", given_label=[0, 1, 2], n_classes=3, n_epochs=1).finish()
    refused(RunReader(tmp_path / "own"), "x.csv", quiet, "not made by `python -m training train`")


def test_data_that_have_changed_are_refused(run, truth, quiet):
    info = layout.read_info(run.folder)
    info["config"]["seed"] = 5
    layout.write_json(run.folder / "run.json", info)
    refused(run, truth, quiet, "cannot be trained again: its data have changed")


def test_an_unknown_recipe_is_refused(run, truth, quiet):
    refused(run, truth, quiet, "unknown recipe 'HMW'", recipe="HMW")


def test_two_at_once_are_refused(run, truth, quiet):
    place = run.folder / "proofs" / make_plan(run, config_of(run), truth, 1)[1]["name"]
    place.mkdir(parents=True)
    lock = FolderLock(place)
    with pytest.raises(UsageError, match="is being computed by another process"):
        prove(run.folder, truth, quiet, n_seeds=1)
    lock.free()


def test_a_loss_that_is_no_number_fails_the_proof_and_says_why(run, truth, quiet, monkeypatch):
    def no_number(config, data, watch):
        return train_once(dataclasses.replace(config, learning_rate=1e30), data, watch)

    monkeypatch.setattr(module, "train_once", no_number)
    with pytest.raises(RunFailed, match="the loss became"):
        prove(run.folder, truth, quiet, n_seeds=1, epochs=5)
    found = only_proof(run)
    assert found.status == "failed"
    assert "the loss became" in found.info["error"]


def test_a_damaged_proof_is_named(run, truth, quiet):
    prove(run.folder, truth, quiet, n_seeds=1)
    (only_proof(run).folder / "proof.json").write_text('{"format": 1')
    with pytest.raises(UsageError, match=r"proof\.json is damaged"):
        prove(run.folder, truth, quiet, n_seeds=1)


WRONG = {
    "no labels": (["prove", "r"], "labels"),
    "no run": (["prove", "nothing", "--labels", "x"], "no run folder at .*nothing"),
    "seeds": (["prove", "r", "--labels", "x", "--seeds", "0"], "--seeds must be 1 or more, got 0"),
    "epochs": (["prove", "r", "--labels", "x", "--epochs", "0"], "--epochs must be 1 or more"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_use_is_one_sentence_and_exit_code_2(case, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    argv, sentence = WRONG[case]
    assert main(argv) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert re.search(sentence, line)
    assert not any(tmp_path.iterdir())


def command(run, file, *more):
    return [
        sys.executable,
        "-m",
        "training",
        "prove",
        str(run.folder),
        "--labels",
        str(file),
        *more,
    ]


@pytest.mark.slow
def test_interrupted_in_a_real_process_it_goes_on(run, truth):
    more = ["--seeds", "2", "--epochs", "12"]
    process = subprocess.Popen(
        command(run, truth, *more),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not any(len(found.trainings) for found in list_proofs(run.folder)[0]):
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    found = only_proof(run)
    assert found.status == "running"
    os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert errors.startswith("stopped")
    stopped = read_proof(found.folder)
    assert stopped.status == "stopped"
    assert 1 <= len(stopped.trainings) < 8
    done = subprocess.run(command(run, truth, *more), cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    whole = read_proof(found.folder)
    assert whole.status == "finished"
    assert len(whole.trainings) == 8
    assert whole.trainings[: len(stopped.trainings)].equals(stopped.trainings)
    lines = done.stdout.splitlines()
    assert any(re.match(r"Corrected labels +2 +96 +\d+ +0 +0\.0 % ", line) for line in lines)
    assert any(line.startswith("Training on the corrected labels ") for line in lines)
    assert json.loads((found.folder / "proof.json").read_text())["run"] == run.name


@pytest.mark.slow
def test_correcting_with_the_truth_is_better(quick, quiet, tmp_path):
    """A network that memorises its wrong labels, and the same one without them."""
    config = quick(
        train_samples=200, epochs=30, noise="symmetric", noise_rate=0.5, learning_rate=0.05
    )
    train(config, quiet)
    run = RunReader(config.folder)
    prove(run.folder, write_labels(tmp_path / "truth.csv", run), quiet, n_seeds=2)
    by_seed = only_proof(run).trainings.pivot(index="seed", columns="arm", values="test_accuracy")
    assert (by_seed["corrected"] > by_seed["original"] + 0.1).all()
    assert (by_seed["corrected"] > by_seed["random_dropped"] + 0.1).all()
