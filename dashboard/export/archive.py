"""Figures and a report of a run as files, or as one zip of them."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from dashboard.drawing.style import PLAIN, SIZES, Typography
from dashboard.export.captions import Captioned, captions_md, figures_tex
from dashboard.export.names import figure_stem, sweep_stem
from dashboard.export.places import without_places
from dashboard.export.prepared import Prepared, figures_of, options_of, prepare_figures
from dashboard.export.render import PLOTLY, export_figure, plotly_code
from dashboard.export.report import report_html
from dashboard.figures import FIGURES
from dashboard.figures.runs.sweep_figures import SWEEP_FIGURES
from hmw_core.errors import UsageError
from hmw_core.experiments.sweeps import Sweep
from hmw_core.log.reader import RunReader
from hmw_core.samples.origin import origin_of

NOTES = "not-shown.txt"
COLUMN = SIZES["aaai-column"]  # inches; a wider figure spans both columns
OF_SWEEP = "sweep_curves"  # the paper's Fig. 7
ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can hold; the same files, the same bytes

Told = Callable[[int, int, str], None]
"""Called before each step: steps done, steps in all, what comes next."""


@dataclass(frozen=True)
class Order:
    """What is to be exported.

    Parameters
    ----------
    runs : sequence of RunReader
        The run, then those that figures of several runs show beside it.
    figures : sequence of str
        As `figures_of`'s.
    formats : sequence of str
        Of `FORMATS`.
    typography : Typography
    choices : mapping
        As `options_of`'s.
    sweep : Sweep, optional
        Whose Fig. 7 is exported, too.
    of_sweep : mapping
        Options of Fig. 7's `prepare`.
    report : bool
        Whether `report.html` comes with the figures.
    """

    runs: Sequence[RunReader]
    figures: Sequence[str] = ("paper",)
    formats: Sequence[str] = ("pdf",)
    typography: Typography = PLAIN
    choices: Mapping[str, Any] = field(default_factory=dict)
    sweep: Sweep | None = None
    of_sweep: Mapping[str, Any] = field(default_factory=dict)
    report: bool = False


def _silent(done: int, total: int, what: str) -> None:
    """Tell nobody."""


def zip_of(order: Order, told: Told = _silent) -> bytes:
    """Return the files of an export as a zip.

    Raises
    ------
    UsageError
        If a figure or format is unknown. Figures that cannot be shown are listed with the reason
        in `not-shown.txt`.
    """
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files(order, told):
            entry = zipfile.ZipInfo(name, ZIP_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return file.getvalue()


def files(order: Order, told: Told = _silent) -> Iterator[tuple[str, bytes]]:
    """Yield the name and bytes of each file of an export: figures, captions, where it came from.

    A figure's files follow one another, and `told` is called before the first of them.
    """
    runs = order.runs
    names = figures_of(order.figures, len(runs))
    total = len(names) + (order.sweep is not None) + order.report
    whole = Prepared()
    made = []
    for done, name in enumerate(names):
        told(done, total, FIGURES[name].title)
        prepared = prepare_figures(runs, [name], order.choices)
        whole.reasons.update(prepared.reasons)
        for table in prepared.tables.values():
            whole.tables[name] = table
            shown = runs if FIGURES[name].many else runs[:1]
            label = options_of(name, order.choices).get("given_label")
            stem = figure_stem(name, FIGURES[name], shown, label)
            made.append(Captioned(stem, order.formats, FIGURES[name].caption(table)))
            yield from _figure(name, table, stem, order)
    if order.sweep is not None:
        told(len(names), total, SWEEP_FIGURES[OF_SWEEP].title)
        try:
            table = SWEEP_FIGURES[OF_SWEEP].prepare(order.sweep, **order.of_sweep)
        except UsageError as reason:
            whole.reasons[OF_SWEEP] = str(reason)
        else:
            stem = sweep_stem(OF_SWEEP, SWEEP_FIGURES[OF_SWEEP], order.sweep.name)
            made.append(Captioned(stem, order.formats, SWEEP_FIGURES[OF_SWEEP].caption(table)))
            yield from _figure(OF_SWEEP, table, stem, order)
    if made:
        yield from _beside(order, made)
    if whole.reasons:
        lines = [f"{name}: {without_places(why)}\n" for name, why in whole.reasons.items()]
        yield NOTES, "".join(lines).encode()
    if order.report:
        told(total - 1, total, "Report")
        report = report_html(runs[0], runs[1:], order.choices, whole, order.typography)
        yield "report.html", report.encode()


def _figure(name: str, table: pd.DataFrame, stem: str, order: Order) -> Iterator[tuple[str, bytes]]:
    for format in order.formats:
        yield f"{stem}.{format}", export_figure(name, table, format, order.typography, alone=False)


def _beside(order: Order, made: Sequence[Captioned]) -> Iterator[tuple[str, bytes]]:
    """Yield the files that stand beside the figures."""
    if "html" in order.formats:
        yield PLOTLY, plotly_code()
    yield "captions.md", captions_md(made).encode()
    floats = figures_tex(made, wide=order.typography.inches > COLUMN)
    if floats:
        yield "figures.tex", floats.encode()
    about = [origin_of(run) for run in order.runs]
    yield "provenance.json", f"{json.dumps(about, indent=1)}\n".encode()
