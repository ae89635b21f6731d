"""Open the dashboard from the command line: `hmw-dashboard --runs DIR --port N`."""

import os
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from dashboard import gate
from hmw_core import processes
from hmw_core.command_line import door
from hmw_core.errors import UsageError

ADDRESS = "127.0.0.1"  # the log may hold private pictures: nobody else is let in


@dataclass(frozen=True, kw_only=True)
class Options:
    """Open the dashboard on 127.0.0.1 until Ctrl-C."""

    runs: Path = Path("data/runs")
    """The folder of runs; made if there is none."""
    port: int = 8501
    """The dashboard's port, 1024 to 65535."""
    browser: Annotated[
        bool, tyro.conf.arg(help="Open a browser window; --no-browser does not.")
    ] = True
    read_only: Annotated[bool, tyro.conf.FlagCreatePairsOff] = False
    """Let nobody train, judge or write from a page: for a server that others look at."""
    host_name: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """A name under which others reach this machine, through a proxy; may come several times."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code: 2 for a user's mistake, which is said."""
    return door(Options, "hmw-dashboard", _open, argv)


def _open(options: Options) -> int:
    command, environment = prepared(options)
    os.execve(command[0], command, environment)  # a signal to us is then one to the server


def prepared(options: Options) -> tuple[list[str], dict[str, str]]:
    """Return Streamlit's command and environment.

    Raises
    ------
    UsageError
        If the runs folder cannot be one, or the port is out of range or in use.
    """
    try:
        options.runs.mkdir(parents=True, exist_ok=True)
    except OSError:
        raise UsageError(f"--runs {options.runs} is not a folder and cannot be made one") from None
    if not 1024 <= options.port <= 65535:
        raise UsageError(f"--port must be a number from 1024 to 65535, got {options.port}")
    with socket.socket() as probe:
        if probe.connect_ex((ADDRESS, options.port)) == 0:
            raise UsageError(
                f"port {options.port} is in use already; "
                "close what listens there or choose another with --port N"
            )
    names = [gate.host_name(text) for text in options.host_name]
    here = Path(__file__).resolve().parent
    command = [sys.executable, "-m", "streamlit", "run", str(here / "app.py")]
    command += ["--server.address", ADDRESS, "--server.port", str(options.port)]
    command += ["--server.showEmailPrompt", "false", "--browser.gatherUsageStats", "false"]
    if not options.browser:
        command += ["--server.headless", "true"]
    told = {"HMW_RUNS": str(options.runs.resolve()), gate.NAMES: ",".join(names)}
    if options.read_only:
        told["HMW_READ_ONLY"] = "1"
    return command, processes.environment(**told)


if __name__ == "__main__":
    sys.exit(main())
