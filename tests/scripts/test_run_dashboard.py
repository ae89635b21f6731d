"""run_dashboard.sh: which runs it trains, and how it opens the dashboard."""

import json
import os
import signal

import pytest

START = ("run_dashboard.sh", "--port", "18501")
CCE, HMW = "digits-CCE", "digits-CCE-HMW-code"


@pytest.fixture
def installed(machine):
    """Return the machine after a start that installed and trained nothing more."""
    machine.run(*START, "--no-demo")
    machine.forget_calls()
    return machine


def trainings(machine):
    return [call for call in machine.calls() if call.startswith("training")]


def write_status(folder, status):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "run.json").write_text(json.dumps({"status": status}))


def test_the_first_start_trains_both_demo_runs_and_opens_the_dashboard(machine):
    done = machine.run(*START)
    assert done.code == 0, done.stderr
    runs = machine.root / "data" / "runs"
    asked = "--dataset digits --noise symmetric --noise-rate 0.5 --epochs 100 --seed 0"
    assert trainings(machine) == [
        f"training train {asked} --recipe CCE+HMW-code --run {HMW} --runs {runs}",
        f"training train {asked} --recipe CCE --run {CCE} --runs {runs}",
    ]
    served = machine.calls()[-1]
    assert served == f"dashboard.launcher --runs {runs} --port 18501"


def test_the_second_start_only_opens_the_dashboard(machine):
    machine.run(*START)
    machine.forget_calls()
    assert machine.run(*START).code == 0
    assert [call.split()[0] for call in machine.calls()] == ["dashboard.launcher"]


def test_no_demo_and_no_browser(machine):
    assert machine.run(*START, "--no-demo", "--no-browser").code == 0
    assert trainings(machine) == []
    assert machine.calls()[-1].endswith("--port 18501 --no-browser")


def test_a_read_only_dashboard_is_asked_for(machine):
    assert machine.run(*START, "--no-demo", "--read-only").code == 0
    assert machine.calls()[-1].endswith("--port 18501 --read-only")


def test_names_of_the_machine_are_handed_on(machine):
    names = ["--host-name", "hmw.example.org", "--host-name=10.0.0.7"]
    assert machine.run(*START, "--no-demo", *names).code == 0
    said = "--port 18501 --host-name hmw.example.org --host-name 10.0.0.7"
    assert machine.calls()[-1].endswith(said)


def test_without_training_no_pytorch_is_installed_and_no_demo_trained(machine):
    assert machine.run(*START, "--no-training").code == 0
    lists = [f"-r {machine.root}/requirements/{name}.txt" for name in ("core", "dashboard")]
    assert f"pip install --no-input {' '.join(lists)}" in machine.calls()
    assert trainings(machine) == []
    machine.forget_calls()
    assert machine.run(*START, "--no-training").code == 0
    assert [call.split()[0] for call in machine.calls()] == ["dashboard.launcher"]


def test_what_was_installed_without_training_is_completed_by_the_next_whole_start(machine):
    machine.run(*START, "--no-training")
    machine.forget_calls()
    machine.run(*START)
    assert machine.calls()[0] == f"pip install --no-input -r {machine.root}/requirements.txt"
    assert len(trainings(machine)) == 2


def test_a_whole_installation_serves_without_training_too(installed):
    assert installed.run(*START, "--no-training").code == 0
    assert [call.split()[0] for call in installed.calls()] == ["dashboard.launcher"]


def test_a_folder_with_other_runs_is_left_alone(installed):
    write_status(installed.root / "data/runs/mine", "finished")
    assert installed.run(*START).code == 0
    assert trainings(installed) == []


def test_a_runs_folder_is_relative_to_where_one_stands(installed, tmp_path):
    installed.run(*START, "--runs", "my runs", cwd=tmp_path)
    assert all(call.endswith(f"--runs {tmp_path}/my runs") for call in trainings(installed))
    assert (tmp_path / "my runs" / CCE / "run.json").exists()


def test_the_dashboard_starts_in_the_repository_with_the_whole_runs_folder(installed, tmp_path):
    # The fake Python cannot tell where it stands, so a command in its place does.
    (installed.root / ".venv/bin/python").write_text(
        '#!/bin/bash\ncase $2 in dashboard.launcher) echo "$* in $PWD" ;;'
        ' *) [ "$1" != --version ] || echo Python 3.11 ;; esac\n'
    )
    done = installed.run(*START, "--no-demo", "--runs", "my runs", cwd=tmp_path)
    assert f"--runs {tmp_path}/my runs --port 18501 in {installed.root}" in done.stdout


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_demo_is_finished_by_the_next_start(installed, finish, number, code):
    process = installed.start(*START, FAKE_TRAIN="sleep")
    installed.wait_for_call("training train")
    os.killpg(process.pid, number)
    done = finish(process)
    assert done.code == code
    assert done.sentence() == "Stopped; the next start continues from here."
    installed.forget_calls()
    assert installed.run(*START).code == 0
    first, second = trainings(installed)
    assert first == f"training resume {installed.root}/data/runs/{HMW}"
    assert f"--run {CCE} " in second


def test_a_kill_of_the_script_alone_is_passed_on(installed, finish):
    process = installed.start(*START, FAKE_TRAIN="sleep")
    installed.wait_for_call("training train")
    process.terminate()
    assert finish(process).code == 143


def test_a_demo_folder_from_before_its_first_epoch_is_made_again(installed):
    folder = installed.root / "data/runs" / CCE
    folder.mkdir(parents=True)
    (folder / "samples.parquet").touch()
    (folder / ".run.json.17.part").touch()
    assert installed.run(*START).code == 0
    assert trainings(installed)[0].startswith("training train")
    assert (folder / "run.json").exists()


def test_a_demo_that_cannot_be_trained_does_not_keep_the_dashboard_shut(installed):
    done = installed.run(*START, FAKE_TRAINING="fail")
    assert done.code == 0
    assert f"The demo run {CCE} was not finished" in done.stdout
    assert installed.calls()[-1].startswith("dashboard.launcher")


def test_ctrl_c_ends_the_dashboard(installed, finish):
    process = installed.start(*START, "--no-demo", FAKE_DASHBOARD="sleep")
    installed.wait_for_call("dashboard.launcher")
    os.killpg(process.pid, signal.SIGINT)
    assert finish(process).code != 0  # the launcher has the process; the fake just dies
