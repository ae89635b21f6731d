"""The .venv: made once, mended when broken, never half made."""

import os
import signal

import pytest

DASHBOARD = ("run_dashboard.sh", "--no-demo", "--port", "18501")


def modules(machine):
    return [call.split()[0] for call in machine.calls()]


@pytest.mark.parametrize(
    ("python", "says"),
    [
        ("3.9", "Python 3.11 or newer is needed, and python3 here is 3.9"),
        ("3.12 bare", "sudo apt-get install python3.12-venv"),
    ],
)
def test_an_unfit_python_is_one_sentence(machine, python, says):
    done = machine.run(*DASHBOARD, FAKE_PYTHON=python)
    assert done.code == 2
    assert says in done.sentence()


def test_no_python_at_all_is_one_sentence(machine):
    (machine.bin / "python3").unlink()
    done = machine.run(*DASHBOARD)
    assert done.code == 2
    assert "none was found" in done.sentence()


def test_a_python_that_does_not_run_is_passed_over(machine):
    machine.command("python3.13", "exit 127")
    assert machine.run(*DASHBOARD).code == 0
    assert modules(machine) == ["venv", "pip", "dashboard.launcher"]


@pytest.mark.parametrize(
    ("fakes", "says"),
    [
        ({"FAKE_PIP": "offline"}, "no network for the install"),
        ({"FAKE_PIP": "full"}, "the disk filled up"),
        ({"FAKE_FREE_KB": "2000000"}, "only 1 GB are free"),
    ],
)
def test_a_failed_install_is_one_sentence_and_done_again(machine, fakes, says):
    done = machine.run(*DASHBOARD, **fakes)
    assert done.code == 2
    assert says in done.sentence()
    machine.forget_calls()
    assert machine.run(*DASHBOARD).code == 0
    assert modules(machine) == ["venv", "pip", "dashboard.launcher"]


def test_an_unknown_failure_of_pip_shows_its_words(machine):
    done = machine.run(*DASHBOARD, FAKE_PIP="fail")
    assert done.code == 2
    assert "pip could not install" in done.stderr


def test_the_second_start_installs_nothing(machine):
    machine.run(*DASHBOARD)
    machine.forget_calls()
    assert machine.run(*DASHBOARD).code == 0
    assert modules(machine) == ["dashboard.launcher"]


def test_changed_requirements_are_installed_into_the_same_venv(machine):
    machine.run(*DASHBOARD)
    machine.forget_calls()
    (machine.root / "requirements.txt").write_text("numpy>=2\n")
    assert machine.run(*DASHBOARD).code == 0
    assert modules(machine) == ["pip", "dashboard.launcher"]


def test_a_changed_list_that_requirements_name_is_installed_too(machine):
    machine.run(*DASHBOARD)
    machine.forget_calls()
    (machine.root / "requirements/core.txt").write_text("numpy>=2\n")
    assert machine.run(*DASHBOARD).code == 0
    assert modules(machine) == ["pip", "dashboard.launcher"]


def test_a_package_taken_away_is_installed_again(machine):
    machine.run(*DASHBOARD)
    machine.forget_calls()
    next(machine.root.glob(".venv/lib/*/site-packages/*.dist-info")).rmdir()
    machine.run(*DASHBOARD)
    assert modules(machine) == ["pip", "dashboard.launcher"]


@pytest.mark.parametrize("part", ["bin/python", "pyvenv.cfg"])
def test_a_venv_that_lost_a_part_is_made_again(machine, part):
    machine.run(*DASHBOARD)
    machine.forget_calls()
    (machine.root / ".venv" / part).unlink()
    assert machine.run(*DASHBOARD).code == 0
    assert modules(machine) == ["venv", "pip", "dashboard.launcher"]


@pytest.mark.parametrize("module", ["venv", "pip"])
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)]
)
def test_an_install_cut_short_is_made_from_scratch(machine, finish, module, number, code):
    process = machine.start(*DASHBOARD, **{f"FAKE_{module.upper()}": "sleep"})
    machine.wait_for_call(module)
    os.killpg(process.pid, number)
    done = finish(process)
    assert done.code == code
    if number != signal.SIGKILL:
        assert done.sentence() == "Stopped; the next start continues from here."
    machine.forget_calls()
    assert machine.run(*DASHBOARD).code == 0
    assert modules(machine) == ["venv", "pip", "dashboard.launcher"]


def test_two_starts_at_once_install_once(machine, finish):
    both = [machine.start(*DASHBOARD, FAKE_PIP="slow") for _ in range(2)]
    done = [finish(process) for process in both]
    assert [d.code for d in done] == [0, 0]
    assert sorted(modules(machine)) == ["dashboard.launcher", "dashboard.launcher", "pip", "venv"]
    assert "Another start is setting up" in done[0].stdout + done[1].stdout
