"""Runs as lines of a figure: their colours, and what legends call them."""

from collections.abc import Iterable

from dashboard.drawing.text import shorten

# Tol's bright set: a run is neither a class nor a group, and all six stand on white and on dark.
RUN_COLOURS = ("#4477AA", "#EE6677", "#228833", "#CCBB44", "#66CCEE", "#AA3377")


def run_colours(runs: Iterable[str]) -> dict[str, str]:
    """Return the colour of each run, in the order in which they come; beyond six they repeat."""
    names = list(dict.fromkeys(runs))
    return {name: RUN_COLOURS[number % len(RUN_COLOURS)] for number, name in enumerate(names)}


def short_names(runs: Iterable[str], limit: int) -> dict[str, str]:
    """Return what legends call the runs: cut in the middle, unless that makes two the same."""
    names = list(dict.fromkeys(runs))
    short = {name: shorten(name, limit) for name in names}
    return short if len(set(short.values())) == len(names) else {name: name for name in names}
