"""Figures and a report as files, without a browser: `python -m dashboard.export RUN OUT`."""

import argparse
import io
import json
import os
import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from dashboard.drawing.style import WIDTHS
from dashboard.export.prepared import Prepared, prepare_figures
from dashboard.export.render import FORMATS, export_figure
from dashboard.export.report import report_html
from dashboard.figures import FIGURES
from hmw_core.errors import UsageError, pick
from hmw_core.log.layout import write_whole
from hmw_core.log.reader import RunReader
from hmw_core.samples.origin import origin_of

RUNS = Path("data/runs")
NOTES = "not-shown.txt"
ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can hold; the same files, the same bytes


def export_zip(
    runs: RunReader | Sequence[RunReader],
    figures: Sequence[str] | None = None,
    formats: Sequence[str] = ("pdf",),
    width: str | float = "column",
    *,
    given_label: int | None = None,
    report: bool = False,
) -> bytes:
    """Return figures of a run as a zip of files.

    Parameters
    ----------
    runs : RunReader or sequence of RunReader
        The run; others after it are drawn beside it where a figure compares runs.
    figures : sequence of str, optional
        Names of `FIGURES`. Default: all.
    formats : sequence of str
        Of `FORMATS`.
    width : str or float
        Of `WIDTHS`, or inches.
    given_label : int, optional
        The class of the figures that can be of one.
    report : bool
        Whether `report.html` comes with them.

    Raises
    ------
    UsageError
        If a figure, format or width is unknown. Figures that cannot be shown are listed with the
        reason in `not-shown.txt`.
    """
    chosen = [runs] if isinstance(runs, RunReader) else list(runs)
    prepared = prepare_figures(chosen, figures, given_label)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in _files(chosen, prepared, formats, width, report):
            _add(archive, name, data)
        if prepared.reasons:
            lines = [f"{name}: {reason}\n" for name, reason in prepared.reasons.items()]
            _add(archive, NOTES, "".join(lines).encode())
    return file.getvalue()


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name, ZIP_TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, data)


def _files(
    runs: Sequence[RunReader],
    prepared: Prepared,
    formats: Sequence[str],
    width: str | float,
    report: bool,
) -> Iterator[tuple[str, bytes]]:
    """Yield the name and bytes of each file of an export, and what says where it came from."""
    for name, table in prepared.tables.items():
        for format in formats:
            yield f"{name}.{format}", export_figure(name, table, format, width)
    about = [origin_of(run) for run in runs]
    yield "provenance.json", f"{json.dumps(about, indent=1)}\n".encode()
    if report:
        yield "report.html", report_html(runs[0], runs[1:], prepared=prepared).encode()


def find_run(name: str) -> RunReader:
    """Return a run by its folder's path, or by its name below `$HMW_RUNS` or `data/runs`.

    Raises
    ------
    UsageError
        If there is none, or it cannot be read.
    """
    runs = Path(os.environ.get("HMW_RUNS") or RUNS)
    for folder in (Path(name), runs / name):
        if folder.is_dir():
            return RunReader(folder)
    known = sorted(path.parent.name for path in runs.glob("[!.]*/run.json"))
    raise UsageError(
        f"no run {name!r}: neither a folder nor a run in {runs}, "
        f"which has: {', '.join(known) or 'none'}"
    )


def label_of(run: RunReader, class_name: str) -> int:
    """Return the label of a class by its name, or by its number where no class is called that.

    Raises
    ------
    UsageError
        If there is none; the message lists the classes.
    """
    if class_name in run.class_names:
        return run.class_names.index(class_name)
    by_number = {str(label): label for label in range(run.n_classes)}
    if class_name in by_number:
        return by_number[class_name]
    raise UsageError(
        f"run {run.name!r} has no class {class_name!r}; it has: {', '.join(run.class_names)}"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code: 2 for a user's mistake, which is said."""
    given = _parser().parse_args(argv)
    try:
        return _export(given)
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dashboard.export",
        description="Write figures of a run, their data, and a report, without a browser.",
    )
    parser.add_argument("run", metavar="RUN", help="a run's folder, or its name in data/runs")
    parser.add_argument("out", metavar="OUT", type=Path, help="folder to write to")
    parser.add_argument(
        "--formats", nargs="+", default=["pdf"], metavar="FORMAT", help=", ".join(FORMATS)
    )
    parser.add_argument(
        "--figures",
        nargs="+",
        metavar="FIGURE",
        help=f"default: all, which are {', '.join(FIGURES)}",
    )
    parser.add_argument(
        "--width", default="column", help=f"{', '.join(WIDTHS)} (default: column), or inches"
    )
    parser.add_argument("--report", action="store_true", help="write report.html, too")
    parser.add_argument(
        "--class", dest="class_name", metavar="NAME", help="of the figures that show one class"
    )
    parser.add_argument(
        "--with",
        dest="others",
        nargs="+",
        default=[],
        metavar="RUN",
        help="runs drawn beside RUN where a figure compares runs",
    )
    return parser


def _export(given: argparse.Namespace) -> int:
    runs = [find_run(name) for name in (given.run, *given.others)]
    label = None if given.class_name is None else label_of(runs[0], given.class_name)
    for format in given.formats:
        pick(dict.fromkeys(FORMATS, ""), format, "format")
    prepared = prepare_figures(runs, given.figures, label)
    for name, reason in prepared.reasons.items():
        print(f"not shown: {name}: {reason}")
    if not prepared.tables and not given.report:
        raise UsageError(f"nothing to write: no figure of run {runs[0].name!r} can be shown")
    formats = list(dict.fromkeys(given.formats))
    for name, data in _files(runs, prepared, formats, _width(given.width), given.report):
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
    verb = "replaced" if path.exists() else "wrote"
    try:
        write_whole(path, data)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from None
    print(f"{verb} {path}")


if __name__ == "__main__":
    sys.exit(main())
