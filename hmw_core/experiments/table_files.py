"""The files of a sweep's results: of the paper's tables with all that the page says of them."""

import pandas as pd

from hmw_core.experiments import sweeps
from hmw_core.experiments.paper import PAPER_NOTE, paper_row
from hmw_core.experiments.paper_sources import row_source
from hmw_core.experiments.paper_tables import (
    EFFECT,
    cells_table,
    column_titles,
    detail,
    effects,
    effects_text,
    is_paper_table,
    missing_words,
    overview,
    sources_table,
    table_caption,
)
from hmw_core.experiments.sweeps import Sweep, latex_text, pipe_table, sweep_table
from hmw_core.log import layout
from hmw_core.spreadsheet import csv_bytes

PACKAGES = "% needs \\usepackage{booktabs,graphicx}\n"
SOURCES = "What is known of the paper's numbers, row by row."


def write_results(sweep: Sweep) -> None:
    """Write `results.csv`, `results.md` and `results.tex` into a sweep.

    Of a table of the paper's `results.csv` has a row a cell, with the paper's number and what the
    sources say of it; `effects.csv` has what HMW changes, `trainings.csv` one row a training.
    """
    if not is_paper_table(sweep):
        sweeps.write_results(sweep)
        return
    write = layout.write_whole
    write(sweep.folder / "results.csv", csv_bytes(cells_csv(sweep)))
    write(sweep.folder / "effects.csv", csv_bytes(effects(sweep)))
    write(sweep.folder / "trainings.csv", csv_bytes(sweep_table(sweep)))
    write(sweep.folder / "results.md", table_markdown(sweep).encode())
    write(sweep.folder / "results.tex", table_latex(sweep).encode())


def cells_csv(sweep: Sweep) -> pd.DataFrame:
    """Return `cells_table` with what the sources say of the row that each number stands beside."""
    cells = cells_table(sweep)
    beside = cells.dropna(subset="paper")["row"].unique()
    found = {row: row_source(sweep.info["named"], paper_row(row)) for row in beside}
    said = {row: source.text for row, source in found.items() if source is not None}
    return cells.drop(columns="cell").assign(source=cells["row"].map(said).fillna(""))


def table_markdown(sweep: Sweep, level: int = 1) -> str:
    """Return the whole table in Markdown; its heading has so many `#`."""
    head = "#" * level
    parts = [f"{head} {sweep.info['title'] or sweep.name}"]
    for title, table, caption in table_parts(sweep, with_sources=True):
        parts += [f"{head}# {title}", caption, pipe_table(table)]
    parts += [f"{head}# What must be said beside it", *table_notes(sweep)]
    return "\n\n".join(parts) + "\n"


def table_latex(sweep: Sweep) -> str:
    """Return the whole table in LaTeX: a `table` each, none wider than the page."""
    texts = [f"{PACKAGES}% {' '.join(str(sweep.info['title'] or sweep.name).split())}"]
    for title, table, caption in table_parts(sweep, with_sources=True):
        wide = ["p{0.5\\textwidth}" if "say" in str(name) else "l" for name in table]
        tex = table.to_latex(
            index=False,
            escape=True,
            caption=latex_text(f"{title}. {caption}"),
            column_format="".join(wide),
        )
        tex = tex.replace("\\begin{tabular}", "\\resizebox{\\textwidth}{!}{%\n\\begin{tabular}")
        texts.append(tex.replace("\\end{tabular}", "\\end{tabular}}"))
    return "\n".join([*texts, *(f"% {note}" for note in table_notes(sweep)), ""])


def table_parts(sweep: Sweep, *, with_sources: bool = False) -> list[tuple[str, pd.DataFrame, str]]:
    """Return title, table and caption of each part of a table."""
    caption = table_caption(sweep)
    parts = [("The table, last epoch", overview(sweep), table_caption(sweep, "last_accuracy"))]
    parts += [(column, detail(sweep, column), caption) for column in column_titles(sweep)]
    changed = effects_text(sweep)
    parts += [("Where HMW helps, where it harms", changed, EFFECT)] if len(changed) else []
    told = ("What the sources say of the paper's rows", sources_table(sweep), SOURCES)
    return [*parts, told] if with_sources else parts


def table_notes(sweep: Sweep) -> list[str]:
    """Return what must be said beside a table: what is missing, then how it was made."""
    missing = missing_words(sweep) or ["Nothing of the table is missing."]
    of_table_1 = [PAPER_NOTE] if sweep.info["named"] == "table-1" else []
    return [*missing, *sweep.info["notes"], *of_table_1]
