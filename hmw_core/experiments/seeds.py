"""Which runs are one recipe with other seeds, and whether their samples can be paired."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from hmw_core.log.reader import RunReader

# Settings that name a run or say how it was computed, and decide nothing about the recipe.
NO_RECIPE = {"seed", "run", "runs", "workers", "device"}


def siblings(run: RunReader, runs: Sequence[RunReader]) -> list[RunReader]:
    """Return the runs made as `run` was in all but the seed, by seed; `run` is among them.

    Parameters
    ----------
    run : RunReader
    runs : sequence of RunReader
        Where to look.

    Returns
    -------
    list of RunReader
        One a seed, `run` for its own: a second run of one seed is no second draw. Another run
        belongs to them if its configuration differs in nothing but `NO_RECIPE` and it was trained
        on as many samples of the same classes of a data set of the same name. Their noise, and
        which samples were drawn, may differ where the seed decides these: see `same_labels`. A run
        without a configuration (not made by `python -m training`) has siblings where recipe,
        epochs, noise and weighting are the same. A run without a seed has no other.
    """
    found = {run.info.get("seed"): run}
    if run.info.get("seed") is not None:
        made = _recipe(run)
        for other in runs:
            seed = other.info.get("seed")
            if seed is not None and seed not in found and _recipe(other) == made:
                found[seed] = other
    return [found[seed] for seed in sorted(found, key=lambda seed: seed or 0)]


def same_labels(a: RunReader, b: RunReader) -> bool:
    """Tell whether two runs share samples and given labels, so that samples can be paired."""
    one, two = (run.info["dataset"] for run in (a, b))
    if one["fingerprint"] != two["fingerprint"] or one["n_samples"] != two["n_samples"]:
        return False
    given = [run.samples()["given_label"].to_numpy() for run in (a, b)]
    return bool(np.array_equal(*given))


def _recipe(run: RunReader) -> dict[str, Any]:
    """Return what decides a run but its seed; a setting that is None is as good as absent."""
    info = run.info
    dataset = info["dataset"]
    about = {name: dataset.get(name) for name in ("name", "n_samples", "class_names")}
    config = info.get("config")
    if config:
        settings = {k: v for k, v in config.items() if k not in NO_RECIPE and v is not None}
        return about | {"config": settings}
    noise = info.get("noise") or {}
    return about | {
        "recipe": info.get("recipe"),
        "n_epochs": run.n_epochs,
        "noise": (noise.get("name"), noise.get("rate")),
        "weighting": info.get("weighting"),
    }
