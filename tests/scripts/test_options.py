"""What the scripts accept, and the one sentence about what they do not."""

import socket

import pytest


@pytest.mark.parametrize(
    ("script", "options"),
    [
        (
            "run_dashboard.sh",
            ["--runs", "--port", "--no-demo", "--no-browser", "--read-only", "--host-name"]
            + ["--no-training"],
        ),
        ("run_tests.sh", ["--ci", "--help"]),
    ],
)
def test_help_names_every_option_and_does_nothing(machine, script, options):
    done = machine.run(script, "--help")
    assert done.code == 0
    assert all(option in done.stdout for option in options)
    assert machine.calls() == []
    assert not (machine.root / ".venv").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--prot", "1"], "unknown option '--prot'; known: --runs DIR"),
        (["--port"], "option --port needs a value"),
        (["--port", "http"], "from 1024 to 65535, got 'http'"),
        (["--port=80"], "from 1024 to 65535, got '80'"),
        (["--port=70000"], "from 1024 to 65535, got '70000'"),
        (["--runs", "run_tests.sh"], "run_tests.sh is not a folder"),
    ],
)
def test_a_wrong_option_is_one_sentence(machine, arguments, says):
    done = machine.run("run_dashboard.sh", *arguments)
    assert done.code == 2
    assert says in done.sentence()
    assert machine.calls() == []


def test_a_taken_port_is_said_before_anything_is_installed(machine):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = machine.run("run_dashboard.sh", "--port", str(port))
    assert done.code == 2
    assert f"port {port} is in use" in done.sentence()
    assert machine.calls() == []
