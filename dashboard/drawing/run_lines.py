"""Runs as lines of a figure: their colours, and what legends call them."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from dashboard.drawing.marks import Line
from dashboard.drawing.text import short_names

# Tol's bright set: a run is neither a class nor a group, and all six stand on white and on dark.
RUN_COLOURS = ("#4477AA", "#EE6677", "#228833", "#CCBB44", "#66CCEE", "#AA3377")


def run_colours(runs: Iterable[str]) -> dict[str, str]:
    """Return the colour of each run, by the order of their names; beyond six they repeat.

    So a run has one colour in all figures of the same runs, whichever was chosen first.
    """
    names = sorted(set(runs))
    return {name: RUN_COLOURS[number % len(RUN_COLOURS)] for number, name in enumerate(names)}


def run_names(table: pd.DataFrame, limit: int) -> dict[str, str]:
    """Return what legends call the runs of a table: with their pass, where passes differ."""
    names = short_names(table["run"], limit)
    if table["pass"].nunique() == 1:
        return names
    passes = table.drop_duplicates("run").set_index("run")["pass"]
    return {run: f"{name}, {passes[run]} pass" for run, name in names.items()}


def key(name: str, dash: str) -> Line:
    """Return a line of the legend alone, which says what a dash means for all runs."""
    return Line([np.nan, np.nan], [np.nan, np.nan], name=name, dash=dash)


def below(row: int, n_seeds: int) -> list[float]:
    """Return where the points of seeds stand: below their mean's row, one under another."""
    return [row + 0.2 + 0.16 * seed / max(n_seeds - 1, 1) for seed in range(n_seeds)]
