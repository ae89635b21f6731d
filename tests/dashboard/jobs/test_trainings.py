"""Trainings as processes of their own: started, found again, stopped, resumed, and how they end."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from dashboard.jobs import training_command, trainings
from dashboard.jobs.training_command import Settings, arguments, shown, suggested_name
from hmw_core import processes
from hmw_core.errors import UsageError
from hmw_core.file_names import check_plain
from hmw_core.log.reader import RunReader
from tests.conftest import write_run

ROOT = Path(__file__).parents[3]
TINY = Settings(run="tiny", recipe="CCE", dataset="digits", epochs=2, device="cpu")
PATIENCE = 300  # seconds; loading torch takes some, and the machine may be busy
FAKE = """\
import signal, sys, time
print("a line\\nhere it is:", *sys.argv[1:], flush=True)
if "--sleep" in sys.argv:
    time.sleep(60)
sys.exit({code})
"""


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """A folder of runs; no process that was started for it outlives the test."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # threads of trainings at once only hinder another
    folder = tmp_path / "runs"
    folder.mkdir()
    yield folder
    for training in trainings.all_trainings(folder):
        if trainings.is_alive(training):
            os.kill(training.pid, signal.SIGKILL)
        wait(lambda training=training: not trainings.is_alive(training))


@pytest.fixture
def fake(tmp_path, monkeypatch):
    """Put a program that prints its arguments in the place of the training's."""

    def put(code=0):
        script = tmp_path / "fake.py"
        script.write_text(FAKE.format(code=code))
        monkeypatch.setattr(trainings, "PROGRAM", (sys.executable, str(script)))

    put()
    return put


def wait(until):
    end = time.monotonic() + PATIENCE
    while not until():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def end_of(runs, name="tiny"):
    wait(lambda: trainings.state(runs, name).status not in trainings.LIVING)
    return trainings.state(runs, name)


def noted(runs, name="tiny"):
    """Wait until the exit code is kept and return it."""
    wait(lambda: trainings.find(runs, name).exit_code is not None)
    return trainings.find(runs, name).exit_code


# -- the command line


def test_the_command_says_what_was_asked(runs):
    words = arguments(replace(TINY, noise="symmetric", noise_rate=0.4, train_samples=100), runs)
    line = " ".join(words)
    assert line == (
        "train --run tiny --recipe CCE --dataset digits --epochs 2 --seed 0 --noise symmetric "
        f"--noise-rate 0.4 --device cpu --train-samples 100 --runs {runs}"
    )


@pytest.mark.parametrize("noise", ["none", "human"])
def test_a_noise_without_a_rate_gets_none(runs, noise):
    column = "worse_label" if noise == "human" else ""
    asked = replace(TINY, noise=noise, noise_rate=0.4, noise_column=column)
    assert "--noise-rate" not in arguments(asked, runs)


def test_the_command_can_be_pasted_into_a_shell(runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = arguments(replace(TINY, recipe="AUM only", dataset="parquet", data="a $(b) 'c'"), runs)
    cd, path, both, *typed = shlex.split(shown(words))
    assert (cd, path, both) == ("cd", str(tmp_path), "&&")
    assert typed == [*training_command.PROGRAM, *words]


def test_a_training_works_in_the_folder_of_its_dashboard_and_finds_its_program(
    runs, tmp_path, monkeypatch
):
    """Else an installed dashboard would fetch data sets into site-packages."""
    monkeypatch.chdir(tmp_path)
    code = "import hmw_core, os; print(os.getcwd(), hmw_core.__file__)"
    monkeypatch.setattr(trainings, "PROGRAM", (sys.executable, "-c", code))
    trainings.start(runs, ["resume"], "a")
    end = time.monotonic() + 60
    while not (lines := trainings.last_lines(runs, "a")) and time.monotonic() < end:
        time.sleep(0.05)
    assert lines == [f"{tmp_path} {ROOT}/hmw_core/__init__.py"]


def test_a_machine_without_pytorch_says_how_to_train(monkeypatch):
    monkeypatch.setattr(training_command, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="PyTorch is not installed on this machine; `./run_dash"):
        training_command.check_machine()


@pytest.mark.parametrize("noise", [{}, {"noise": "human", "noise_column": "worse"}])
def test_the_command_line_accepts_every_word(runs, noise, monkeypatch):
    from training.__main__ import main

    asked = replace(
        TINY,
        dataset="parquet",
        data="some data.parquet",
        test_data="test.parquet",
        image_column="picture",
        label_column="given",
        true_label_column="true",
        network="small_cnn",
        skip_broken=bool(noise),
        loss_args={"q": 0.5},
        weighting_args={"terms": "aum"},
        settings={"loss": "gce", "weighting": "hmw", "alpha": 3.0, "schedule": "cosine"},
        **noise,
    )
    seen = []
    monkeypatch.setattr("training.loop.train", lambda config, console: seen.append(config))
    assert main(arguments(asked, runs)) == 0
    [config] = seen
    assert (config.run, config.data, config.true_label_column) == ("tiny", asked.data, "true")
    assert config.skip_broken == bool(noise)
    assert (config.loss_args, config.weighting_args) == ({"q": 0.5}, {"terms": "aum"})
    assert (config.alpha, config.schedule) == (3.0, "cosine")
    assert config.folder == runs / "tiny"


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "/x", ".x", "-x", "a b", "a\n", "a\x00", "x" * 101, "ü"]
)
def test_a_name_that_is_not_plain_is_refused_everywhere(runs, name):
    for ask in (
        lambda: arguments(replace(TINY, run=name), runs),
        lambda: trainings.start(runs, ["train"], name),
        lambda: trainings.stop(runs, name),
        lambda: trainings.forget(runs, name),
        lambda: training_command.resume_arguments(name, runs),
    ):
        with pytest.raises(UsageError, match="is not plain"):
            ask()
    assert list(runs.iterdir()) == []


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"dataset": "parquet"}, "needs a Parquet file"),
        ({"dataset": "image-folder"}, "needs a folder of pictures"),
        ({"dataset": "parquet", "data": "--runs=/etc"}, "may neither begin with -"),
        ({"dataset": "parquet", "data": "a\x00b"}, "control characters"),
        ({"dataset": "parquet", "data": "x", "noise": "human"}, "go together"),
        ({"dataset": "parquet", "data": "x", "noise_column": "c"}, "go together"),
    ],
)
def test_settings_that_cannot_work_get_a_sentence(runs, asked, says):
    with pytest.raises(UsageError, match=says):
        arguments(replace(TINY, **asked), runs)


def test_the_suggested_name_is_plain_and_free(runs):
    asked = replace(TINY, recipe="AUM only", noise="symmetric", noise_rate=0.5)
    name = suggested_name(asked, runs)
    assert name == "AUM-only-digits-symmetric0.5-seed0"
    assert check_plain(name, "the run name") == name
    (runs / name).mkdir()
    assert suggested_name(asked, runs) == f"{name}-2"


# -- processes, with a program in the training's place


def test_what_it_printed_is_kept_and_each_start_has_its_own_lines(runs, fake):
    trainings.start(runs, ["train", "one"], "tiny")
    assert noted(runs) == 0
    trainings.start(runs, ["train", "two"], "tiny")
    assert noted(runs) == 0
    assert trainings.last_lines(runs, "tiny") == ["a line", "here it is: train two"]
    assert "one" in trainings.log_file(runs, "tiny").read_text()


def test_it_works_in_the_folder_that_the_dashboard_was_started_from(runs, fake, monkeypatch):
    monkeypatch.chdir(runs)  # relative paths of data count from here, not from the packages
    code = "import os, training; print(os.getcwd(), training.__file__)"
    monkeypatch.setattr(trainings, "PROGRAM", (sys.executable, "-c", code))
    trainings.start(runs, ["train"], "tiny")
    assert noted(runs) == 0
    assert trainings.last_lines(runs, "tiny") == [f"{runs} {ROOT / 'training' / '__init__.py'}"]
    assert shown(["train"]).startswith(f"cd {runs} && ")


def test_a_training_is_started_once(runs, fake):
    trainings.start(runs, ["train", "--sleep"], "tiny")
    with pytest.raises(UsageError, match="is being trained already"):
        trainings.start(runs, ["train"], "tiny")
    assert trainings.state(runs, "tiny") == ("starting", "", True, False)
    trainings.stop(runs, "tiny")
    assert end_of(runs).status == "stopped"
    assert noted(runs) == -signal.SIGTERM
    assert "nothing was kept" in trainings.state(runs, "tiny").reason
    with pytest.raises(UsageError, match="no process"):
        trainings.stop(runs, "tiny")


def test_a_run_is_not_trained_over(runs, fake):
    write_run(runs / "tiny")
    with pytest.raises(UsageError, match="there is a run 'tiny' already"):
        trainings.start(runs, ["train"], "tiny")
    with pytest.raises(UsageError, match="is not forgotten"):
        trainings.forget(runs, "tiny")
    assert trainings.state(runs, "tiny") == ("finished", "", False, False)


def test_a_run_that_another_writes_is_neither_started_nor_stopped(runs, fake):
    writer = write_run(runs / "tiny", epochs=1, finish=None)
    with pytest.raises(UsageError, match="is being trained already"):
        trainings.start(runs, ["resume"], "tiny")
    with pytest.raises(UsageError, match="no process"):
        trainings.stop(runs, "tiny")
    state = trainings.state(runs, "tiny")
    assert (state.status, state.can_stop) == ("running", False)
    assert "started elsewhere" in state.reason
    writer.finish("stopped")


def test_a_process_that_was_killed_is_told_by_its_signal(runs, fake):
    training = trainings.start(runs, ["train", "--sleep"], "tiny")
    os.kill(training.pid, signal.SIGKILL)
    assert noted(runs) == -signal.SIGKILL
    state = trainings.state(runs, "tiny")
    assert state.status == "failed"
    assert "ended by SIGKILL" in state.reason
    assert "memory" in state.reason
    trainings.forget(runs, "tiny")
    assert trainings.all_trainings(runs) == []
    assert trainings.last_lines(runs, "tiny") == []


def test_a_later_process_of_the_same_number_is_not_taken_for_it(runs, fake):
    training = trainings.start(runs, ["train", "--sleep"], "tiny")
    record = runs / ".trainings" / "tiny.json"
    kept = json.loads(record.read_text())
    assert trainings.is_alive(trainings.find(runs, "tiny"))
    record.write_text(json.dumps(kept | {"birth": "another boot 123"}))
    assert not trainings.is_alive(trainings.find(runs, "tiny"))
    with pytest.raises(UsageError, match="no process"):
        trainings.stop(runs, "tiny")
    record.write_text(json.dumps(kept | {"host": "another-machine"}))
    assert not trainings.is_alive(trainings.find(runs, "tiny"))
    record.write_text(json.dumps(kept))
    assert processes.state_and_birth(training.pid)[0] in "RSD"  # nobody was harmed


@pytest.mark.parametrize("kept", ["", "{", "[]", '{"pid": 1}', '{"name": "tiny", "pid": "x"}'])
def test_a_damaged_record_is_no_training(runs, kept):
    (runs / ".trainings").mkdir()
    (runs / ".trainings" / "tiny.json").write_text(kept)
    assert trainings.all_trainings(runs) == []
    assert trainings.state(runs, "tiny").status == "failed"


@pytest.mark.parametrize("pid", [-1, 0, 1, "1", None])
def test_a_record_cannot_make_it_signal_a_group_or_the_first_process(runs, fake, pid):
    trainings.start(runs, ["train"], "tiny")
    noted(runs)
    record = runs / ".trainings" / "tiny.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"pid": pid}))
    assert trainings.find(runs, "tiny") is None


def test_a_runs_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be started in"):
        trainings.start(tmp_path / "file", ["train"], "tiny")


def test_a_run_of_ones_own_loop_is_not_offered_to_be_resumed(runs):
    write_run(runs / "tiny", epochs=2, finish="stopped")
    assert trainings.state(runs, "tiny").can_resume is False


def test_seconds_left_follow_the_pace_of_the_last_epochs():
    seconds = [90.0, 2.0, 2.0, 4.0, 2.0, 2.0]  # the first is slow: caches, compilation
    metrics = pd.DataFrame({"epoch": range(1, 7), "seconds": seconds})
    assert trainings.seconds_left(metrics, 10) == 8.0
    assert trainings.seconds_left(metrics, 6) == 0.0
    assert trainings.seconds_left(metrics.drop(columns="seconds"), 10) is None
    assert trainings.seconds_left(metrics.iloc[:0], 10) is None


# -- real trainings


@pytest.mark.slow
def test_a_training_goes_on_when_its_server_is_killed(runs):
    code = (
        "import sys, time; from pathlib import Path; from dashboard.jobs import trainings\n"
        "trainings.start(Path(sys.argv[1]), sys.argv[2:], 'tiny'); print('up', flush=True)\n"
        "time.sleep(600)"
    )
    command = [sys.executable, "-c", code, str(runs), *arguments(TINY, runs)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout.readline() == "up\n"
        assert trainings.state(runs, "tiny").can_stop  # found by another process: this one
        server.kill()
    assert end_of(runs) == ("finished", "", False, False)
    assert RunReader(runs / "tiny").epochs() == [1, 2]
    assert trainings.find(runs, "tiny").exit_code is None  # nobody was there to see it


@pytest.mark.slow
def test_stop_keeps_whole_epochs_and_resume_goes_on(runs):
    words = arguments(replace(TINY, epochs=20), runs)
    trainings.start(runs, words, "tiny")
    metrics = runs / "tiny" / "metrics"
    wait(lambda: metrics.is_dir() and len(list(metrics.glob("*.json"))) >= 2)
    assert trainings.state(runs, "tiny") == ("running", "", True, False)
    trainings.stop(runs, "tiny")
    state = end_of(runs)
    assert (state.status, state.can_resume) == ("stopped", True)
    reached = RunReader(runs / "tiny").last_epoch
    assert 2 <= reached < 20
    resume = training_command.resume_arguments("tiny", runs)
    trainings.start(runs, resume, "tiny")
    assert end_of(runs).status == "finished"
    assert RunReader(runs / "tiny").epochs() == list(range(1, 21))
    assert noted(runs) == 0
    trainings.start(runs, resume, "tiny")  # a wish that cannot be granted harms nothing
    assert noted(runs) == 2
    assert trainings.last_lines(runs, "tiny")[-1].startswith("error: run 'tiny' is finished")
    assert trainings.state(runs, "tiny").status == "finished"


@pytest.mark.slow
def test_a_wrong_setting_is_the_command_lines_one_sentence(runs):
    words = arguments(replace(TINY, epochs=0), runs)
    trainings.start(runs, words, "tiny")
    assert noted(runs) == 2
    state = trainings.state(runs, "tiny")
    assert state == ("failed", "--epochs must be 1 or more, got 0", False, False)
