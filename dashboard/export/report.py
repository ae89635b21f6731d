"""The report of a run: one HTML file that holds all it shows, for the screen and for print."""

import base64
import html
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from dashboard.drawing.style import PLAIN, TEXT, Typography
from dashboard.export import report_tables
from dashboard.export.captions import first_sentence
from dashboard.export.places import without_places
from dashboard.export.prepared import Prepared, prepare_figures
from dashboard.export.render import typeset_bytes
from dashboard.export.report_review import (
    MOST_SUSPECTS,
    corrections,
    labels_table,
    suspects,
    verdict_counts,
)
from dashboard.export.report_tables import LARGEST_MATRIX, Rows
from dashboard.figures import FIGURES
from dashboard.figures.base import FigureSpec
from dashboard.figures.runs.sweep_figures import SWEEP_FIGURES
from dashboard.presenters.summary import description, notes_of
from hmw_core.criteria.compute import without_absent
from hmw_core.criteria.of_run import main_criteria_of, pick_criterion, title_of
from hmw_core.errors import UsageError
from hmw_core.experiments.paper import PAPER_NOTE
from hmw_core.log.reader import RunReader

STYLE = """
:root { color-scheme: light }
body { font: 15px/1.5 system-ui, sans-serif; color: #222; background: #fff;
  max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.7rem; margin-bottom: 0; overflow-wrap: anywhere }
h2 { font-size: 1.25rem; margin-top: 2.5rem; border-bottom: 1px solid #ccc; break-after: avoid }
.about { color: #555 }
.scroll { overflow-x: auto }
table { border-collapse: collapse; margin: .7rem 0; font-size: .85rem; line-height: 1.35 }
caption { text-align: left; padding: .3rem 0; color: #555 }
th, td { padding: .15rem .6rem; border-bottom: 1px solid #ddd; text-align: right;
  vertical-align: top; font-variant-numeric: tabular-nums }
th { border-bottom: 1px solid #888; font-weight: 600; vertical-align: bottom }
th:first-child, td:first-child, .words td, .words th { text-align: left }
td { white-space: nowrap }
.words td, td:first-child { white-space: normal; overflow-wrap: break-word }
figure { margin: 1.5rem 0 2.5rem; break-inside: avoid }
figure img { width: 100%; height: auto }
figcaption { font-size: .9rem; color: #444; max-width: 45rem }
nav { columns: 2; font-size: .9rem; margin-top: 1.5rem }
nav ol { margin: 0; padding-left: 1.4rem } nav li { break-inside: avoid }
figure[data-sample] { overflow: hidden; break-inside: avoid }
.warning { border-left: .3rem solid #d55e00; padding: .1rem .8rem }
@media print {
  body { font-size: 9.5pt; max-width: none; margin: 0; padding: 0 }
  table { font-size: 7.5pt } tr { break-inside: avoid } .scroll { overflow: visible }
  @page { margin: 15mm }
}
"""

ACCURACY_HEADING = ["accuracy (%)", "last", "best", "mean of last 10", "paper"]
COUNT_HEADING = ["given label", "samples", "clean", "mislabeled", "unknown", "mislabeled (%)"]
DETECTION_HEADING = [
    "criterion",
    "AUROC",
    "95 % interval",
    "difference",
    "95 % interval",
    "average precision",
    "precision",
    "recall",
    "clean",
    "mislabeled",
]
CONTESTS = {
    "all": "All clean samples against the mislabeled ones",
    "hard clean": "Only the clean samples of largest last loss against the mislabeled ones",
}


def report_html(
    run: RunReader,
    others: Sequence[RunReader] = (),
    choices: Mapping[str, Any] | None = None,
    prepared: Prepared | None = None,
    typography: Typography = PLAIN,
    told: Callable[[str], None] = lambda title: None,
) -> str:
    """Return the report of a run as one HTML file, without a script and without a place on a disk.

    Parameters
    ----------
    run : RunReader
    others : sequence of RunReader
        Runs that accuracies and clusters are compared with.
    choices : mapping, optional
        As `options_of`'s.
    prepared : Prepared, optional
        The figures. Default: the paper's, prepared with `choices`.
    typography : Typography
        Of the figures, at the width of a page.
    told : callable
        Called with a figure's title before it is typeset.
    """
    prepared = prepared or prepare_figures([run, *others], None, choices)
    pictures, review = _suspects_and_review(run)
    sections = {
        "The run": _facts(run),
        "Suspects": pictures,
        "Verdicts and corrections": review,
        "Accuracy": _accuracy([run, *others]),
        "Which criterion finds the mislabeled samples": _detection(run, prepared, choices or {}),
        "Labels": _noise(run),
        "Figures": _figures(prepared, replace(typography, size=TEXT), told),
        "What could not be shown": _not_shown(prepared),
        "Where this comes from": _provenance(run),
    }
    shown = {f"part-{n}": part for n, part in enumerate(sections.items(), 1) if part[1]}
    body = "".join(
        f'<section id="{anchor}">\n<h2>{name}</h2>\n{part}</section>\n'
        for anchor, (name, part) in shown.items()
    )
    contents = "".join(
        f'<li><a href="#{anchor}">{name}</a>{_figure_links(prepared) * (name == "Figures")}</li>\n'
        for anchor, (name, _) in shown.items()
    )
    title = _text(f"Run {run.name}")
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
        f'<p class="about">{_text(description(run))}</p>\n'
        f'<nav aria-label="Contents"><ol>\n{contents}</ol></nav>\n{body}</body>\n</html>\n'
    )


def _text(text: str) -> str:
    """Return a text that is not ours as HTML, without the places that it names."""
    return html.escape(without_places(text))


def _figure_links(prepared: Prepared) -> str:
    links = [f'<a href="#{n}">{_text(_spec(n).title)}</a>' for n in prepared.tables]
    return f"<br><small>{' · '.join(links)}</small>"


def _spec(name: str) -> FigureSpec:
    return (FIGURES | SWEEP_FIGURES)[name]


def _suspects_and_review(run: RunReader) -> tuple[str, str]:
    """Return the pictures of the most suspicious samples, and what people made of them.

    Where the log can give no suspects, both say so.
    """
    try:
        table = labels_table(run)
        if not table["suspicion_rank"].notna().any():
            raise UsageError(f"run {run.name!r} has no sample with a score yet")
        criterion = pick_criterion(run, table.attrs["provenance"]["criterion"])
        pictures = suspects(run, table, "" if criterion.unit == "1" else criterion.unit)
    except UsageError as reason:
        return f'<p class="about">{_text(str(reason))}.</p>\n', ""
    known = " An orange edge marks those whose true label differs." if run.has_true_label else ""
    about = (
        f"The {min(MOST_SUSPECTS, len(table))} most suspicious of {len(table):,} samples by "
        f"{criterion.title}, the most suspicious first: its place and score, the label that the "
        f"training itself suggests, and the verdict where somebody gave one.{known}"
    )
    return f'<p class="about">{_text(about)}</p>\n{pictures}\n', _review(table)


def _review(table: pd.DataFrame) -> str:
    counts = verdict_counts(table)
    if not counts:
        return '<p class="about">Nobody has judged a sample of this run yet.</p>\n'
    n_changed = int(table["changed"].sum())
    parts = [_table(["verdict", "samples", "by"], counts)]
    if n_changed:
        rows = corrections(table)
        more = f", the first {len(rows):,} of them" if n_changed > len(rows) else ""
        caption = f"{n_changed:,} corrected labels{more}, the most suspicious first"
        heading = ["sample", "given", "new", "by", "when (UTC)", "note"]
        parts.append(_table(heading, rows, caption=caption, words=True))
    return "".join(parts)


def _facts(run: RunReader) -> str:
    trouble = notes_of(run)
    warning = "".join(f'<p class="warning">{_text(sentence)}</p>\n' for sentence in trouble)
    return warning + _table([], report_tables.facts(run), words=True)


def _accuracy(runs: Sequence[RunReader]) -> str:
    rows = report_tables.accuracies(runs)
    note = ""
    if any(row[-1] != report_tables.UNKNOWN for row in rows):
        note = f'<p class="about">{html.escape(PAPER_NOTE)}</p>\n'
    return _table(ACCURACY_HEADING, rows) + note


def _detection(run: RunReader, prepared: Prepared, choices: Mapping[str, Any]) -> str:
    """Return both contests, computed here where the figure was not asked for."""
    at_hand = prepared
    if "detection" not in {**prepared.tables, **prepared.reasons}:
        at_hand = prepare_figures([run], ["detection"], choices)
    if "detection" in at_hand.reasons:
        return f"<p>{_text(at_hand.reasons['detection'])}.</p>\n"
    table = at_hand.tables["detection"]
    first = table.iloc[0]
    reference = title_of(next(iter(without_absent(main_criteria_of(run), run))))
    about = (
        f"Of {first['class_name']}, epoch {first['epoch']}. An AUROC of 0.5 is chance. The "
        f"difference is to {reference}, on the same samples; intervals: {first['interval']}. "
        "Precision and recall are those of flagging as many samples as are mislabeled."
    )
    parts = [f'<p class="about">{_text(about)}</p>\n']
    for contest in table["contest"].unique():
        caption = CONTESTS[contest]
        if contest == "hard clean":
            caption = f"{caption} ({100 * first['hard_fraction']:g} % of the clean ones)"
        rows = report_tables.detection(table, contest)
        parts.append(_table(DETECTION_HEADING, rows, caption=caption))
    return "".join(parts)


def _noise(run: RunReader) -> str:
    parts = [_table(COUNT_HEADING, report_tables.class_counts(run))]
    matrix = prepare_figures([run], ["noise_matrix"]).tables.get("noise_matrix")
    if matrix is not None and run.n_classes <= LARGEST_MATRIX:
        heading, rows = report_tables.noise_matrix(matrix)
        caption = "Noise matrix: how many samples of a true label (row) were given which label"
        parts.append(_table(heading, rows, caption=caption))
    return "".join(parts)


def _figures(prepared: Prepared, typography: Typography, told: Callable[[str], None]) -> str:
    parts = []
    for name, table in prepared.tables.items():
        figure = _spec(name)
        told(figure.title)
        drawn = typeset_bytes(figure, table, "svg", typography, outlined=True)
        picture = base64.b64encode(drawn).decode("ascii")
        caption = figure.caption(table)
        paper = f" ({html.escape(figure.paper)} of the paper)" if figure.paper else ""
        parts.append(
            f'<figure id="{name}">\n'
            f'<img alt="{_text(first_sentence(caption))}" '
            f'src="data:image/svg+xml;base64,{picture}">\n'
            f"<figcaption><b>{html.escape(figure.title)}</b>{paper}. {_text(caption)} "
            f"<i>{html.escape(figure.look_for)}</i></figcaption>\n</figure>\n"
        )
    return "".join(parts)


def _not_shown(prepared: Prepared) -> str:
    if not prepared.reasons:
        return ""
    rows = [[_spec(name).title, reason] for name, reason in prepared.reasons.items()]
    return _table(["figure", "why"], rows, words=True)


def _provenance(run: RunReader) -> str:
    parts = [
        _table([], report_tables.provenance(run), words=True),
        _table(
            ["criterion", "title", "unit", "direction", "source"],
            report_tables.criteria(),
            caption="Criteria",
            words=True,
        ),
    ]
    settings = report_tables.configuration(run)
    if settings:
        parts.append(_table([], settings, caption="Configuration", words=True))
    return "".join(parts)


def _table(heading: Sequence[str], rows: Rows, *, caption: str = "", words: bool = False) -> str:
    """Return a table with every cell escaped; `words` aligns all of it to the left."""
    top = f"<thead>{_row('th', heading)}</thead>" if heading else ""
    body = "\n".join(_row("td", row) for row in rows)
    said = f"<caption>{html.escape(caption)}</caption>" if caption else ""
    kind = ' class="words"' if words else ""
    return f'<div class="scroll"><table{kind}>{said}{top}<tbody>{body}</tbody></table></div>\n'


def _row(tag: str, cells: Iterable[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{_text(cell)}</{tag}>" for cell in cells) + "</tr>"
