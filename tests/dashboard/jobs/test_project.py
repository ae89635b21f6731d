"""The command line for maps: it keeps what the pages look for, and says what is wrong."""

import shutil

import pytest

from dashboard.jobs.project import main
from hmw_core import RunReader
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
    assert "no run 'nowhere': neither a folder nor a run in" in capsys.readouterr().err


def test_a_map_that_cannot_be_kept_is_said(folder, capsys):
    (folder / "projections").write_text("in the way")
    assert main([str(folder), "--method", "pca"]) == 2
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--method", "mds"], "invalid choice 'mds'"), (["--aligned"], "unknown option '--aligned'")],
)
def test_an_unknown_method_and_option_are_refused(folder, capsys, arguments, message):
    assert main([str(folder), *arguments]) == 2
    assert message in capsys.readouterr().err
