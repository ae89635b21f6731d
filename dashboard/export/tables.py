"""A table as it is shown, as text for a spreadsheet, a README or a paper."""

import re
import unicodedata
from collections.abc import Callable

import pandas as pd

from hmw_core.spreadsheet import NUMBER, with_index

UNKNOWN = "–"
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
        "γ": r"$\gamma$",
        "η": r"$\eta$",
        "θ": r"$\theta$",
        "°": r"$^\circ$",
        "·": r"$\cdot$",
        "≈": r"$\approx$",
        "…": r"\ldots{}",
        "\u00a0": "~",
        "’": "'",
        "“": "``",
        "”": "''",
    }
)
_OWN = "ßæÆøØœŒłŁı"  # letters without an accent that every LaTeX font can set


def to_markdown(table: pd.DataFrame, caption: str) -> str:
    r"""Return a table as a Markdown pipe table under its caption; no cell is read as markup.

    Parameters
    ----------
    table : DataFrame
        As `csv_bytes`'s. Numbers are cut to three decimals and stand at the right.
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
    whole = with_index(table)
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
    whole = with_index(table)
    rows = _cells(whole, latex)
    for row in rows:  # these would be taken for an argument of the line break before them
        row[0] = f"{'{}' if row[0][:1] in ('[', '*') else ''}{row[0]}"
    at_right = [_at_right(whole.iloc[:, k]) for k in range(whole.shape[1])]
    styler = pd.DataFrame(rows, columns=[latex(str(column)) for column in whole.columns]).style
    return "% needs \\usepackage{booktabs}\n" + styler.hide(axis="index").to_latex(
        caption=latex(caption),
        column_format="".join("r" if right else "l" for right in at_right),
        hrules=True,
        position_float="centering",
    )


def markdown(text: str) -> str:
    """Return a text that Markdown shows letter by letter, on one line."""
    return " ".join(text.split()).translate(_MARKDOWN)


def latex(text: str) -> str:
    """Return a text that LaTeX sets letter by letter, on one line; a number's minus as a minus.

    Letters that pdfLaTeX refuses without further packages are named by their code: `[U+8239]`.
    """
    line = " ".join(re.split(r"[^\S\u00a0]+", text)).strip(" ")
    if line.startswith("-") and NUMBER.fullmatch(line):
        return f"$-${line[1:]}"
    return "".join(c if ord(c) in _LATEX else _set(c) for c in line).translate(_LATEX)


def _set(letter: str) -> str:
    """Return a letter, or its code where LaTeX's first fonts have neither it nor its accent."""
    base = unicodedata.normalize("NFD", letter)[0]
    plain = letter in _OWN or (" " <= base <= "~" and letter < "\u0180")
    return letter if plain else f"[U+{ord(letter):04X}]"


def _at_right(column: pd.Series) -> bool:
    if pd.api.types.is_bool_dtype(column):
        return False
    if pd.api.types.is_numeric_dtype(column):
        return True
    said = [str(value) for value in column.dropna()]
    numbers = [text for text in said if text != UNKNOWN]
    return bool(numbers) and all(NUMBER.match(text) for text in numbers)


def _cells(table: pd.DataFrame, escape: Callable[[str], str]) -> list[list[str]]:
    columns = [[escape(_said(value)) for value in table.iloc[:, k]] for k in range(table.shape[1])]
    return [list(cells) for cells in zip(*columns, strict=True)]


def _said(value: object) -> str:
    if value is None or value is pd.NA or value != value:
        return UNKNOWN
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
