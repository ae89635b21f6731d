"""Names that users gave, made safe to draw: plotly reads HTML, and both read `$` as mathematics."""

import html
import re
import textwrap
import unicodedata
from collections.abc import Iterable, Mapping

import matplotlib as mpl

from hmw_core.errors import UsageError

# What a title's template may ask for, of a panel's run or sample.
PLACEHOLDERS = {
    "panel": "what the panel is called without a template",
    "run": "the run's name",
    "recipe": "its recipe",
    "dataset": "its data set",
    "noise": "the kind of noise",
    "noise_rate": "the noise rate",
    "seed": "the training's seed",
    "class": "the class shown",
    "epoch": "the last epoch shown",
}
TEX_ESCAPES = str.maketrans(
    {letter: f"\\{letter}" for letter in "$&#_%{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    | {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}"}
)
TEX_KNOWS = "–—‘’“”…•"  # beyond the Latin letters, without another package
MATHEMATICS = re.compile(r"(\$[^$]*\$)")


def on_screen(text: str) -> str:
    """Return `text` so that plotly shows it letter by letter: no HTML, no mathematics, no field."""
    return html.escape(text, quote=False).replace("$", "&#36;").replace("%{", "%&#123;")


def on_paper(text: str) -> str:
    r"""Return `text` so that Matplotlib shows it letter by letter.

    Examples
    --------
    >>> print(on_paper("cost $5"))
    cost \$5
    """
    if mpl.rcParams["text.usetex"]:
        return _in_tex(text)
    escaped = text.replace("$", r"\$")
    # Matplotlib leaves entries that begin with an underscore out of a legend.
    return "\u200b" + escaped if escaped.startswith("_") else escaped


def _in_tex(text: str) -> str:
    foreign = [letter for letter in text if letter > "\u024f" and letter not in TEX_KNOWS]
    if foreign:
        raise UsageError(
            f"the font 'latex' has no letter {foreign[0]!r}, which {shorten(text, 60)!r} needs; "
            "'times' and 'dejavu' have it"
        )
    return text.translate(TEX_ESCAPES)


def shorten(text: str, limit: int) -> str:
    """Cut the middle out of a text of more than `limit` letters: names differ at their ends.

    Examples
    --------
    >>> shorten("digits-cce-symmetric-seed-3", 13)
    'digits…seed-3'
    """
    text = " ".join(text.split())
    if len(text) <= limit:
        return text
    head = (limit - 1) // 2
    return text[:head] + "…" + text[len(text) - (limit - 1 - head) :]


def short_names(runs: Iterable[str], limit: int) -> dict[str, str]:
    """Return what legends call these: cut in the middle, unless that makes two the same."""
    names = list(dict.fromkeys(runs))
    short = {name: shorten(name, limit) for name in names}
    return short if len(set(short.values())) == len(names) else {name: name for name in names}


def percent(share: float | None) -> str:
    """Return a share in [0, 1] in per cent, a dash where there is none."""
    return "–" if share is None or share != share else f"{100 * share:.1f} %"


def three_digits(share: float) -> str:
    """Return a number in [0, 1] to three digits; only what is 1 or 0 is shown as such.

    Examples
    --------
    >>> [three_digits(share) for share in (1.0, 0.9997, 0.98765, 0.0002)]
    ['1.000', '>0.999', '0.988', '<0.001']
    """
    if 0.9995 <= share < 1:
        return ">0.999"
    if 0 < share < 0.0005:
        return "<0.001"
    return f"{share:.3f}"


def four_digits(value: float | None) -> str:
    """Return a number to four significant digits, whole ones in full, a dash where there is none.

    Examples
    --------
    >>> [four_digits(value) for value in (0.45062586, 12.3456, 1234.5, 50_000, -2.5e-6, None)]
    ['0.4506', '12.35', '1,234', '50,000', '-2.5e-06', '–']
    """
    if value is None or value != value:
        return "–"
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e15 else f"{value:.4g}"


def mid_sentence(title: str) -> str:
    """Return a title as it stands in the middle of a sentence.

    Examples
    --------
    >>> [mid_sentence(title) for title in ("Mean loss", "HM weight", "IAM")]
    ['mean loss', 'HM weight', 'IAM']
    """
    return title[:1].lower() + title[1:] if title[1:2].islower() else title


def wrap(text: str, limit: int) -> str:
    """Break a text, or each of its lines, into lines of at most `limit` letters."""
    return "\n".join("\n".join(textwrap.wrap(line, limit)) for line in text.split("\n"))


def check_template(template: str) -> None:
    """Refuse a title's template with a placeholder that does not exist.

    Braces inside mathematics are TeX's own unless they hold a placeholder.

    Raises
    ------
    UsageError
        With the placeholders that exist.
    """
    for text in MATHEMATICS.split(template)[::2]:
        for name in re.findall(r"\{([^{}]*)\}", text):
            if name not in PLACEHOLDERS:
                known = ", ".join(f"{{{word}}}" for word in PLACEHOLDERS)
                raise UsageError(f"a title has no placeholder {{{name}}}; it can have {known}")


def title_on_screen(template: str, facts: Mapping[str, str]) -> str:
    r"""Return a template with its facts as plain text, its mathematics in letters.

    A fact that is not known is a question mark.

    Examples
    --------
    >>> title_on_screen(r"{recipe}, $\eta$ = {noise_rate}", {"recipe": "CCE", "noise_rate": "0.5"})
    'CCE, η = 0.5'
    """
    parts = [_filled(part, facts) for part in MATHEMATICS.split(template)]
    return "".join(_letters(part) if n % 2 else part for n, part in enumerate(parts))


def title_on_paper(template: str, facts: Mapping[str, str]) -> str:
    r"""Return a template with its facts as Matplotlib sets it: their letters safe, TeX as it is.

    Examples
    --------
    >>> print(title_on_paper(r"{run}, $\eta = {noise_rate}$", {"run": "a$", "noise_rate": "0.5"}))
    a\$, $\eta{}={}0.5$
    """
    safe = {name: on_paper(fact) for name, fact in facts.items()}
    parts = MATHEMATICS.split(template)
    texts = [
        # A blank means nothing to TeX here, and a line could break at it.
        _filled(part, safe).replace(" ", "{}") if n % 2 else on_paper(_filled(part, facts))
        for n, part in enumerate(parts)
    ]
    return "".join(texts)


def _filled(text: str, facts: Mapping[str, str]) -> str:
    def fact(found: re.Match[str]) -> str:
        name = found.group(1)
        return (facts.get(name) or "?") if name in PLACEHOLDERS else found.group()

    return re.sub(r"\{(\w+)\}", fact, text)


def _letters(mathematics: str) -> str:
    r"""Return TeX as letters: Greek ones by their names, no other command, no braces."""

    def greek(found: re.Match[str]) -> str:
        name = found.group(1)
        size = "CAPITAL" if name[0].isupper() else "SMALL"
        spelt = "LAMDA" if name.lower() == "lambda" else name.upper()
        try:
            return unicodedata.lookup(f"GREEK {size} LETTER {spelt}")
        except KeyError:
            return ""

    return re.sub(r"[\\{}$_^]", "", re.sub(r"\\([A-Za-z]+)", greek, mathematics))
