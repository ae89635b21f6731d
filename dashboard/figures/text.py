"""Names that users chose (classes, runs) as plotly and Matplotlib may show them.

Plotly reads a little HTML, Matplotlib reads `$` as mathematics and hides a legend entry whose name
begins with an underscore: a class called `<b>x</b>` or `$5` must show as just that.
"""

import html
import textwrap

# DejaVu Sans draws nothing for it, and it takes the place of first character.
ZERO_WIDTH_SPACE = "\u200b"


def screen_text(text: str, length: int = 60) -> str:
    """Return `text` for plotly: shortened to `length` characters, then escaped as HTML."""
    return html.escape(shorten(text, length))


def paper_text(text: str, length: int = 60) -> str:
    r"""Return `text` for Matplotlib: shortened to `length` characters, then `$` escaped.

    Examples
    --------
    >>> print(paper_text("cost $5"))
    cost \$5
    """
    escaped = shorten(text, length).replace("$", r"\$")
    return ZERO_WIDTH_SPACE + escaped if escaped.startswith("_") else escaped


def shorten(text: str, length: int) -> str:
    """Cut the middle out of a text longer than `length`: names often differ at their ends.

    Examples
    --------
    >>> shorten("cifar10-CCE-seed-1", 11)
    'cifar…eed-1'
    """
    text = " ".join(text.split())  # a line break in a name would break a legend
    if len(text) <= length:
        return text
    start = (length - 1) // 2
    return f"{text[:start]}…{text[len(text) - (length - 1 - start) :]}"


def wrap(text: str, length: int) -> str:
    """Break a title of ours into lines of at most `length` characters."""
    return "\n".join(textwrap.wrap(text, length, break_long_words=True))
