"""What stands below each exported figure, for people and for LaTeX."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.export.tables import latex, markdown

IN_LATEX = ("pdf", "png")  # what LaTeX includes; the first one there is, is included


@dataclass(frozen=True)
class Captioned:
    """An exported figure: the stem of its files, their formats, and its caption as plain text."""

    stem: str
    formats: Sequence[str]
    caption: str


def first_sentence(caption: str) -> str:
    """Return what a picture's alternative text says.

    Examples
    --------
    >>> first_sentence("Loss of 3 samples at 0.5 noise. Seed 0.")
    'Loss of 3 samples at 0.5 noise.'
    """
    return re.split(r"(?<=\.) ", caption, maxsplit=1)[0]


def captions_md(figures: Sequence[Captioned]) -> str:
    """Return each figure's files and caption as Markdown; no name is read as markup."""
    parts = ["# Captions\n"]
    for figure in figures:
        files = ", ".join(f"`{figure.stem}.{format}`" for format in figure.formats)
        parts.append(f"**{files}** {markdown(figure.caption)}\n")
    return "\n".join(parts)


def figures_tex(figures: Sequence[Captioned], *, wide: bool) -> str:
    r"""Return every figure as a LaTeX float with its caption and label; nothing without any.

    Parameters
    ----------
    figures : sequence of Captioned
    wide : bool
        Whether they span both columns of a page, `figure*`.

    Examples
    --------
    >>> print(figures_tex([Captioned("fig1-a", ["pdf"], "50 % wrong.")], wide=False), end="")
    % Put these files beside your paper, \usepackage{graphicx} into its head, and \input{figures}.
    <BLANKLINE>
    \begin{figure}[t]
    \centering
    \includegraphics[width=\columnwidth]{fig1-a.pdf}
    \caption{50 \% wrong.}
    \label{fig:fig1-a}
    \end{figure}
    """
    kind, width = ("figure*", "textwidth") if wide else ("figure", "columnwidth")
    floats = []
    for figure in figures:
        format = next((name for name in IN_LATEX if name in figure.formats), None)
        if format is not None:
            floats.append(
                f"\n\\begin{{{kind}}}[t]\n\\centering\n"
                f"\\includegraphics[width=\\{width}]{{{figure.stem}.{format}}}\n"
                f"\\caption{{{latex(figure.caption)}}}\n"
                f"\\label{{fig:{figure.stem}}}\n\\end{{{kind}}}\n"
            )
    how = (
        "% Put these files beside your paper, \\usepackage{graphicx} into its head, "
        "and \\input{figures}.\n"
    )
    return how + "".join(floats) if floats else ""
