"""sweep: words to cells, what is kept and gone on with, failures that end nothing else."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hmw_core.command_line import parse
from hmw_core.errors import UsageError
from hmw_core.experiments.paper import TABLE_4_COLUMNS
from hmw_core.experiments.sweeps import read_sweep, sweep_table
from hmw_core.log import layout
from hmw_core.log.lock import FolderLock
from training.__main__ import _recipe_defaults, main
from training.config import RunConfig
from training.methods import METHODS
from training.recipes import RECIPES
from training.stopping import Stopped
from training.sweeps.grid import TYPES, cell_config, grid_cells, parse_grid, train_words
from training.sweeps.named import NAMED_SWEEPS
from training.sweeps.named_sweep import named_base
from training.sweeps.plan import plan, run_cells, run_name, run_sweep

ROOT = Path(__file__).parents[3]
QUICK = {
    "train_samples": 96,
    "batch_size": 32,
    "epochs": 2,
    "device": "cpu",
    "workers": 0,
    "outputs": "none",
}


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def test_words_become_values_of_the_fields_types():
    axes = parse_grid(
        [
            "alpha=0,1e2",
            "k=1,2",
            "normalize-logits=yes,false",
            "recipe=none,CCE+HMW",
            "weighting_args.terms=aum,both",
            "loss_args.q=0.7",
            "features_at=1+2,none",
            "train_samples=none,50",
        ]
    )
    assert axes == {
        "alpha": [0.0, 100.0],
        "k": [1, 2],
        "normalize_logits": [True, False],
        "recipe": [None, "CCE+HMW"],
        "weighting_args.terms": ["aum", "both"],
        "loss_args.q": [0.7],
        "features_at": [(1, 2), ()],
        "train_samples": [None, 50],
    }


def test_fields_joined_by_a_colon_vary_together():
    axes = parse_grid(["recipe=CCE,SCE", "noise:noise_rate=symmetric:0.2,pair_flip:0.3"])
    assert [tuple(cell.values()) for cell in grid_cells(axes)] == [
        ("CCE", "symmetric", 0.2),
        ("CCE", "pair_flip", 0.3),
        ("SCE", "symmetric", 0.2),
        ("SCE", "pair_flip", 0.3),
    ]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["alpha"], "not of the form FIELD=VALUE,VALUE"),
        (["=3"], "not of the form"),
        (["alhpa=1"], "cannot vary 'alhpa', which is no option of `train`: recipe, dataset"),
        (["alpha=1,x"], "--grid alpha: 'x' is not a number"),
        (["k=1.5"], "--grid k: '1.5' is not a whole number"),
        (["compile=maybe"], "'maybe' is neither true nor false"),
        (["seed=1,2"], "cannot vary seed: .* use --seeds"),
        (["weighting_args=aum"], r"name the part that varies, as in weighting_args\.KEY"),
        (["alpha.x=1"], "alpha has no parts"),
        (["noise:noise_rate=symmetric"], "'symmetric' needs 2 values with colons between"),
        (["alpha=1", "alpha:beta=1:2"], "names alpha twice"),
    ],
)
def test_wrong_words_are_one_sentence(words, sentence):
    with pytest.raises(UsageError, match=sentence) as caught:
        grid_cells(parse_grid(words))
    assert "\n" not in str(caught.value)


def test_an_argument_of_a_method_can_be_varied(tmp_path):
    axes = parse_grid(["recipe=DivideMix", "method_args.lambda_u=0,25"])
    base = {"noise": "symmetric", "noise_rate": 0.9, "dataset": "cifar10"}
    configs = [cell_config(base, cell, 0, tmp_path, "r")[0] for cell in grid_cells(axes)]
    assert [config.method_args for config in configs] == [
        {"lambda_u": float(value), "p_threshold": 0.6, "loss_history": 5} for value in (0, 25)
    ]
    assert "--method-args" in train_words(configs[0])


def test_every_field_can_be_varied_or_says_why_not():
    for name in TYPES:
        with pytest.raises(UsageError) as caught:
            parse_grid([f"{name}=\x00", f"{name}:"])
        assert name in str(caught.value) or "form" in str(caught.value)


def test_cells_take_their_recipes_fields_and_win_over_them():
    base = {"epochs": 7, "alpha": 5.0}
    cell = {"recipe": "AUM only-code", "noise": "pair_flip", "noise_rate": 0.3}
    config, departs = cell_config(base, cell, 4, Path("s"), "r")
    assert config.weighting_args == {"terms": "aum", "history": "current"}
    assert config.confidence_penalty == 1.0  # from recipe and noise together
    assert (config.alpha, config.epochs, config.seed) == (5.0, 7, 4)
    assert departs == {"alpha": [100.0, 5.0]}
    config, _ = cell_config({}, cell | {"weighting_args.terms": "both"}, 0, Path("s"), "r")
    assert config.weighting_args == {"terms": "both", "history": "current"}
    with pytest.raises(UsageError, match="--alpha must be 0 or more"):
        cell_config({}, {"alpha": -1.0}, 0, Path("s"), "r")


def configs():
    for name, named in NAMED_SWEEPS.items():
        fixed = "dataset" in named.base
        for given in [{}] if fixed else [{"dataset": "digits"}, {"dataset": "cifar100"}]:
            for cell in named.cells(given):
                base = named_base(named, given)
                yield name, cell_config(base, cell, 1, Path("s"), "r")[0]
    odd = {
        "recipe": "AUM only-code",
        "weighting_args": {},
        "class_bias": True,
        "normalize_logits": False,
        "features_at": (1, 2),
        "train_samples": 50,
        "learning_rate": 1e-7,
    }
    yield "odd", RunConfig(**odd)
    yield "no recipe", RunConfig(loss="gce", loss_args={"q": 0.7, "b": 1.0}, compile=True)


def test_train_is_told_exactly_what_was_planned():
    for name, config in configs():
        words = train_words(config)
        assert parse(RunConfig, words, "train", _recipe_defaults(words)) == config, name


@pytest.mark.parametrize("dataset", ["digits", "cifar10", "cifar100"])
def test_table_4_has_the_papers_noises_or_what_stands_in(dataset):
    named = NAMED_SWEEPS["table-4"]
    cells = named.cells({"dataset": dataset})
    assert len(cells) == 8 * len(TABLE_4_COLUMNS)
    noises = {cell["noise"] for cell in cells} - {"symmetric"}
    stand_in = {"digits": "pair_flip", "cifar10": "asymmetric", "cifar100": "block_shift"}
    assert noises == {stand_in[dataset]}
    assert any("replaces it" in note for note in named.notes({"dataset": dataset})) == (
        dataset == "digits"
    )
    text = named.cells({"dataset": dataset, "recipe": "CCE+HMW"})
    assert {cell["recipe"] for cell in text} == {"CCE", "AUM only", "AUM+CA", "CCE+HMW"}


def test_figure_7_has_the_papers_values():
    cells = NAMED_SWEEPS["figure-7"].cells({})
    of = [c for c in cells if c["noise_rate"] == 0.8]
    alphas = {c["alpha"] for c in of if c.get("beta") == 50}
    assert alphas == {0, 0.1, 0.5, 1, 10, 50, 100, 500, 1000, 5000}
    assert alphas == {c["beta"] for c in of if c.get("alpha") == 50}
    assert [c for c in of if c.get("alpha") == c.get("beta") == 0]
    assert [c for c in of if c["recipe"] == "CCE"]
    assert len({json.dumps(c, sort_keys=True) for c in of}) == len(of) == 21


def test_all_methods_stand_side_by_side():
    digits, humans = (NAMED_SWEEPS[f"methods-{name}"] for name in ("digits", "cifar10n"))
    cells = digits.cells({})
    assert len(cells) == 4 * len(digits.recipes)
    methods = {RECIPES[cell["recipe"]].fields.get("method", "standard") for cell in cells}
    assert methods == set(METHODS), "a method is missing from COSTS"
    assert digits.cells({"recipe": "ELR"}) == [c for c in cells if c["recipe"] == "ELR"]
    assert not {"DivideMix"} & {cell["recipe"] for cell in humans.cells({})}
    told = [c["recipe"] for c in humans.cells({}) if "method_args.noise_rate" in c]
    assert sorted(told) == ["Co-teaching", "Co-teaching+", "JoCoR", "SELFIE"]
    with pytest.raises(UsageError, match="noise_rate cannot be given"):
        named_base(digits, {"noise_rate": 0.1})


def test_names_of_runs_are_plain_and_differ(tmp_path):
    used = set()
    for cell in ({"noise": "a/b c"}, {"noise": "a b c"}, {"data": "x" * 200}, {"alpha": 0.1}):
        name = run_name(cell, 3, used)
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+=-]{0,99}", name)
        used.add(name)
    assert len(used) == 4
    assert "alpha=0.1-seed=3" in used


def test_all_cells_of_a_seed_come_first(tmp_path):
    jobs, info = plan(
        "s", QUICK, [{"alpha": 1.0}, {"alpha": 2.0}, {"alpha": 1.0}], [1, 0], tmp_path
    )
    assert [(job.config.seed, job.config.alpha) for job in jobs] == [(0, 1), (0, 2), (1, 1), (1, 2)]
    assert info["seeds"] == [0, 1]
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"name": "../s"}, "name '../s' is not plain"),
        ({"cells": []}, "at least one cell and one seed"),
        ({"seeds": []}, "at least one cell and one seed"),
        ({"base": {"no": 1}}, "cannot vary 'no'"),
        ({"cells": [{"loss": "nothing"}]}, "unknown loss 'nothing'; known: ce"),
        ({"cells": [{"recipe": "nothing"}]}, "unknown recipe 'nothing'"),
        ({"cells": [{"noise": "none", "noise_rate": 0.5}]}, "--noise none has no rate"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_anything_is(change, sentence, tmp_path, quiet):
    asked = {"name": "s", "base": QUICK, "cells": [{}], "seeds": [0]} | change
    with pytest.raises(UsageError, match=sentence):
        run_cells(**asked, folder=tmp_path, processes=1, console=quiet)
    assert not any(tmp_path.iterdir())


@pytest.mark.slow
def test_trains_keeps_and_goes_on(tmp_path, quiet):
    grid = {"loss": ["ce", "gce"]}
    first = run_sweep("s", QUICK, grid, [0], tmp_path, 2, quiet)
    assert first.status == "finished"
    table = sweep_table(first)
    assert table["status"].tolist() == ["finished"] * 2
    assert table["last_accuracy"].between(0, 1).all()
    assert "auroc_iam" not in table  # nothing is mislabeled
    assert (first.folder / "results.tex").exists()
    made = (first.folder / "loss=ce-seed=0" / "run.json").stat().st_mtime_ns
    more = run_sweep("s", QUICK, grid, [0, 1], tmp_path, 2, quiet)
    assert len(more.info["trainings"]) == 4
    assert (first.folder / "loss=ce-seed=0" / "run.json").stat().st_mtime_ns == made
    fewer = run_sweep("s", QUICK, {"loss": ["ce"]}, [0], tmp_path, 2, quiet)
    assert len(fewer.info["trainings"]) == 4  # what is finished is not taken away
    with pytest.raises(UsageError, match="was begun with epochs 2 and not 3"):
        run_sweep("s", QUICK | {"epochs": 3}, grid, [0], tmp_path, 2, quiet)
    assert read_sweep(tmp_path / "s").status == "finished"


@pytest.mark.slow
def test_a_failing_training_ends_no_other_and_says_why(tmp_path, capsys):
    argv = ["sweep", "s", "--grid", "learning_rate=1e30,0.02", "--seeds", "1", "--processes", "1"]
    argv += ["--sweeps", str(tmp_path), "--train-samples", "96", "--epochs", "3"]
    argv += ["--device", "cpu", "--outputs", "none"]
    assert main(argv) == 1
    sweep = read_sweep(tmp_path / "s")
    assert sweep.status == "failed"
    failed, well = sweep.info["trainings"]
    assert failed["status"] == "failed"
    assert failed["attempts"] == 2
    assert "the loss became" in failed["error"]
    assert well["status"] == "finished"
    said = " ".join(capsys.readouterr().out.split())
    assert "failed, is tried once more" in said
    assert "Failed: learning_rate=1e+30-seed=0: the loss became" in said


@pytest.mark.slow
def test_what_the_user_must_mend_is_not_tried_again(tmp_path, quiet):
    sweep = run_cells(
        "s", QUICK, [{"noise": "asymmetric", "noise_rate": 0.3}], [0], tmp_path, 1, quiet
    )
    (training,) = sweep.info["trainings"]
    assert (training["status"], training["attempts"]) == ("failed", 1)
    assert "has a class map for CIFAR-10" in training["error"]


def test_a_folder_with_another_run_is_left_alone(tmp_path, quiet, quick):
    from training.loop import train

    config = quick(runs=str(tmp_path / "s"), run="alpha=1-seed=0", epochs=1)
    train(config, quiet)
    sweep = run_cells("s", QUICK, [{"alpha": 1.0}], [0], tmp_path, 1, quiet)
    (training,) = sweep.info["trainings"]
    assert training["status"] == "failed"
    assert "holds a run with another alpha, epochs" in training["error"]


def command(folder, *more):
    words = [sys.executable, "-m", "training", "sweep", "s", "--sweeps", str(folder)]
    words += ["--grid", "loss=ce,gce", "--seeds", "1", "--train-samples", "400", "--processes", "1"]
    return [*words, "--epochs", "60", "--device", "cpu", "--outputs", "none", *more]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_stops_its_children_and_goes_on(tmp_path, number):
    process = subprocess.Popen(
        command(tmp_path), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    run = tmp_path / "s" / "loss=ce-seed=0"
    deadline = time.monotonic() + 240
    while len(layout.logged_epochs(run, "metrics")) < 2:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert read_sweep(tmp_path / "s").status == "running"
    os.kill(process.pid, number)
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 128 + number
    assert "run the same command to continue" in errors
    stopped = read_sweep(tmp_path / "s")
    assert stopped.status == "stopped"
    assert not layout.has_writer(run)
    assert [t["status"] for t in stopped.info["trainings"]] == ["stopped", "waiting"]
    n_epochs = len(layout.logged_epochs(run, "metrics"))
    first = layout.epoch_file(run, "metrics", 1).stat().st_mtime_ns
    assert 2 <= n_epochs < 60
    done = subprocess.run(command(tmp_path), cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    whole = read_sweep(tmp_path / "s")
    assert whole.status == "finished"
    assert [len(t["test_accuracy"]) for t in whole.info["trainings"]] == [60, 60]
    assert layout.epoch_file(run, "metrics", 1).stat().st_mtime_ns == first  # it was resumed
    assert "2/2 done" in done.stdout


def test_two_at_once_are_refused(tmp_path, quiet):
    (tmp_path / "s").mkdir()
    lock = FolderLock(tmp_path / "s")
    with pytest.raises(UsageError, match="is being computed by another process"):
        run_cells("s", QUICK, [{}], [0], tmp_path, 1, quiet)
    lock.free()


def test_a_dry_run_writes_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["sweep", "table-4", "--seeds", "2", "--dry-run", "--epochs", "5"]) == 0
    said = capsys.readouterr().out
    assert "64 trainings in data/sweeps/table-4-digits: 32 settings x 2 seeds; 0 of them" in said
    assert "train --recipe AUM+CA-code --dataset digits --noise symmetric" in said
    assert not any(tmp_path.iterdir())


WRONG = {
    "no grid": (
        ["mine"],
        "--grid says what varies.* one of table-1, .*figure-7, methods-digits, .*, got 'mine'",
    ),
    "seeds": (["mine", "--grid", "alpha=1", "--seeds", "0"], "--seeds must be 1 or more"),
    "run": (["mine", "--grid", "alpha=1", "--runs", "x"], "unknown option '--runs'"),
    "recipe": (["table-4", "--recipe", "SCE"], r"takes --recipe CCE\+HMW, CCE\+HMW-code"),
    "noise": (["table-4", "--noise-rate", "0.3"], "noise_rate cannot be given"),
    "damaged": (["bad", "--grid", "alpha=1"], r"sweep\.json is damaged"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_use_is_one_sentence_and_exit_code_2(case, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bad = tmp_path / "data" / "sweeps" / "bad"
    bad.mkdir(parents=True)
    (bad / "sweep.json").write_text("{")
    words, sentence = WRONG[case]
    assert main(["sweep", *words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert re.search(sentence, line)


def test_a_stop_while_nothing_runs_yet_keeps_all_waiting(tmp_path, quiet, monkeypatch):
    from training.sweeps import processes as sweep_processes

    def stopped(self):
        raise Stopped(signal.SIGINT)

    monkeypatch.setattr(sweep_processes.SweepRun, "_start", stopped)
    with pytest.raises(Stopped):
        run_cells("s", QUICK, [{}], [0], tmp_path, 1, quiet)
    sweep = read_sweep(tmp_path / "s")
    assert sweep.status == "stopped"
    assert sweep.count("waiting") == 1
