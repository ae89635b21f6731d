"""Figures and a report of a run as files, or as one zip of them."""

import io
import json
import zipfile
from collections.abc import Iterator, Sequence

from dashboard.export.prepared import Prepared, prepare_figures
from dashboard.export.render import export_figure
from dashboard.export.report import report_html
from hmw_core.log.reader import RunReader
from hmw_core.samples.origin import origin_of

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
        for name, data in files(chosen, prepared, formats, width, report):
            _add(archive, name, data)
        if prepared.reasons:
            lines = [f"{name}: {reason}\n" for name, reason in prepared.reasons.items()]
            _add(archive, NOTES, "".join(lines).encode())
    return file.getvalue()


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name, ZIP_TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, data)


def files(
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
