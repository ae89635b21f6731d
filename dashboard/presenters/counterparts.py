"""Which runs belong beside a run: those that the paper would set there."""

from collections.abc import Sequence
from typing import Any

from hmw_core.log.reader import RunReader

MOST_BESIDE = 3  # with the run itself as many panels as the paper's Fig. 4
# In what a run differs from another first, the closest kind first.
OTHER_RECIPE, OTHER_RATE, OTHER_RUN, OTHER_NOISE, OTHER_DATA = range(5)


def counterparts(run: RunReader, runs: Sequence[RunReader]) -> list[RunReader]:
    """Return the other runs in the order in which one would compare this run with them.

    On the same data come first, by fingerprint: those of the same noise and another recipe (as the
    paper sets CCE beside CCE+HMW), then those of the same recipe and another rate, then the rest.
    Among these, the same seed comes before another, the same loss before another, and as many
    epochs before fewer; equals keep their order, which of `runs.all_runs` is the newest first.
    """
    return sorted(
        (other for other in runs if other.name != run.name), key=lambda other: _distance(run, other)
    )


def beside(run: RunReader, runs: Sequence[RunReader]) -> list[RunReader]:
    """Return the runs that stand beside this one before anyone chose, at most `MOST_BESIDE`.

    One of another recipe under the same noise, and where this recipe was run at another rate, too,
    that run and its own counterpart: the four panels of the paper's Fig. 4. Runs of other data or
    of another kind of noise are none of them.
    """
    ranked = counterparts(run, runs)
    other_recipe = next((r for r in ranked if _kind(run, r) == OTHER_RECIPE), None)
    other_rate = next((r for r in ranked if _kind(run, r) == OTHER_RATE), None)
    both = None
    if other_recipe is not None and other_rate is not None:
        both = next(
            (
                r
                for r in counterparts(other_rate, runs)
                if _kind(other_rate, r) == OTHER_RECIPE and _recipe(r) == _recipe(other_recipe)
            ),
            None,
        )
    return [found for found in (other_recipe, other_rate, both) if found is not None]


def in_papers_order(runs: Sequence[RunReader]) -> list[RunReader]:
    """Return runs as the paper's panels stand: by rate, and unweighted before weighted."""
    return sorted(runs, key=lambda run: (_noise(run)[1] or 0.0, _recipe(run).count("+")))


def _kind(run: RunReader, other: RunReader) -> int:
    """Return which of the kinds the other run is."""
    if _fingerprint(other) != _fingerprint(run):
        return OTHER_DATA
    if _noise(other) == _noise(run):
        return OTHER_RECIPE if _recipe(other) != _recipe(run) else OTHER_RUN
    same_recipe, same_name = _recipe(other) == _recipe(run), _noise(other)[0] == _noise(run)[0]
    return OTHER_RATE if same_recipe and same_name else OTHER_NOISE


def _distance(run: RunReader, other: RunReader) -> tuple[Any, ...]:
    return (
        _kind(run, other),
        other.last_epoch == 0,
        other.info["dataset"]["name"] != run.info["dataset"]["name"],
        _noise(other)[0] != _noise(run)[0],
        other.info.get("seed") != run.info.get("seed"),
        _recipe(other).split("+")[0] != _recipe(run).split("+")[0],
        max(run.last_epoch - other.last_epoch, 0),
    )


def _fingerprint(run: RunReader) -> str:
    return str(run.info["dataset"]["fingerprint"])


def _noise(run: RunReader) -> tuple[str | None, float | None]:
    noise = run.info.get("noise") or {}
    return noise.get("name"), noise.get("rate")


def _recipe(run: RunReader) -> str:
    return run.info.get("recipe") or ""
