"""What the files of figures are called: number in the paper, figure, class and runs."""

import re
import unicodedata
from collections.abc import Sequence

from dashboard.drawing.text import shorten
from dashboard.figures.base import FigureSpec
from hmw_core.file_names import file_name
from hmw_core.log.reader import RunReader

LONGEST_CLASS, LONGEST_RUN = 24, 40  # letters of a name


def figure_stem(
    name: str, figure: FigureSpec, runs: Sequence[RunReader], given_label: int | None = None
) -> str:
    """Return the name of a figure's files without their ending: `fig1-curves-ship-digits-CCE`.

    Letters, digits and `- _ + =` only, which every system, LaTeX and every address take as they
    are. Of a class or run whose name says more than that, as one in Chinese does, the class's
    number or the data set's fingerprint keeps files apart.

    Parameters
    ----------
    name : str
        The figure's key in its registry.
    figure : FigureSpec
    runs : sequence of RunReader
        Those that are drawn. Beside the first one, the others are counted.
    given_label : int, optional
        The class that is drawn, where it is one.
    """
    parts = [_place(name, figure)]
    if given_label is not None:
        parts.append(_plain(runs[0].class_names[given_label], LONGEST_CLASS, f"class{given_label}"))
    parts.append(_plain(runs[0].name, LONGEST_RUN, runs[0].info["dataset"]["fingerprint"][:4]))
    if len(runs) > 1:
        parts.append(f"and-{len(runs) - 1}-more")
    return file_name("-".join(parts), "")


def sweep_stem(name: str, figure: FigureSpec, sweep: str) -> str:
    """Return the same of a figure of a sweep, by the sweep's name."""
    return file_name(f"{_place(name, figure)}-{_plain(sweep, LONGEST_RUN, '')}", "")


def _place(name: str, figure: FigureSpec) -> str:
    """Return the figure's number in the paper, if it has one, and its name."""
    number = re.search(r"\d+", figure.paper)
    return (f"fig{number[0]}-" if number else "") + name.replace("_", "-")


def _plain(text: str, limit: int, otherwise: str) -> str:
    """Return a name with plain letters only; where that or a cut loses some, with `otherwise`."""
    letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    whole = re.sub(r"[^A-Za-z0-9_+=]+", "-", letters).strip("-")
    plain = shorten(whole, limit).replace("…", "-")
    if plain and (plain == text or not otherwise):
        return plain
    return f"{plain}-{otherwise}".strip("-")
