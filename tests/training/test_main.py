"""The command line: exit codes, one sentence an error, recipes as defaults, the list."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hmw_core import RunReader
from hmw_core.criteria import CRITERIA
from tests.training.conftest import some_pictures, write_parquet
from training.__main__ import _recipe_defaults, main
from training.config import RunConfig
from training.recipes import RECIPES

ROOT = Path(__file__).parents[2]
QUICK = ["--train-samples", "96", "--batch-size", "32", "--device", "cpu", "--workers", "0"]


@pytest.mark.parametrize("arguments", [[], ["--epochs", "3"], ["--recipe"]])
def test_without_a_recipe_the_defaults_are_the_configs(arguments):
    assert _recipe_defaults(arguments) == RunConfig()


@pytest.fixture
def runs(tmp_path):
    return tmp_path / "runs"


def arguments(runs, *more):
    words = ["train", *QUICK, "--runs", str(runs), "--run", "r", "--epochs", "2", "--no-map"]
    return [*words, *map(str, more)]


def test_trains_and_says_so_line_by_line(runs, capsys):
    more = ["--noise", "symmetric", "--noise-rate", "0.5", "--threads", "2"]
    assert main(arguments(runs, *more)) == 0
    lines = capsys.readouterr().out.strip().splitlines()
    assert len(lines) == 3
    assert lines[0] == "r  on cpu, 2 CPU threads"
    assert re.fullmatch(
        r"r  epoch 1/2  loss \d\.\d{3}  test \d+\.\d%  [\d,]+ samples/s  0:00:\d\d left", lines[1]
    )
    assert RunReader(runs / "r").info["config"]["threads"] == 2
    assert RunReader(runs / "r").status == "finished"


def test_a_recipe_gives_defaults_and_options_win(runs):
    more = ["--recipe=CCE+HMW-code", "--warmup-epochs", "1", "--loss", "gce"]
    assert main(arguments(runs, *more)) == 0
    info = RunReader(runs / "r").info
    assert info["recipe"] == "CCE+HMW-code"
    config = info["config"]
    assert (config["weighting"], config["normalize_logits"], config["class_bias"]) == (
        "hmw",
        True,
        False,
    )
    assert (config["warmup_epochs"], config["loss"]) == (1, "gce")


WRONG = {
    "no command": ([], None),
    "unknown command": (
        ["fly"],
        "unknown command 'fly'; known: train, resume, prove, sweep, noise, list",
    ),
    "unknown option": (["train", "--speed", "9"], "unknown option '--speed'"),
    "abbreviated option": (["train", "--epoch", "9"], "unknown option '--epoch'"),
    "not a number": (["train", "--epochs", "many"], "--epochs: .*'many'"),
    "no value": (["train", "--epochs"], "[Mm]issing value .*--epochs"),
    "zero epochs": (["train", "--epochs", "0"], "--epochs must be 1 or more, got 0"),
    "rate": (["train", "--noise", "symmetric", "--noise-rate", "2"], r"lie in \[0, 1\], got 2"),
    "data set": (
        ["train", "--dataset", "mnist"],
        "unknown data set 'mnist'; known: digits, cifar10",
    ),
    "recipe": (["train", "--recipe", "HMW"], "unknown recipe 'HMW'; known: CCE, SCE"),
    "network": (["train", "--network", "small_cn"], "unknown network 'small_cn'; known: small_cnn"),
    "loss": (["train", "--loss", "mse"], "unknown loss 'mse'; known: ce, sce, gce"),
    "k": (["train", "--weighting", "hmw", "--k", "9"], r"k is 9, but with 10 classes .* 1\.\.8"),
    "noise": (["train", "--noise", "loud"], "unknown noise 'loud'; known: none, symmetric"),
    "class map": (["train", "--noise", "asymmetric", "--noise-rate", "0.2"], "has a class map for"),
    "loss parameter": (
        ["train", "--loss-args", "q", "0.7"],
        "'ce' has no parameter 'q'; it has none",
    ),
    "file": (["train", "--dataset", "parquet", "--data", "no.pq"], r"no\.pq does not exist"),
    "no run": (["resume", "nothing"], "nothing"),
    "resume what": (["resume"], "RUN|run|STR"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_use_is_one_sentence_and_exit_code_2(case, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    argv, sentence = WRONG[case]
    assert main(argv) == 2
    captured = capsys.readouterr()
    if sentence is None:
        assert "usage:" in captured.out
        return
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert re.search(sentence, line)
    assert not any(tmp_path.iterdir())


def test_an_existing_run_is_wrong_use(runs, capsys):
    (runs / "r").mkdir(parents=True)
    assert main(arguments(runs)) == 2
    assert "exists already; name another with --run, or remove it" in capsys.readouterr().err
    (runs / "r" / "run.json").touch()
    assert main(arguments(runs)) == 2
    assert "exists already; name another with --run, or go on with" in capsys.readouterr().err


def test_asymmetric_noise_needs_a_known_class_map(runs, tmp_path, capsys):
    data = write_parquet(
        tmp_path / "d.parquet", {"image": some_pictures(6), "label": [0, 1, 2] * 2}
    )
    more = ["--dataset", "parquet", "--data", data, "--noise", "asymmetric", "--noise-rate", "0.4"]
    assert main(arguments(runs, *more)) == 2
    assert "3 classes 0, 1, 2" in capsys.readouterr().err


def test_a_failed_run_is_exit_code_1(runs, capsys):
    assert main(arguments(runs, "--learning-rate", "1e30", "--epochs", "5")) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert re.match(r"failed: the loss became (nan|inf) in epoch", line)


@pytest.mark.parametrize("argv", [["--help"], ["train", "--help"], ["list", "--help"]])
def test_help_is_exit_code_0(argv, capsys):
    try:
        code = main(argv)
    except SystemExit as leaving:  # how tyro ends after it has shown its help
        code = leaving.code
    assert code == 0
    assert "python -m training" in capsys.readouterr().out


def test_list_names_every_registry(capsys):
    assert main(["list"]) == 0
    text = capsys.readouterr().out
    assert "CCE+HMW-code" in text
    assert main(["list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    kinds = "datasets noises networks losses weightings methods recipes settings criteria"
    assert list(found) == kinds.split()
    assert [member["name"] for member in found["recipes"]] == list(RECIPES)
    assert [member["name"] for member in found["criteria"]] == list(CRITERIA)
    assert all((m.get("summary") or m["meaning"]).strip() for part in found.values() for m in part)


def start(runs, *more):
    """Start a training as a process of its own."""
    command = [sys.executable, "-m", "training", *arguments(runs, *more)]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def wait_for_epoch(process, folder, epoch):
    file = folder / "metrics" / f"epoch-{epoch:05d}.json"
    deadline = time.monotonic() + 120
    while not file.exists():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)],
)
def test_interrupted_and_resumed_is_the_same_as_unbroken(runs, number, code, capsys):
    more = ["--epochs", "12", "--weighting", "hmw", "--noise", "symmetric", "--noise-rate", "0.5"]
    process = start(runs, *more)
    wait_for_epoch(process, runs / "r", 3)
    os.kill(process.pid, number)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == code
    broken = RunReader(runs / "r")
    assert broken.damage == []
    assert 3 <= broken.last_epoch < 12
    if number != signal.SIGKILL:
        assert broken.status == "stopped"
        assert errors.startswith("stopped")
    assert main(["resume", "r", "--runs", str(runs)]) == 0
    assert main([*arguments(runs, *more), "--run", "unbroken"]) == 0
    mine, theirs = (
        RunReader(runs / name).signals(["loss", "weight", "hm_weight"])
        for name in ("r", "unbroken")
    )
    assert mine.equals(theirs)


FULL_DISK = """
import resource, sys
from training.__main__ import main
from training.loop import Training

original = Training.run_epoch

def run_epoch(self, epoch, writer, progress):
    writer.flush()
    if epoch == 3:  # from here on no file may grow beyond 64 KiB
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))
    return original(self, epoch, writer, progress)

Training.run_epoch = run_epoch
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_a_disk_that_fills_up_keeps_the_whole_epochs(runs):
    command = [sys.executable, "-c", FULL_DISK, *arguments(runs, "--epochs", "5")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert re.fullmatch(r"failed: the run cannot go on: .*\n", done.stderr)
    run = RunReader(runs / "r")
    assert run.status == "failed"
    assert "the run cannot go on" in run.info["error"]
    assert run.damage == []
    assert run.last_epoch in (2, 3)
    assert not list((runs / "r").rglob("*.part"))
    assert main(["resume", "r", "--runs", str(runs)]) == 0
    assert RunReader(runs / "r").epochs() == [1, 2, 3, 4, 5]


@pytest.fixture
def seen(monkeypatch):
    """The configs that the command would train."""
    found = []
    monkeypatch.setattr("training.loop.train", lambda config, console: found.append(config))
    return found


def test_an_argument_that_is_given_keeps_the_recipes_others(seen):
    about = ["--recipe", "DivideMix", "--dataset", "cifar100", "--noise", "symmetric"]
    rate = ["--noise-rate", "0.5"]
    assert main(["train", *about, *rate, "--method-args", "warmup_epochs", "5"]) == 0
    assert seen[0].method_args == {"lambda_u": 150.0, "warmup_epochs": 5.0}
    assert main(["train", "--recipe", "SCE", "--loss-args", "a", "0.5"]) == 0
    assert seen[1].loss_args == {"a": 0.5, "b": 1.0}
    assert main(["train", "--recipe", "SCE", "--loss", "gce", "--loss-args", "q", "0.3"]) == 0
    assert seen[2].loss_args == {"q": 0.3}


def test_an_unknown_argument_of_a_method_is_refused_by_name(capsys, tmp_path):
    words = ["--method", "co_teaching", "--method-args", "rate", "0.3", "--runs", str(tmp_path)]
    assert main(["train", "--noise", "symmetric", "--noise-rate", "0.5", *words]) == 2
    said = capsys.readouterr().err
    assert "method 'co_teaching' has no argument 'rate'; it has noise_rate" in said
    assert list(tmp_path.iterdir()) == []


def test_a_method_that_needs_the_noise_rate_says_so(capsys, tmp_path):
    words = ["--recipe", "Co-teaching", "--runs", str(tmp_path)]
    assert main(["train", *words]) == 2
    assert "--method-args noise_rate" in capsys.readouterr().err
