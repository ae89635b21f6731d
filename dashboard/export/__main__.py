"""Figures and a report as files, without a browser: `python -m dashboard.export RUN OUT`."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from dashboard.drawing.style import WIDTHS
from dashboard.export.archive import files
from dashboard.export.find import find_run, label_of
from dashboard.export.prepared import prepare_figures
from dashboard.export.render import FORMATS
from dashboard.figures import FIGURES
from hmw_core.command_line import door
from hmw_core.errors import UsageError, pick
from hmw_core.log.layout import write_whole


@dataclass(frozen=True, kw_only=True)
class Options:
    """Write figures of a run, their data, and a report, without a browser."""

    run: tyro.conf.Positional[str]
    """A run's folder, or its name in data/runs."""
    out: tyro.conf.Positional[Path]
    """Folder to write to."""
    formats: Annotated[tuple[str, ...], tyro.conf.arg(help=", ".join(FORMATS))] = ("pdf",)
    figures: Annotated[
        tuple[str, ...], tyro.conf.arg(help=f"Default: all, which are {', '.join(FIGURES)}")
    ] = ()
    width: Annotated[str, tyro.conf.arg(help=f"{', '.join(WIDTHS)}, or inches")] = "column"
    report: bool = False
    """Write report.html, too."""
    class_name: Annotated[str | None, tyro.conf.arg(name="class")] = None
    """Class, by name or number, of the figures that show one."""
    others: Annotated[tuple[str, ...], tyro.conf.arg(name="with")] = ()
    """Runs drawn beside RUN where a figure compares runs."""
    network: int = 1
    """Network whose log is drawn, of a run that trained several."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code: 2 for a user's mistake, which is said."""
    return door(Options, "python -m dashboard.export", _export, argv)


def _export(given: Options) -> int:
    runs = [find_run(given.run, given.network), *map(find_run, given.others)]
    label = None if given.class_name is None else label_of(runs[0], given.class_name)
    for format in given.formats:
        pick(dict.fromkeys(FORMATS, ""), format, "format")
    prepared = prepare_figures(runs, given.figures or None, label)
    for name, reason in prepared.reasons.items():
        print(f"not shown: {name}: {reason}")
    if not prepared.tables and not given.report:
        raise UsageError(f"nothing to write: no figure of run {runs[0].name!r} can be shown")
    formats = list(dict.fromkeys(given.formats))
    for name, data in files(runs, prepared, formats, _width(given.width), given.report):
        _write(given.out / name, data)
    return 0


def _width(text: str) -> str | float:
    """Return the name of a width, or the inches that a number says."""
    try:
        return float(text)
    except ValueError:
        pick(WIDTHS, text, "width")
        return text


def _write(path: Path, data: bytes) -> None:
    """Write one file whole and say so."""
    verb = "replaced" if os.path.exists(path) else "wrote"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, data)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from None
    print(f"{verb} {path}")


if __name__ == "__main__":
    sys.exit(main())
