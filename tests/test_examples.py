"""Every script in examples/ runs in an empty folder and does what it promises."""

import contextlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from hmw_core import RunReader

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow


def run(name, folder):
    """Run an example and return what it printed; a warning is an error in it, too."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / f"{name}.py")],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_own_loop_logs_a_run(tmp_path):
    run("own_loop", tmp_path)
    log = RunReader(tmp_path / "data/runs/mine")
    assert log.status == "finished"
    assert log.epochs() == list(range(1, 11))
    assert log.feature_epochs() == [10]
    page = (ROOT / "docs/own-loop.md").read_text(encoding="utf-8")
    (reading,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    namespace: dict = {}
    with contextlib.chdir(tmp_path):
        exec(reading + "scores = score_table(run, ['iam', 'mean_loss'])", namespace)
    assert namespace["scores"].shape == (1797, 2)


def test_the_folder_of_pictures_comes_to_corrected_labels(tmp_path):
    printed = run("image_folder_to_corrected_labels", tmp_path)
    labels = pd.read_csv(tmp_path / "corrected.csv")
    pictures = list((tmp_path / "pictures").rglob("*.png"))
    assert (len(pictures), len(labels)) == (600, 479)  # a fifth of each class is held out
    n_changed = int(labels["changed"].sum())
    assert f"changes {n_changed} labels of 479" in printed
    assert labels["verdict"].notna().sum() == 60
    # Drawn at random, the 60 judged would hold 60 / 8 = 7.5 wrong ones on average.
    assert n_changed > 30


def test_two_methods_are_compared_with_intervals(tmp_path):
    run("compare_two_methods", tmp_path)
    table = pd.read_csv(tmp_path / "comparison.csv")
    assert table.groupby("recipe", sort=False)["criterion"].agg(list).to_dict() == dict.fromkeys(
        ["CCE", "CCE+HMW-code"], ["last_loss", "mean_loss", "aum", "iam", "hm_weight"]
    )
    assert (table["auroc_low"] <= table["auroc"]).all()
    assert (table["auroc"] <= table["auroc_high"]).all()
    best = table.set_index(["recipe", "criterion"])["auroc"]
    assert best["CCE", "mean_loss"] > 0.9  # 0.5 is chance


def test_every_example_is_tested():
    names = {path.stem for path in (ROOT / "examples").glob("*.py")}
    assert names == {"own_loop", "image_folder_to_corrected_labels", "compare_two_methods"}
