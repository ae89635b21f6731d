"""The command line for maps: it keeps what the pages look for, and says what is wrong."""

import shutil

import numpy as np
import pytest

from dashboard.jobs.project import main
from hmw_core import RunReader, RunWriter
from hmw_core.feature_space.alignment import kept_joint
from hmw_core.feature_space.projection import cached


@pytest.fixture
def folder(tiny_folder, tmp_path):
    """A copy of the tiny run that may be written to."""
    without_maps = shutil.ignore_patterns("projections")  # which other tests may have kept there
    return shutil.copytree(tiny_folder, tmp_path / "tiny", ignore=without_maps)


def test_the_map_is_kept_where_the_pages_look(folder, capsys):
    assert main([str(folder), "--method", "tsne", "--seed", "3"]) == 0
    assert "60 samples and 5 class vectors" in capsys.readouterr().err
    assert cached(RunReader(folder), "tsne", seed=3) is not None


def test_a_name_is_looked_up_among_the_runs(folder):
    options = ["--runs", str(folder.parent), "--method", "pca", "--given-label", "1"]
    assert main(["tiny", *options]) == 0
    assert cached(RunReader(folder), "pca", given_label=1) is not None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epoch", "77"], "no features of epoch 77"),
        (["--method", "pca", "--perplexity", "9"], "pca has no setting perplexity"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(folder, capsys, arguments, message):
    assert main([str(folder), *arguments]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said


def test_no_such_run(tmp_path, capsys):
    assert main(["nowhere", "--runs", str(tmp_path)]) == 2
    assert "no run folder" in capsys.readouterr().err


def test_a_map_that_cannot_be_kept_is_said(folder, capsys):
    (folder / "projections").write_text("in the way")
    assert main([str(folder), "--method", "pca"]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_an_unknown_method_is_refused(folder, capsys):
    assert main([str(folder), "--method", "mds"]) == 2
    assert "invalid choice 'mds'" in capsys.readouterr().err


@pytest.fixture
def two_epochs(tmp_path):
    """A run with features at two epochs, of which one sample has none at the second."""
    folder = tmp_path / "two"
    rng = np.random.default_rng(0)
    given = np.arange(40) % 4
    writer = RunWriter.create(folder, given_label=given, true_label=None, n_classes=4, n_epochs=2)
    for epoch in (1, 2):
        features = np.eye(4, 5)[given] + rng.normal(0, 0.3, (40, 5))
        features[7] *= epoch == 1
        writer.record(np.arange(40), logits=features[:, :4])
        writer.end_epoch(epoch)
        writer.flush()
        writer.log_features(epoch, features, np.eye(4, 5))
    writer.finish("finished")
    return folder


def test_one_map_of_several_epochs(two_epochs, capsys):
    assert main([str(two_epochs), "--aligned"]) == 0
    said = capsys.readouterr().err
    assert "2 epochs; layout noise" in said
    assert "epoch 2: 1 samples have no direction" in said
    table = kept_joint(RunReader(two_epochs))
    assert table.groupby("epoch").size().tolist() == [40 + 4, 39 + 4]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--aligned", "--epochs", "1", "9"], "epoch 9 has none"),
        (["--aligned", "--method", "umap", "--given-label", "1"], "--method, --given-label"),
        (["--epochs", "1", "2"], "--epochs goes with --aligned"),
    ],
)
def test_a_mistake_about_several_epochs(two_epochs, capsys, arguments, message):
    assert main([str(two_epochs), *arguments]) == 2
    assert message in capsys.readouterr().err
