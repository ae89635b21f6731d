"""A table as it is shown, as text for a spreadsheet, a README or a paper."""

import re
from collections.abc import Callable

import pandas as pd

from hmw_core.review.label_files import guard

UNKNOWN = "–"
_NUMBER = re.compile(r"[+-]?\d[\d,]*(\.\d+)?([eE][+-]?\d+)?")
_MARKDOWN = str.maketrans({c: f"\\{c}" for c in "\\`*_[]{}<>|$~&#!"})
_LATEX = str.maketrans(
    {c: f"\\{c}" for c in "&%$#_{}"}
    | {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        '"': "''",
        "`": r"\textasciigrave{}",
        "–": "--",
        "−": "$-$",
        "±": r"$\pm$",
        "×": r"$\times$",
        "≤": r"$\leq$",
        "≥": r"$\geq$",
        "→": r"$\rightarrow$",
        "α": r"$\alpha$",
        "β": r"$\beta$",
        "ρ": r"$\rho$",
        "…": r"\ldots{}",
        "’": "'",
        "“": "``",
        "”": "''",
    }
)


def to_csv(table: pd.DataFrame) -> bytes:
    """Return a table as CSV in UTF-8, in which no text is read as a formula.

    Parameters
    ----------
    table : DataFrame
        As shown. An index with a name, or of anything but 0, 1, ..., comes first.

    Returns
    -------
    bytes
        Numbers with all their digits, nothing for a missing value. A text, or a column's title,
        that a spreadsheet would run gets an apostrophe before it; a text that is a number none.
    """
    whole = _with_index(table)
    for column in whole.columns:
        if not pd.api.types.is_numeric_dtype(whole[column]):
            whole[column] = whole[column].astype("object").map(_guarded)
    whole.columns = pd.Index([_guarded(str(column)) for column in whole.columns])
    return whole.to_csv(index=False, lineterminator="\n").encode()


def to_markdown(table: pd.DataFrame, caption: str) -> str:
    r"""Return a table as a Markdown pipe table under its caption; no cell is read as markup.

    Parameters
    ----------
    table : DataFrame
        As `to_csv`'s. Numbers are cut to three decimals and stand at the right.
    caption : str
        Plain text.

    Examples
    --------
    >>> print(to_markdown(pd.DataFrame({"name": ["a|b"], "share": [0.25]}), "One row."), end="")
    One row.
    <BLANKLINE>
    | name | share |
    | :--- | ---: |
    | a\|b | 0.250 |
    """
    whole = _with_index(table)
    lines = [
        _row([markdown(str(column)) for column in whole.columns]),
        _row(["---:" if _at_right(whole.iloc[:, k]) else ":---" for k in range(whole.shape[1])]),
        *(_row(cells) for cells in _cells(whole, markdown)),
    ]
    return "\n".join([markdown(caption), "", *lines, ""])


def to_latex(table: pd.DataFrame, caption: str) -> str:
    """Return a table as a LaTeX `table` in `booktabs` style; no cell is read as a command.

    Parameters
    ----------
    table, caption
        As `to_markdown`'s.
    """
    whole = _with_index(table)
    columns = "".join("r" if _at_right(whole.iloc[:, k]) else "l" for k in range(whole.shape[1]))
    heading = " & ".join(latex(str(column)) for column in whole.columns)
    # A cell that begins with one of these would be taken for an argument of the line break.
    rows = [
        f"{'{}' if cells[0][:1] in ('[', '*') else ''}{' & '.join(cells)} \\\\"
        for cells in _cells(whole, latex)
    ]
    return "\n".join(
        [
            "% needs \\usepackage{booktabs}",
            "\\begin{table}",
            "\\centering",
            f"\\caption{{{latex(caption)}}}",
            f"\\begin{{tabular}}{{{columns}}}",
            "\\toprule",
            f"{heading} \\\\",
            "\\midrule",
            *rows,
            "\\bottomrule",
            "\\end{tabular}",
            "\\end{table}",
            "",
        ]
    )


def markdown(text: str) -> str:
    """Return a text that Markdown shows letter by letter, on one line."""
    return " ".join(text.split()).translate(_MARKDOWN)


def latex(text: str) -> str:
    """Return a text that LaTeX sets letter by letter, on one line; a number's minus as a minus."""
    line = " ".join(text.split())
    if line.startswith("-") and _NUMBER.fullmatch(line):
        return f"$-${line[1:]}"
    return line.translate(_LATEX)


def _with_index(table: pd.DataFrame) -> pd.DataFrame:
    """Return a copy with the index as its first columns, where it says anything."""
    plain = isinstance(table.index, pd.RangeIndex) and table.index.name is None
    if plain:
        return table.copy()
    index = table.index.to_frame(index=False)
    index.columns = pd.Index(["" if name is None else name for name in table.index.names])
    return pd.concat([index, table.reset_index(drop=True)], axis=1)


def _guarded(value: object) -> object:
    if not isinstance(value, str) or _NUMBER.fullmatch(value):
        return value
    return guard(value)


def _at_right(column: pd.Series) -> bool:
    if pd.api.types.is_bool_dtype(column):
        return False
    if pd.api.types.is_numeric_dtype(column):
        return True
    said = [str(value) for value in column.dropna()]
    numbers = [text for text in said if text != UNKNOWN]
    return bool(numbers) and all(_NUMBER.match(text) for text in numbers)


def _cells(table: pd.DataFrame, escape: Callable[[str], str]) -> list[list[str]]:
    columns = [[escape(_said(value)) for value in table.iloc[:, k]] for k in range(table.shape[1])]
    return [list(cells) for cells in zip(*columns, strict=True)]


def _said(value: object) -> str:
    if value is None or value is pd.NA or value != value:
        return UNKNOWN
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
