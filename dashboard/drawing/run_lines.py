"""Runs as lines of a figure: their colours, and what legends call them."""

from collections.abc import Iterable

# Tol's bright set: a run is neither a class nor a group, and all six stand on white and on dark.
RUN_COLOURS = ("#4477AA", "#EE6677", "#228833", "#CCBB44", "#66CCEE", "#AA3377")


def run_colours(runs: Iterable[str]) -> dict[str, str]:
    """Return the colour of each run, by the order of their names; beyond six they repeat.

    So a run has one colour in all figures of the same runs, whichever was chosen first.
    """
    names = sorted(set(runs))
    return {name: RUN_COLOURS[number % len(RUN_COLOURS)] for number, name in enumerate(names)}


def below(row: int, n_seeds: int) -> list[float]:
    """Return where the points of seeds stand: below their mean's row, one under another."""
    return [row + 0.2 + 0.16 * seed / max(n_seeds - 1, 1) for seed in range(n_seeds)]
