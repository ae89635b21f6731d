"""What all doors share: options from a dataclass by tyro, a user's mistake in one sentence."""

import contextlib
import io
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import tyro

from hmw_core.errors import UsageError

WRONG_USE = 2
Options = TypeVar("Options")


def door(
    kind: type[Options], program: str, work: Callable[[Options], int], argv: Sequence[str] | None
) -> int:
    """Run a command line; return the exit code: `work`'s, or 2 for a user's mistake, which is said.

    Parameters
    ----------
    kind : type
        Dataclass of the options; its docstrings are the help.
    program : str
        How the command is called.
    work : callable
        Gets the options, and returns the exit code.
    argv : sequence of str, optional
        Default: the arguments of this process.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a path may be no text
    try:
        return work(parse(kind, sys.argv[1:] if argv is None else argv, program))
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return WRONG_USE


def parse(
    kind: type[Options],
    arguments: Sequence[str],
    program: str,
    default: Any = tyro.MISSING_NONPROP,
) -> Options:
    """Parse options with tyro; what is wrong with them becomes one sentence.

    Raises
    ------
    UsageError
        For an unknown option, a value of the wrong type, or one that `kind` refuses.
    """
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            options, unknown = tyro.cli(
                kind, args=arguments, prog=program, default=default, return_unknown_args=True
            )
    except SystemExit as leaving:
        if not leaving.code:
            raise  # --help
        if isinstance(leaving.__context__, UsageError):
            raise leaving.__context__ from None  # from the checks of `kind`, in a box by tyro
        raise UsageError(f"{_unboxed(complaint.getvalue())}; see {program} --help") from None
    if unknown:
        raise UsageError(f"unknown option {unknown[0]!r}; {program} --help names them all")
    return options


def _unboxed(text: str) -> str:
    """Return the first paragraph of a message that tyro drew a box around."""
    lines = [line.strip("│ ") for line in text.splitlines()]
    body = [line for line in lines if line and not line.startswith(("╭", "╰"))]
    end = next((i for i, line in enumerate(body) if line.startswith("─")), len(body))
    return " ".join(body[:end]).rstrip(".")
