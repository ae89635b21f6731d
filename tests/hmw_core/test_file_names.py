"""Texts that become part of a path: none leads out, and any becomes the name of a file."""

import os

import pytest

from dashboard.export.__main__ import main
from dashboard.export.find import find_run
from hmw_core.errors import UsageError
from hmw_core.file_names import check_folder_name, check_plain, file_name, is_folder_name
from hmw_core.laboratory.hard import Hard, decides_hard
from training.config import RunConfig

NOWHERE = [
    "", ".", "..", "../x", "/abs", "a/b", "a/../../x", "a\\b", "..\\x", "C:\\x", "a\0b", "\0",
    "a\nb", "\x7f", ".hidden", "x" * 201, "x" * 5_000, "é" * 101, "./x", "x/", "//host/x",
]  # fmt: skip
ODD = [
    "con",
    "my run",
    "-rf",
    "--help",
    "a:b",
    "ümläut",
    "CON",
    "a" * 150,
    "日本語",
    "\udcff",
    "a\u202eb",
]


@pytest.mark.parametrize("name", NOWHERE)
def test_what_is_no_name_of_one_folder_is_refused(name, tiny_run):
    assert not is_folder_name(name)
    for check in (check_folder_name, check_plain):
        with pytest.raises(UsageError) as caught:
            check(name, "--run")
        assert len(str(caught.value)) < 700
    if name:
        with pytest.raises(UsageError, match="--run must be a plain name"):
            RunConfig(run=name)
    with pytest.raises(UsageError, match="there is no run"):
        decides_hard(tiny_run, Hard("aum", 0.2, name or ".."))


@pytest.mark.parametrize("name", ODD)
def test_an_odd_name_stays_in_its_folder(name, tmp_path):
    assert is_folder_name(name)
    assert (tmp_path / name).parent == tmp_path


@pytest.mark.parametrize(
    "name", ["-rf", "--help", "my run", "a:b", "ümläut", "+x", "a\n", "x" * 101]
)
def test_a_name_of_the_program_is_neither_an_option_nor_odd(name):
    with pytest.raises(UsageError, match="is not plain"):
        check_plain(name, "the run name")


@pytest.mark.parametrize(
    "text", [*NOWHERE, *ODD, "lpt1.x", "nul", "a" * 4_000, '"; rm -rf "', "%2e%2e"]
)
def test_any_text_becomes_a_file_name(text, tmp_path):
    made = file_name(text, "-labels.csv")
    assert made.endswith("-labels.csv")
    assert set(made.encode()) & set(b'/\\:*?"<>|%\0\n\r; ') == set()
    assert not made.startswith((".", "-"))
    assert len(made.encode()) <= 140
    assert file_name(text, ".csv").split(".")[0].lower() not in ("con", "nul", "lpt1", "aux")
    (tmp_path / made).write_text("kept")
    assert os.listdir(tmp_path) == [made]


def test_a_made_run_name_leads_nowhere():
    config = RunConfig(network="timm:../../x", method_args={"a": "/etc"}, dataset="../d")
    assert is_folder_name(config.run_name)


@pytest.mark.parametrize("name", ["x" * 300, "x" * 5_000, "a\0b", "no/such", "\udcff"])
def test_a_run_that_no_path_can_name_is_said(name, tmp_path, capsys):
    with pytest.raises(UsageError, match="no run"):
        find_run(name, runs=tmp_path)
    assert main([name, str(tmp_path / "out")]) == 2
    assert "error: no run" in capsys.readouterr().err
