"""The report of a run: one HTML file that holds all it shows, for the screen and for print."""

import base64
import html
from collections.abc import Iterable, Sequence

from dashboard.drawing.style import TEXT
from dashboard.export import report_tables
from dashboard.export.prepared import Prepared, counts_of, prepare_figures
from dashboard.export.render import typeset_bytes
from dashboard.export.report_tables import LARGEST_MATRIX, Rows
from dashboard.figures import FIGURES
from dashboard.presenters.summary import notes_of
from hmw_core.criteria.compute import without_absent
from hmw_core.criteria.of_run import main_criteria_of, title_of
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
    figures: Sequence[str] | None = None,
    given_label: int | None = None,
    prepared: Prepared | None = None,
) -> str:
    """Return the report of a run as one HTML file.

    Parameters
    ----------
    run : RunReader
    others : sequence of RunReader
        Runs that accuracies and clusters are compared with.
    figures : sequence of str, optional
        Names of `FIGURES`. Default: all.
    given_label : int, optional
        The class of the figures that can be of one.
    prepared : Prepared, optional
        What `prepare_figures` returned for just these, where it is at hand.

    Raises
    ------
    UsageError
        If a figure is unknown.
    """
    prepared = prepared or prepare_figures([run, *others], figures, given_label)
    sections = [
        _facts(run),
        _accuracy([run, *others]),
        _detection(run, prepared, given_label),
        _noise(run),
        _figures(prepared),
        _not_shown(prepared),
        _provenance(run),
    ]
    title = html.escape(f"Run {run.name}")
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
        f"{''.join(sections)}</body>\n</html>\n"
    )


def _facts(run: RunReader) -> str:
    trouble = notes_of(run)
    warning = "".join(f'<p class="warning">{html.escape(sentence)}</p>\n' for sentence in trouble)
    return warning + _table([], report_tables.facts(run), words=True)


def _accuracy(runs: Sequence[RunReader]) -> str:
    rows = report_tables.accuracies(runs)
    note = ""
    if any(row[-1] != report_tables.UNKNOWN for row in rows):
        note = f'<p class="about">{html.escape(PAPER_NOTE)}</p>\n'
    return f"<h2>Accuracy</h2>\n{_table(ACCURACY_HEADING, rows)}{note}"


def _detection(run: RunReader, prepared: Prepared, given_label: int | None) -> str:
    """Return both contests, computed here where the figure was not asked for."""
    at_hand = prepared
    if "detection" not in {**prepared.tables, **prepared.reasons}:
        at_hand = prepare_figures([run], ["detection"], given_label)
    heading = "<h2>Which criterion finds the mislabeled samples</h2>\n"
    if "detection" in at_hand.reasons:
        return f"{heading}<p>{html.escape(at_hand.reasons['detection'])}.</p>\n"
    table = at_hand.tables["detection"]
    first = table.iloc[0]
    reference = title_of(next(iter(without_absent(main_criteria_of(run), run))))
    about = (
        f"Of {first['class_name']}, epoch {first['epoch']}. An AUROC of 0.5 is chance. The "
        f"difference is to {reference}, on the same samples; intervals: {first['interval']}. "
        "Precision and recall are those of flagging as many samples as are mislabeled."
    )
    parts = [f'{heading}<p class="about">{html.escape(about)}</p>\n']
    for contest in table["contest"].unique():
        caption = CONTESTS[contest]
        if contest == "hard clean":
            caption = f"{caption} ({100 * first['hard_fraction']:g} % of the clean ones)"
        rows = report_tables.detection(table, contest)
        parts.append(_table(DETECTION_HEADING, rows, caption=caption))
    return "".join(parts)


def _noise(run: RunReader) -> str:
    parts = [
        f"<h2>Labels</h2>\n{_table(COUNT_HEADING, report_tables.class_counts(run))}",
    ]
    matrix = prepare_figures([run], ["noise_matrix"]).tables.get("noise_matrix")
    if matrix is not None and run.n_classes <= LARGEST_MATRIX:
        heading, rows = report_tables.noise_matrix(matrix)
        caption = "Noise matrix: how many samples of a true label (row) were given which label"
        parts.append(_table(heading, rows, caption=caption))
    return "".join(parts)


def _figures(prepared: Prepared) -> str:
    parts = ["<h2>Figures</h2>\n"] if prepared.tables else []
    for name, table in prepared.tables.items():
        figure = FIGURES[name]
        drawn = typeset_bytes(figure, table, "svg", TEXT, outlined=True)
        picture = base64.b64encode(drawn).decode("ascii")
        title = html.escape(figure.title)
        paper = f" ({html.escape(figure.paper)} of the paper)" if figure.paper else ""
        counts = html.escape(counts_of(table))
        parts.append(
            f'<figure id="{name}">\n'
            f'<img alt="{title}" src="data:image/svg+xml;base64,{picture}">\n'
            f"<figcaption><b>{title}</b>{paper}. {html.escape(figure.look_for)}"
            f"{f' <i>{counts}.</i>' if counts else ''}</figcaption>\n</figure>\n"
        )
    return "".join(parts)


def _not_shown(prepared: Prepared) -> str:
    if not prepared.reasons:
        return ""
    rows = [[FIGURES[name].title, reason] for name, reason in prepared.reasons.items()]
    return f"<h2>What could not be shown</h2>\n{_table(['figure', 'why'], rows, words=True)}"


def _provenance(run: RunReader) -> str:
    parts = [
        "<h2>Where this comes from</h2>\n",
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
    return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"
