"""The ways to a run: every command is one that its program takes, and the code runs."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from dashboard.jobs.starts import demo, starts
from hmw_core import RunReader
from hmw_core.importers import __main__ as importers
from training.__main__ import main

ROOT = Path(__file__).parents[3]


def words(line, program):
    """Return what a line gives to a program, after the folder that it enters."""
    _, _, typed = line.partition(" && ")
    head, module, *rest = shlex.split(typed)[1:]
    assert (head, module) == ("-m", program)
    return rest


@pytest.fixture
def asked(monkeypatch):
    """Return the configs that trainings were asked for, which do not start."""
    found = []
    monkeypatch.setattr("training.loop.train", lambda config, console: found.append(config))
    return found


def test_the_demo_trains_both_runs_the_memorising_one_last(tmp_path, asked):
    for line in demo(tmp_path).splitlines():
        assert main(words(line, "training")) == 0
    assert [config.recipe for config in asked] == ["CCE+HMW-code", "CCE"]
    assert {(config.dataset, config.noise_rate, config.epochs) for config in asked} == {
        ("digits", 0.5, 100)
    }
    script = (ROOT / "run_dashboard.sh").read_text()
    assert "--dataset digits --noise symmetric --noise-rate 0.5" in script


def test_a_folder_of_pictures_is_trained_on(tmp_path, asked):
    folder, _, _ = starts(tmp_path)
    assert main(words(folder.code, "training")) == 0
    (config,) = asked
    assert (config.dataset, config.data, config.runs) == ("image-folder", "pictures", str(tmp_path))
    in_docs = "training train --dataset image-folder --data pictures --recipe CCE+HMW-code"
    for page in ("README.md", "docs/training.md"):
        assert in_docs in (ROOT / page).read_text()
    assert in_docs in folder.code


def test_every_tool_s_line_is_one_of_the_docs_and_is_understood(tmp_path, capsys):
    _, _, tools = starts(tmp_path)
    lines = tools.code.splitlines()
    in_docs = (ROOT / "docs/importers.md").read_text()
    for line in lines:
        given = words(line, "hmw_core.importers")
        assert f"hmw_core.importers {shlex.join(given[:-2])}\n" in in_docs
        assert importers.main(given) == 2
        # The options are understood: what it misses is the file.
        assert re.search(r"no |not |cannot", capsys.readouterr().err)
    assert [shlex.split(line)[6] for line in lines] == ["aum", "cartography", "cleanlab", "logits"]


def test_the_loop_runs_as_it_stands_and_makes_a_run(tmp_path):
    _, loop, _ = starts(tmp_path)
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (20, 8, 8), dtype=np.uint8)
    labels = np.arange(20) % 10
    exec(
        loop.code,
        {
            "labels": labels,
            "images": images,
            "n_epochs": 2,
            "loader": [(np.arange(20), images, labels)],
            "network": lambda batch: rng.normal(size=(len(batch), 10)),
        },
    )
    run = RunReader(tmp_path / "mine")
    assert (run.status, run.last_epoch, run.has_images) == ("finished", 2, True)
