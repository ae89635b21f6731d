"""Noise as a file: what is written, who reads it in place of a draw, and what is refused."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from hmw_core import RunReader
from hmw_core.errors import UsageError
from hmw_core.review.noise_file import labels_sha256, noise_of
from tests.training.conftest import some_pictures, write_parquet
from training.__main__ import main
from training.data.prepare import load_data
from training.loop import resume
from training.noise_export import export_noise

NOISE = {"noise": "pair_flip", "noise_rate": 0.4}


@pytest.fixture
def file(quick, tmp_path):
    """Return a file of the noise that a quick training would draw."""
    path = tmp_path / "noise.csv"
    export_noise(quick(run=None, **NOISE), str(path))
    return path


@pytest.mark.parametrize("ending", ["csv", "parquet", "json"])
def test_a_file_gives_what_was_drawn_with_equal_hash(quick, tmp_path, ending):
    drawn = load_data(quick(**NOISE))
    path = tmp_path / f"noise.{ending}"
    said = export_noise(quick(run=None, **NOISE), str(path))
    assert said.endswith(labels_sha256(drawn.given_label))
    assert noise_of(path) == ("pair_flip", 0.4)
    for config in (quick(noise_file=str(path)), quick(noise_file=str(path), **NOISE)):
        read = load_data(config)
        assert np.array_equal(read.given_label, drawn.given_label)
        assert np.array_equal(read.true_label, drawn.true_label)
        about = read.noise.pop("noise_file")
        assert read.noise == drawn.noise
        assert about["provenance"]["labels_sha256"] == labels_sha256(drawn.given_label)


def test_the_noise_of_a_run_is_the_same_file(trained, quick, file, tmp_path):
    trained(**NOISE)
    other = tmp_path / "of-run.csv"
    export_noise(quick(), str(other))
    mine, theirs = (pd.read_csv(path).drop(columns=["run", "exported"]) for path in (file, other))
    assert mine.equals(theirs)


@pytest.mark.parametrize("method", ["co_teaching", "selfie"])
def test_a_method_that_needs_the_rate_is_told_it(quick, file, tmp_path, method):
    runs = ["--runs", str(tmp_path / "runs"), "--run", "r", "--no-map", "--epochs", "6"]
    small = ["--train-samples", "96", "--device", "cpu"]
    train = ["train", "--noise-file", str(file), "--method", method, *runs, *small]
    assert main(train) == 0
    info = RunReader(tmp_path / "runs" / "r").info
    assert (info["config"]["noise"], info["config"]["noise_rate"]) == ("pair_flip", 0.4)
    assert info["noise"]["name"] == "pair_flip"


def test_a_stopped_run_goes_on_without_its_file(trained, quiet, file):
    unbroken = RunReader(trained(run="unbroken", noise_file=str(file)))
    folder = trained(run="broken", noise_file=str(file))
    info = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps(info | {"status": "stopped"}))
    (folder / "metrics" / "epoch-00003.json").unlink()
    (folder / "checkpoint.pt").unlink()
    file.unlink()
    resume(folder, quiet)
    gone_on = RunReader(folder)
    assert gone_on.status == "finished"
    assert gone_on.signals(["loss"]).equals(unbroken.signals(["loss"]))
    assert gone_on.info["noise"] == unbroken.info["noise"]


def test_other_data_and_another_length_are_refused(quick, file, tmp_path):
    with pytest.raises(UsageError, match="another data set, or of another split .* this one's is"):
        load_data(quick(noise_file=str(file), seed=1))
    table = pd.read_csv(file)[["sample_id", "new_label"]]
    table[:-1].to_csv(tmp_path / "short.csv", index=False)
    with pytest.raises(UsageError, match="leaves out 1 of 96 samples, sample 95 first"):
        load_data(quick(noise_file=str(tmp_path / "short.csv")))
    longer = pd.concat([table, table.tail(1).assign(sample_id=96)])
    longer.to_csv(tmp_path / "long.csv", index=False)
    with pytest.raises(UsageError, match="names sample 96, but the data set has 96 samples"):
        load_data(quick(noise_file=str(tmp_path / "long.csv")))


def test_unknown_classes_other_noise_and_changed_labels_are_refused(quick, file, tmp_path):
    table = pd.read_csv(file, dtype=str, encoding="utf-8-sig")
    changed = table.assign(new_label=table["new_label"].where(table["sample_id"] != "3", "7"))
    changed.drop(columns="new_name").to_csv(tmp_path / "n.csv", index=False)
    with pytest.raises(UsageError, match="changed after it was written: the SHA-256 of its labels"):
        load_data(quick(noise_file=str(tmp_path / "n.csv")))
    alien = table.assign(new_name=table["new_name"].where(table["sample_id"] != "3", "cow"))
    alien.to_csv(tmp_path / "n.csv", index=False)
    with pytest.raises(UsageError, match="'cow'"):
        load_data(quick(noise_file=str(tmp_path / "n.csv")))
    table.assign(noise_rate="much").to_csv(tmp_path / "n.csv", index=False)
    with pytest.raises(UsageError, match="noise_rate is 'much', not a number from 0 to 1"):
        load_data(quick(noise_file=str(tmp_path / "n.csv")))
    for other, said in (({"noise": "symmetric", "noise_rate": 0.4}, "holds noise 'pair_flip'"),
                        ({"noise": "pair_flip", "noise_rate": 0.3}, "holds a rate of 0.4"),
                        ({"labels": "l.csv"}, "give one of them")):  # fmt: skip
        with pytest.raises(UsageError, match=said):
            load_data(quick(noise_file=str(file), **other))


def test_a_file_of_somebody_elses_needs_two_columns(quick, tmp_path):
    config = quick(noise_file=str(tmp_path / "n.csv"), run=None)
    label = (load_data(quick()).true_label + (np.arange(96) < 24)) % 10
    table = pd.DataFrame({"sample_id": np.arange(96), "label": label})
    table.to_csv(tmp_path / "n.csv", index=False)
    data = load_data(config)
    assert data.noise["mislabeled_fraction"] == 0.25
    assert data.noise["name"] == "file"
    assert config.run_name == "ce-digits-file-seed0"


def test_without_true_labels_there_is_no_noise_to_write(quick, tmp_path):
    columns = {"image": some_pictures(30), "label": np.arange(30) % 3}
    data = write_parquet(tmp_path / "d.parquet", columns)
    config = quick(dataset="parquet", data=str(data), train_samples=None, run=None)
    with pytest.raises(UsageError, match="true labels are not known"):
        export_noise(config, str(tmp_path / "n.csv"))
    noisy = dataclasses.replace(config, **NOISE)
    with pytest.raises(UsageError, match="must end in one of"):
        export_noise(noisy, str(tmp_path / "n.xls"))
