"""Samples and class vectors in the plane: what the tables of Figs. 4, 5 and 6 have in common.

A row per point: `panel` (its title), `kind` (`sample` or `class`), `sample_id`, `class_name` (of a
class vector), `x`, `y`, `value` (a category, or a number on the colour scale), `group` (for the
marker), `n_samples` (how many the panel stands for), `axes` and `map_epoch` (how it was made).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.colors import to_hex

from dashboard.drawing.facts import facts_of
from dashboard.drawing.robust import Window, outside_words, robust_window
from dashboard.drawing.style import (
    CLASS_COLOURS,
    GREY,
    GROUP_COLOURS,
    GROUP_MARKERS,
    STAR,
    colour_map,
)
from hmw_core.log.reader import RunReader

LEGEND_UP_TO = 20  # categories, and stars: more would hide the figure
REST = "#B9C4CF"  # of the classes that are not highlighted
STARS_WITHIN = 0.4  # of the samples' range, at each side, in which stars widen it
FLATTEST = 0.7  # a panel's height over its width, in the units of its axes
TURNS, FEW_GROUPS = 12, 3
STAR_EDGE = "#444444"


class Entry(NamedTuple):
    """A line of the legend."""

    name: str
    colour: str
    marker: str


@dataclass(frozen=True)
class Look:
    """What a colour says: one of some categories, or a number between `low` and `high`.

    `colours` are roles, such as `mislabeled`, or `#RRGGBB`.
    """

    title: str = ""
    colours: dict[str, str] = field(default_factory=dict)
    markers: dict[str, str] = field(default_factory=dict)
    low: float = 0.0
    high: float = 1.0
    is_round: bool = False
    """Whether both axes have one scale, as a circle needs."""

    def painted(self, colour: Callable[[str], str]) -> "Look":
        """Return the look with the colours of its roles."""
        return replace(self, colours={name: colour(role) for name, role in self.colours.items()})

    def share(self, value: pd.Series) -> np.ndarray:
        """Return where numbers lie on the colour scale, in [0, 1]."""
        width = max(self.high - self.low, 1e-12)
        return np.clip((value.to_numpy(dtype=float) - self.low) / width, 0.0, 1.0)

    def colours_of(self, value: pd.Series) -> list[str]:
        """Return the colour of each category or number."""
        if self.colours:
            return [self.colours[name] for name in value]
        return [to_hex(colour_map()(share)) for share in self.share(value)]

    def marker(self, name: str) -> str:
        """Return the marker of a category or group, as plotly calls it."""
        return self.markers.get(name, "circle")

    def star(self, class_name: str) -> str:
        """Return the colour of a class vector's star: its class's where colours are classes."""
        return self.colours.get(class_name, STAR)


def group_look(table: pd.DataFrame) -> Look:
    """Return the look of clean, mislabeled and unknown samples."""
    present = set(table["value"].dropna())
    roles = {name: name for name in GROUP_COLOURS if name in present}
    return Look(colours=roles, markers=GROUP_MARKERS)


def class_look(table: pd.DataFrame) -> Look:
    """Return the look of classes from `value`, `value_label` and `colour`.

    Beyond ten classes, colours repeat.
    """
    classes = table.dropna(subset="value").drop_duplicates("value").sort_values("value_label")
    return Look(
        title=str(table["colour"].iloc[0]).replace("_", " "),
        colours={
            name: REST
            if name == "other classes"
            else GREY
            if pd.isna(label)
            else CLASS_COLOURS[int(label) % len(CLASS_COLOURS)]
            for name, label in zip(classes["value"], classes["value_label"], strict=True)
        },
    )


@dataclass(frozen=True)
class CloudPanel:
    """A panel of a cloud, with what it says of itself.

    `samples` lie in `window`, which a few far ones do not stretch; those are in `outside`, at its
    edge. `vectors` are the class vectors, none where there are too many stars to tell apart.
    """

    title: str
    count: str
    facts: Mapping[str, str]
    samples: pd.DataFrame
    outside: pd.DataFrame
    vectors: pd.DataFrame
    window: Window


def panels(table: pd.DataFrame, look: Look) -> list[CloudPanel]:
    """Return the panels of a table."""
    return [_panel(str(title), part, look) for title, part in table.groupby("panel", sort=False)]


def _panel(title: str, part: pd.DataFrame, look: Look) -> CloudPanel:
    is_sample = part["kind"] == "sample"
    samples, vectors = part[is_sample], part[~is_sample]
    x, y = samples["x"].to_numpy(float), samples["y"].to_numpy(float)
    said = _count(part, look)
    if len(vectors) > LEGEND_UP_TO:
        said += f", no stars for {len(vectors)} class vectors"
        vectors = vectors[:0]
    window = _with_stars(robust_window(x, y), vectors)
    window = window.no_flatter_than(1.0 if look.is_round else FLATTEST)
    outside, edge_x, edge_y = window.edge_of(x, y)
    if outside.any():
        said += f". {outside_words(int(outside.sum()))}"
    far = vectors.assign(
        x=vectors["x"].clip(window.left, window.right),
        y=vectors["y"].clip(window.bottom, window.top),
    )
    if not vectors[["x", "y"]].equals(far[["x", "y"]]):
        said += " A class vector lies outside, its star at the edge."
    return CloudPanel(
        title,
        said,
        facts_of(samples),
        samples[~outside],
        samples[outside].assign(x=edge_x, y=edge_y),
        far,
        window,
    )


def _with_stars(window: Window, vectors: pd.DataFrame) -> Window:
    """Return the window with the stars in it, unless they would leave little room for samples."""
    if vectors.empty:
        return window
    free_x = STARS_WITHIN * (window.right - window.left)
    free_y = STARS_WITHIN * (window.top - window.bottom)
    x, y = vectors["x"], vectors["y"]
    return Window(
        max(min(window.left, x.min() - 0.1 * free_x), window.left - free_x),
        min(max(window.right, x.max() + 0.1 * free_x), window.right + free_x),
        max(min(window.bottom, y.min() - 0.1 * free_y), window.bottom - free_y),
        min(max(window.top, y.max() + 0.1 * free_y), window.top + free_y),
    )


def highlighted(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of classes in which, of more than `LEGEND_UP_TO`, one has a colour.

    It is the largest: more colours cannot be told apart, and repeated they would say nothing.
    """
    known = table.dropna(subset="value_label")
    if known["value"].nunique() <= LEGEND_UP_TO:
        return table
    largest = known["value"].value_counts().index[0]
    is_other = table["value"].notna() & table["value"].ne(largest)
    return table.assign(value=table["value"].mask(is_other, "other classes"))


def legend_entries(table: pd.DataFrame, look: Look) -> list[Entry]:
    """Return the legend: categories, or groups where the colour is a number, and the star."""
    samples = table[table["kind"] == "sample"]
    if look.colours:
        shown = look.colours if len(look.colours) <= LEGEND_UP_TO else {}
        entries = [Entry(name, colour, look.marker(name)) for name, colour in shown.items()]
    else:
        present = set(samples["group"])
        entries = [Entry(n, GREY, marker) for n, marker in look.markers.items() if n in present]
    stars = table[table["kind"] == "class"].groupby("panel").size()
    if len(stars) and stars.min() <= LEGEND_UP_TO:
        has_class_colours = bool(look.colours) and not look.markers
        colour = GREY if has_class_colours else STAR
        entries.append(Entry("class vector", colour, "star"))
    return entries


def in_turns(samples: pd.DataFrame, by: str) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the groups of `by` in shuffled portions, in turns, so that none covers another.

    With more than a few groups every one comes once: they rarely overlap as two groups do.
    """
    shuffled = samples.iloc[np.random.default_rng(0).permutation(len(samples))]
    n_turns = TURNS if 1 < shuffled[by].nunique() <= FEW_GROUPS else 1
    size = -(-len(shuffled) // n_turns)
    for start in range(0, len(shuffled), max(size, 1)):
        for name, part in shuffled.iloc[start : start + size].groupby(by, sort=True):
            yield str(name), part


def panel_names(runs: Sequence[RunReader]) -> list[str]:
    """Return the name of each run, with a number where another run has the same."""
    names = [run.name for run in runs]
    return [
        name if names.count(name) == 1 else f"{name} ({names[: at + 1].count(name)})"
        for at, name in enumerate(names)
    ]


def _count(part: pd.DataFrame, look: Look) -> str:
    drawn, stands_for = int(part["kind"].eq("sample").sum()), int(part["n_samples"].iloc[0])
    first = part.iloc[0]
    missing = f" ({stands_for - drawn:,} more have no place)" if stands_for > drawn else ""
    by = f" coloured by {look.title}" if look.colours and look.title else ""
    return f"{drawn:,} samples{missing}{by}, {first['axes']} after epoch {first['map_epoch']}"
