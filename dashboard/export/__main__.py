"""Figures and a report as files, without a browser: `python -m dashboard.export RUN OUT`."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from dashboard.drawing.style import FONTS, PALETTES, SIZES, Typography
from dashboard.drawing.text import PLACEHOLDERS
from dashboard.export.archive import NOTES, Order, files
from dashboard.export.find import find_run, label_of
from dashboard.export.render import FORMATS
from dashboard.figures import FIGURES
from dashboard.figures.selection import telling_class
from hmw_core.command_line import door
from hmw_core.errors import UsageError, pick
from hmw_core.experiments.sweeps import read_sweep
from hmw_core.log.layout import write_whole


@dataclass(frozen=True, kw_only=True)
class Options:
    """Write figures of a run with their captions, their data, and a report, without a browser."""

    run: tyro.conf.Positional[str]
    """A run's folder, or its name in data/runs."""
    out: tyro.conf.Positional[Path]
    """Folder to write to."""
    formats: Annotated[tuple[str, ...], tyro.conf.arg(help=", ".join(FORMATS))] = ("pdf",)
    figures: Annotated[
        tuple[str, ...],
        tyro.conf.arg(help=f"paper (those of the paper), all, or some of {', '.join(FIGURES)}"),
    ] = ("paper",)
    size: Annotated[
        str, tyro.conf.arg(help=f"{', '.join(SIZES)}, or inches", aliases=["--width"])
    ] = "aaai-column"
    font: Annotated[str, tyro.conf.arg(help=", ".join(FONTS))] = "dejavu"
    palette: Annotated[str, tyro.conf.arg(help=", ".join(PALETTES))] = "safe"
    letters: bool = False
    """Call panels (a), (b), ..."""
    titles: Annotated[
        str,
        tyro.conf.arg(
            help="Title of each panel, such as '{recipe}, $\\\\eta$ = {noise_rate}'; placeholders: "
            f"{', '.join(PLACEHOLDERS)}"
        ),
    ] = ""
    report: bool = False
    """Write report.html, too."""
    class_name: Annotated[str | None, tyro.conf.arg(name="class")] = None
    """Class, by name or number, or all. Default: the one of the most mislabeled samples."""
    others: Annotated[tuple[str, ...], tyro.conf.arg(name="with")] = ()
    """Runs drawn beside RUN where a figure compares runs."""
    samples: tuple[int, ...] = ()
    """Samples of Figs. 1 to 3, instead of those of the rule."""
    epoch: int | None = None
    """Last epoch used."""
    sweep: Path | None = None
    """Folder of a sweep over alpha and beta, for Fig. 7."""
    network: int = 1
    """Network whose log is drawn, of a run that trained several."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code: 2 for a user's mistake, which is said."""
    return door(Options, "python -m dashboard.export", _export, argv)


def _export(given: Options) -> int:
    order = _order(given)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    with bar:
        task = bar.add_task("", total=None)

        def told(done: int, total: int, what: str) -> None:
            bar.update(task, completed=done, total=total, description=what)

        made = files(order, told)
        figures = 0
        for stem, group in groupby(made, lambda file: Path(file[0]).stem):
            parts = list(group)
            if stem == Path(NOTES).stem:
                for line in parts[0][1].decode().splitlines():
                    print(f"not shown: {line}")
                continue
            verbs = [_write(given.out / name, data) for name, data in parts]
            endings = ", ".join(Path(name).suffix[1:] for name, _ in parts)
            print(f"{verbs[0]} {given.out / stem}: {endings}")
            figures += 1
    if not figures:
        raise UsageError(f"nothing to write: no figure of run {order.runs[0].name!r} can be shown")
    return 0


def _order(given: Options) -> Order:
    runs = [find_run(given.run, given.network), *map(find_run, given.others)]
    for format in given.formats:
        pick(dict.fromkeys(FORMATS, ""), format, "format")
    if given.class_name is None:
        label: int | None = telling_class(runs[0])
    elif given.class_name == "all" and "all" not in runs[0].class_names:
        label = None
    else:
        label = label_of(runs[0], given.class_name)
    return Order(
        runs=runs,
        figures=given.figures,
        formats=list(dict.fromkeys(given.formats)),
        typography=Typography(
            _size(given.size), given.font, given.palette, letters=given.letters, title=given.titles
        ),
        choices={
            "given_label": label,
            "sample_ids": list(given.samples) or None,
            "epoch": given.epoch,
        },
        sweep=None if given.sweep is None else read_sweep(given.sweep),
        report=given.report,
    )


def _size(text: str) -> str | float:
    """Return the name of a size, or the inches that a number says."""
    try:
        return float(text)
    except ValueError:
        return text


def _write(path: Path, data: bytes) -> str:
    """Write one file whole; return what to say of it."""
    verb = "replaced" if os.path.exists(path) else "wrote"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, data)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from None
    return verb


if __name__ == "__main__":
    sys.exit(main())
