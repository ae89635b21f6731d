"""The console script: what it starts, and what it refuses."""

import socket
import sys
from pathlib import Path

import pytest

from dashboard import launcher


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_command_serves_this_machine_only(tmp_path):
    options = launcher.Options(runs=tmp_path / "new", port=free_port(), browser=False)
    command, environment = launcher.prepared(options)
    assert (tmp_path / "new").is_dir()
    assert command[1:4] == ["-m", "streamlit", "run"]
    assert Path(command[4]).name == "app.py"
    assert command[command.index("--server.address") + 1] == "127.0.0.1"
    assert command[command.index("--server.headless") + 1] == "true"
    assert environment["HMW_RUNS"] == str((tmp_path / "new").resolve())


def test_becomes_streamlit(tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr(launcher.os, "execve", lambda *arguments: started.append(arguments))
    port = free_port()
    launcher.main(["--runs", str(tmp_path), "--port", str(port), "--no-browser"])
    program, command, environment = started[0]
    assert program == command[0] == sys.executable
    assert str(port) in command
    assert environment["HMW_RUNS"] == str(tmp_path)


def test_read_only_is_told_to_the_server_alone_when_asked_for(tmp_path, monkeypatch):
    monkeypatch.delenv("HMW_READ_ONLY", raising=False)
    started = []
    monkeypatch.setattr(launcher.os, "execve", lambda *arguments: started.append(arguments))
    for options in ([], ["--read-only"]):
        launcher.main(["--runs", str(tmp_path), "--port", str(free_port()), *options])
    asked = [environment.get("HMW_READ_ONLY") for _, _, environment in started]
    assert asked == [None, "1"]


def test_other_names_are_told_to_the_server(tmp_path):
    given = launcher.Options(
        runs=tmp_path, port=free_port(), host_name=("HMW.example.org", "[fd00::1]")
    )
    assert launcher.prepared(given)[1]["HMW_HOST_NAMES"] == "hmw.example.org,fd00::1"


def test_a_name_that_is_none_is_said(tmp_path, capsys):
    given = ["--runs", str(tmp_path), "--host-name", "https://hmw.example.org/"]
    assert launcher.main([*given, "--port", str(free_port())]) == 2
    assert "must be a name or an address alone" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["80", "70000"])
def test_port_out_of_range_is_said(port, tmp_path, capsys):
    assert launcher.main(["--runs", str(tmp_path), "--port", port]) == 2
    assert "1024 to 65535" in capsys.readouterr().err


def test_taken_port_is_said(tmp_path, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert launcher.main(["--runs", str(tmp_path), "--port", port]) == 2
    assert f"port {port} is in use" in capsys.readouterr().err


def test_runs_folder_that_is_a_file_is_said(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert launcher.main(["--runs", str(tmp_path / "file")]) == 2
    assert "is not a folder" in capsys.readouterr().err
