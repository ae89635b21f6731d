"""One look for every figure: the same colour for the same meaning, on screen and on paper.

Colours are Okabe and Ito's, told apart with any colour vision; groups differ in dash and marker
as well, so that a grey print still reads. Mid-tones were chosen that stand on white and on dark.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from shutil import which
from string import ascii_lowercase
from typing import Any

import matplotlib as mpl
import numpy as np
import plotly.graph_objects as go
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap, to_hex
from matplotlib.figure import Figure
from matplotlib.texmanager import TexManager

from dashboard.drawing.text import (
    check_template,
    on_paper,
    shorten,
    title_on_paper,
    title_on_screen,
)
from hmw_core.criteria import NAMED
from hmw_core.errors import UsageError, pick

# Okabe and Ito (2008), "Color Universal Design".
ORANGE, SKY, GREEN, YELLOW = "#E69F00", "#56B4E9", "#009E73", "#F0E442"
BLUE, VERMILION, PURPLE, GREY = "#0072B2", "#D55E00", "#CC79A7", "#8C8C8C"

# A hue has one meaning on a page: what a sample is (this list) has its own five, and logits and
# criteria, drawn beside them, have none of these. Easy and hard are both clean, so both stay cool,
# and mislabeled is the one warm colour.
GROUP_COLOURS = {
    "clean": SKY,
    "easy": GREEN,
    "hard": BLUE,
    "mislabeled": VERMILION,
    "unknown": GREY,
}
GROUP_DASHES = {"clean": "solid", "easy": "solid", "hard": "dash", "mislabeled": "dot"}
GROUP_MARKERS = {
    "clean": "circle",
    "easy": "circle",
    "hard": "diamond",
    "mislabeled": "x",
    "unknown": "circle",
}
# The three logits of Fig. 2, and the areas between them, in the colours of their criteria.
LOGIT_COLOURS = {
    "given_logit": "#882255",
    "other_logit": PURPLE,
    "topk_logit": "#B59B00",
    "aum_area": "#A78BD0",
    "tkum_area": PURPLE,
}

# Golds are losses, violets and pinks margins, olives what is measured by angles.
CRITERION_COLOURS = {
    "last_loss": "#B8860B",
    "mean_loss": "#E3BC5B",
    "aum": "#A78BD0",
    "tkum": PURPLE,
    "iam": "#6A3D9A",
    "iam_no_annealing": "#8E6BBF",
    "hyperspherical_aum": "#7A8B1F",
    "hyperspherical_tkum": "#A9B665",
    "hm_weight": "#5E6B12",
    "confidence": "#A0724E",
}
# Those that differ little in colour differ in dash: losses solid, annealed and weighted dashed.
CRITERION_DASHES = {
    "aum": "dash",
    "tkum": "dash",
    "iam_no_annealing": "dot",
    "hyperspherical_aum": "dashdot",
    "hyperspherical_tkum": "dashdot",
    "hm_weight": "dash",
    "confidence": "dot",
}
# Every other criterion has its family's hue, lighter or darker by its place in the family.
FAMILY_COLOURS = {
    "loss": "#B8860B",
    "margin": "#8E4FBF",
    "hyperspherical": "#7A8B1F",
    "dynamics": "#B0487E",
    "cleanlab": "#8C6D1F",
    "neighbours": "#A5692E",
    "ensemble": "#6B5B95",
    "method": "#B05FA0",
}
SHADES = (0.0, 0.35, -0.3, 0.55)  # towards white, below 0 towards black
DASHES = ("solid", "dash", "dot", "dashdot")
# Ten classes that stay apart (Tol's muted set, its indigo lighter for dark pages, and a blue),
# repeated beyond ten. Grey is none of them: it means unknown.
CLASS_COLOURS = [
    "#4B3FC4",
    "#88CCEE",
    "#44AA99",
    "#117733",
    "#999933",
    "#DDCC77",
    "#CC6677",
    "#882255",
    "#AA4499",
    "#2E86DE",
]
# Ranks of the loss or the margin, of no known group: no colour that claims clean or mislabeled.
RANK_COLOURS = {
    f"{rank}{of}": CLASS_COLOURS[colour]
    for rank, colour in (("low", 2), ("middle", 5), ("high", 8))
    for of in ("", " margin")
}
# The paper's own: the colours of its Fig. 1, and in its Fig. 2 the lines' and the area's.
PAPER_COLOURS = {
    "clean": "#55A868",
    "easy": "#2CA02C",
    "hard": "#D62728",
    "mislabeled": "#1F4FBF",
    "given_logit": "#2CA02C",
    "other_logit": "#1F4FBF",
    "topk_logit": "#D62728",
    "tkum_area": "#1F4FBF",
}
ROLES = GROUP_COLOURS | RANK_COLOURS | LOGIT_COLOURS | {"quiet": GREY}
PALETTES: dict[str, dict[str, str]] = {"safe": {}, "paper": PAPER_COLOURS}
STAR = YELLOW  # of a class vector: the paper's Fig. 6 has a yellow star, too
# Dark is low, in grey too and with any colour vision; no colour of it is the star's yellow.
CONTINUOUS = LinearSegmentedColormap.from_list(
    "continuous", [(0, "#3A0A5C"), (0.3, "#46479A"), (0.6, "#1E9C8B"), (1, "#7BD35A")]
)
# From "the column's is ahead" (or: against each other) over nothing to "the row's is".
DIVERGING = LinearSegmentedColormap.from_list(
    "diverging", [(0, VERMILION), (0.25, "#EDB79A"), (0.5, "#F2F2F2"), (0.75, "#93BBD9"), (1, BLUE)]
)

TEXT, BIGGEST = 7.0, 1.6  # inches from which letters grow with the figure, and how far
# Inches: AAAI's column and text width, a slide; and what the command line calls them.
SIZES = {"aaai-column": 3.3, "aaai-text": TEXT, "slide": 10.0}
WIDTHS = {"column": SIZES["aaai-column"], "text": TEXT, "slide": SIZES["slide"]}

RC: dict[Any, Any] = {  # Matplotlib types its keys as one long Literal
    "font.size": 7.5,
    "axes.titlesize": 8,
    "axes.labelsize": 7.5,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.2,
    "pdf.fonttype": 42,  # TrueType: text stays text, as publishers ask
    "svg.fonttype": "none",
    "savefig.dpi": 300,
    "figure.dpi": 100,
}
# Both ship with Matplotlib: the same file everywhere, and embedded. STIX General is drawn and
# spaced after Times, smaller than DejaVu at the same size, so it is set a little larger.
FONTS: dict[str, dict[Any, Any]] = {
    "dejavu": {"font.family": ["DejaVu Sans"]},
    "times": {"font.family": ["STIXGeneral", "DejaVu Sans"], "mathtext.fontset": "stix"},
    "latex": {"text.usetex": True, "font.family": ["serif"], "font.serif": ["Computer Modern"]},
}
LONGEST_FACT = 28  # letters of a name in a title
LARGER = {"times": 1.12, "latex": 1.12}


@dataclass(frozen=True)
class Typography:
    r"""How a figure is set: its width, letters, colours and the titles of its panels.

    Parameters
    ----------
    size : str or float
        Of `SIZES` or `WIDTHS`, or inches in [2, 40]. The screen has its own width.
    font : str
        `dejavu`, `times` (STIX General, a Times look-alike that can be embedded everywhere) or
        `latex` (set by TeX in its Computer Modern, slowly at first; needs TeX on this machine).
        Only in files.
    palette : str
        `safe` (told apart with any colour vision) or `paper` (easy green, hard red, mislabeled
        blue, and in Fig. 2 a blue and a red line, as in the paper).
    letters : bool
        Whether panels are called (a), (b), ...; a single panel is not.
    title : str
        Of each panel instead of its own, with the placeholders of `PLACEHOLDERS` in braces and
        mathematics between dollar signs: ``{recipe}, $\eta$ = {noise_rate}``. A blank for none.

    Raises
    ------
    UsageError
        If a size, font, palette or placeholder is unknown, or `latex` is asked for without TeX.
    """

    size: str | float = "aaai-column"
    font: str = "dejavu"
    palette: str = "safe"
    letters: bool = False
    title: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.size, str):
            pick(SIZES | WIDTHS, self.size, "width")
        elif not 2.0 <= self.size <= 40.0:
            raise UsageError(f"a figure is 2 to 40 inches wide, not {self.size}")
        pick(FONTS, self.font, "font")
        pick(PALETTES, self.palette, "palette")
        check_template(self.title)
        if self.font == "latex":
            check_tex()

    @property
    def inches(self) -> float:
        """The width of a file."""
        return (SIZES | WIDTHS)[self.size] if isinstance(self.size, str) else float(self.size)

    @property
    def scale(self) -> float:
        """How much larger letters and lines are than in a figure of AAAI's widths."""
        return max(1.0, min(self.inches / TEXT, BIGGEST))

    def title_on_screen(self, at: int, of: int, title: str, facts: Mapping[str, str]) -> str:
        """Return the title of a panel, the `at`-th `of` so many, as plain text."""
        made = title_on_screen(self.title, _short(facts, title)) if self.title else title
        return self._letter(at, of) + made.strip()

    def title_on_paper(self, at: int, of: int, title: str, facts: Mapping[str, str]) -> str:
        """Return the same as Matplotlib sets it."""
        made = title_on_paper(self.title, _short(facts, title)) if self.title else ""
        return self._letter(at, of) + (made if self.title else on_paper(title)).strip()

    def _letter(self, at: int, of: int) -> str:
        return f"({ascii_lowercase[at % 26]}) " if self.letters and of > 1 else ""

    def colour(self, role: str) -> str:
        """Return the colour of a role or of a criterion; `#RRGGBB` is itself."""
        return PALETTES[self.palette].get(role) or colour(role)


PLAIN = Typography()


def _short(facts: Mapping[str, str], title: str) -> dict[str, str]:
    """Return the facts of a title, long names cut in the middle: a title has a line or two."""
    return {name: shorten(fact, LONGEST_FACT) for name, fact in facts.items()} | {"panel": title}


def colour(role: str) -> str:
    """Return the colour of a role of `ROLES` or of a criterion; `#RRGGBB` is itself."""
    return role if role.startswith("#") else ROLES.get(role) or criterion_colour(role)


def dash(role: str) -> str:
    """Return the dash of a role's line, as plotly calls it."""
    if role.startswith("#") or role in ROLES:
        return GROUP_DASHES.get(role, "solid")
    return criterion_dash(role)


def symbol(role: str) -> str:
    """Return the marker of a role's points, as plotly calls it."""
    return GROUP_MARKERS.get(role, "circle")


def role_looks(roles: Sequence[str]) -> list[tuple[str, str]]:
    """Return a role or colour and a dash for each role or group; of the same role, dashes differ.

    What is no known role has a class's colour.
    """
    looks: list[tuple[str, str]] = []
    for number, role in enumerate(roles):
        shade = role if role in ROLES else CLASS_COLOURS[number % len(CLASS_COLOURS)]
        first = DASHES.index(dash(role)) + list(roles[:number]).count(role)
        looks.append((shade, DASHES[first % len(DASHES)]))
    return looks


def translucent(shade: str, alpha: float) -> str:
    """Return `#RRGGBB` as plotly's rgba text; `alpha` in [0, 1]."""
    red, green, blue = (int(shade[at : at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"


def colour_map(diverging: bool = False) -> Colormap:
    """Return the colours of numbers."""
    return DIVERGING if diverging else CONTINUOUS


def colour_scale(diverging: bool = False) -> list[list[Any]]:
    """Return the same as plotly has it."""
    places = np.linspace(0, 1, 33)
    return [[float(at), to_hex(colour_map(diverging)(at))] for at in places]


def ink(share: float, diverging: bool) -> str:
    """Return the colour of a text on its cell; `share` in [0, 1] is the cell's place in the map."""
    red, green, blue, _ = colour_map(diverging)(share)
    return "white" if 0.3 * red + 0.6 * green + 0.1 * blue < 0.5 else "black"


def criterion_colour(name: str) -> str:
    """Return the colour of a criterion, #RRGGBB: its own, or its family's hue."""
    if name in CRITERION_COLOURS:
        return CRITERION_COLOURS[name]
    base = FAMILY_COLOURS[NAMED[name].family if name in NAMED else "method"]
    shade = SHADES[_place(name) % len(SHADES)]
    end = 255 if shade > 0 else 0
    parts = (int(base[at : at + 2], 16) for at in (1, 3, 5))
    return "#" + "".join(f"{round(part + abs(shade) * (end - part)):02X}" for part in parts)


def criterion_dash(name: str) -> str:
    """Return the dash of a criterion's line: colour and dash together are no other's."""
    if name in CRITERION_COLOURS:
        return CRITERION_DASHES.get(name, "solid")
    place = _place(name)
    return DASHES[(place + place // len(SHADES)) % len(DASHES)]


def _place(name: str) -> int:
    """Return how many criteria of the same family, without a colour of their own, come before."""
    if name not in NAMED:  # kept by a run's own method: each run may have others
        return sum(name.encode())
    family = NAMED[name].family
    others = [n for n, c in NAMED.items() if c.family == family and n not in CRITERION_COLOURS]
    return others.index(name)


def check_tex() -> None:
    """Refuse where TeX, or a part of it that Matplotlib needs, is not on this machine.

    Raises
    ------
    UsageError
        With what is missing.
    """
    reason = "" if which("dvipng") else "the program dvipng is not installed"
    try:
        with mpl.rc_context(FONTS["latex"]):
            TexManager.make_dvi("x", 10)  # kept in Matplotlib's cache: once a machine
    except RuntimeError as error:
        found = re.search(r"^! (.*)$", str(error), re.MULTILINE)
        reason = found.group(1) if found else str(error).split("\n")[0]
    if reason:
        raise UsageError(f"the font 'latex' needs all of TeX here, and {reason}; 'times' does not")


@contextmanager
def paper_style(typography: Typography = PLAIN) -> Iterator[None]:
    """Set the fonts and lines of files."""
    larger = typography.scale * LARGER.get(typography.font, 1.0)
    sizes = {k: v * larger for k, v in RC.items() if "size" in k}
    with mpl.rc_context(RC | sizes | FONTS[typography.font]):
        yield


def paper_figure(
    typography: Typography, aspect: float = 0.62, rows: int = 1, columns: int = 1, **options: Any
) -> tuple[Figure, list[Axes]]:
    """Return a Matplotlib figure without pyplot, and its axes, row by row.

    `aspect` is a panel's height over its width. The layout is constrained, so no label is clipped.
    """
    height = typography.inches / columns * aspect * rows
    with paper_style(typography):
        figure = Figure(figsize=(typography.inches, height), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False, **options)
    return figure, list(axes.flat)


def screen_figure(figure: go.Figure, height: int = 380) -> go.Figure:
    """Give a plotly figure the shared look; colours of text and paper stay the theme's own."""
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 36, "b": 8},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0},
        hovermode="closest",
        font={"size": 13},
    )
    figure.update_xaxes(automargin=True, showgrid=False)
    figure.update_yaxes(automargin=True)
    return figure
