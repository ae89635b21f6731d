"""The report on the tables in bench size: what it says, with sweeps and without."""

import shlex

import pytest

from benchmarks import tables
from hmw_core.experiments.sweeps import read_sweep
from hmw_core.log import layout
from tests.hmw_core.experiments.test_paper_tables import write_table
from training.__main__ import main

RECIPES = {"CCE": (0.5, 0.52, 0.54), "CCE+HMW": (0.4, 0.43, 0.42), "CCE+HMW-code": (0.9, 0.9, 0.95)}


@pytest.fixture
def sweeps(tmp_path):
    folder = tmp_path / "sweeps"
    info = write_table(folder / tables.DIGITS, "digits", RECIPES, notes=["What must be said."])
    for training in info["trainings"]:
        training["seconds"] = 3.0 if training["cell"] else 2.0
    layout.write_json(folder / tables.DIGITS / "sweep.json", info)
    return folder


def test_report_of_what_is_trained(sweeps, tmp_path):
    file = tmp_path / "tables.md"
    words = ["--only-report", "--sweeps", str(sweeps), "--report", str(file)]
    tables.main(words)
    text = file.read_text()
    assert "What these tables cannot say" in text
    assert "- CCE+HMW against CCE: harms at symmetric 0.5." in text
    assert "- CCE+HMW-code against CCE: helps at symmetric 0.5." in text
    assert "The paper on CIFAR-10" in text
    assert "| CCE+HMW | 3 | 1.5 |" in text
    assert "What must be said." in text
    assert "Rows of the paper's that are not in this sweep: Forward" in text
    assert text.count("single network") == 1
    assert "Not trained for this report" in text  # the subset of CIFAR-10


def test_report_without_any_sweep(tmp_path):
    assert tables.report(tmp_path).count("Not trained for this report") == 2


def test_only_what_is_missing_is_trained_and_by_which_command(sweeps, tmp_path, monkeypatch):
    asked = []

    def run_cells(name, base, cells, seeds, folder, processes, console, about):
        asked.append((name, base, cells, list(seeds), about))
        return read_sweep(sweeps / tables.DIGITS)

    monkeypatch.setattr(tables, "run_cells", run_cells)
    words = ["--data", "D", "--cifar-epochs", "12", "--rows", "CCE", "ELR", "--sweeps", str(sweeps)]
    tables.main([*words, "--report", str(tmp_path / "t.md")])
    (digits, base, cells, seeds, _), (cifar, small, few, one, about) = asked
    assert (digits, cifar) == (tables.DIGITS, tables.CIFAR)
    assert (base["epochs"], seeds, len(cells)) == (40, [0, 1, 2], 6)
    assert (small["epochs"], one, len(few)) == (12, [0], 2)
    assert small["train_samples"] == 10_000
    assert {cell["noise_rate"] for cell in cells} == {0.2, 0.5, 0.8}
    words = shlex.split(about["command"])[3:]
    assert words[:2] == ["sweep", "table-1"]


def test_the_command_in_the_sweep_plans_the_same(capsys):
    given = {"dataset": "digits", "epochs": 40}
    words = shlex.split(tables.command("t", given, tables.DIGITS_COLUMNS, 2))[3:]
    assert main([*words, "--rows", "CCE", "--dry-run"]) == 0
    assert "6 trainings in data/sweeps/t: 3 settings x 2 seeds" in capsys.readouterr().out
