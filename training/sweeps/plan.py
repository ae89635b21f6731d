"""Sweep: train every cell of a grid with several seeds, each training a process of its own.

Whatever ends it, finished trainings are kept, and the same command continues.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import joblib
from rich.console import Console

from hmw_core.errors import UsageError, pick
from hmw_core.experiments import sweeps
from hmw_core.experiments.sweeps import TRAINING, Sweep
from hmw_core.file_names import check_plain
from hmw_core.log import provenance
from hmw_core.log.lock import Busy, FolderLock
from training.sweeps.grid import Fields, cell_config, grid_cells
from training.sweeps.processes import DECIDE_NOTHING, Job, SweepRun, as_json

LONGEST = 90  # letters of a run's name


def run_sweep(
    name: str,
    base: Mapping[str, Any],
    grid: Mapping[str, Sequence[Any]],
    seeds: Sequence[int],
    folder: Path,
    processes: int | None = None,
    console: Console | None = None,
) -> Sweep:
    """Train every combination of a grid's axes: `grid.grid_cells`, then `run_cells`."""
    return run_cells(name, base, grid_cells(grid), seeds, folder, processes, console)


def run_cells(
    name: str,
    base: Mapping[str, Any],
    cells: Sequence[Mapping[str, Any]],
    seeds: Sequence[int],
    folder: Path,
    processes: int | None = None,
    console: Console | None = None,
    *,
    about: Mapping[str, Any] | None = None,
) -> Sweep:
    """Train each cell with each seed where that has not been done, and return the sweep.

    Parameters
    ----------
    name : str
        The sweep's; its folder is `folder / name`.
    base : mapping
        Fields of RunConfig that all cells share.
    cells : sequence of mappings
        Fields that differ. What base and cell leave open is the recipe's, or RunConfig's default.
    seeds : sequence of int
        Each >= 0.
    folder : Path
        Folder of the sweeps.
    processes : int, optional
        Trainings at a time, >= 1. Default: `default_processes`.
    console : Console, optional
        Where progress is told. Default: the terminal.
    about : mapping, optional
        What else `sweep.json` shall say: `named`, `title`, `notes`, `command`.

    Returns
    -------
    Sweep
        With status `failed` where a training failed twice; its `error` says why.

    Raises
    ------
    UsageError
        If a setting cannot be trained, or the sweep has another base, or is running already.
        Nothing is trained then.
    Stopped
        On Ctrl-C or SIGTERM, after all trainings have stopped.
    """
    place = Path(folder) / name
    jobs, info = plan(name, base, cells, seeds, folder, about)
    check_names(jobs)
    n_processes = processes or default_processes(jobs)
    try:
        place.mkdir(parents=True, exist_ok=True)
        lock = FolderLock(place)
    except Busy:
        raise UsageError(f"the sweep in {place} is being computed by another process") from None
    except OSError as error:
        raise UsageError(f"{place} cannot be made: {error.strerror or error}") from None
    try:
        SweepRun(jobs, info | {"processes": n_processes}, place, console or Console()).train()
    finally:
        lock.free()
    return sweeps.read_sweep(place)


def plan(
    name: str,
    base: Mapping[str, Any],
    cells: Sequence[Mapping[str, Any]],
    seeds: Sequence[int],
    folder: Path,
    about: Mapping[str, Any] | None = None,
) -> tuple[list[Job], dict[str, Any]]:
    """Return the trainings that are wanted and `sweep.json`; nothing is written.

    Trainings that an earlier command finished are kept, also where this one does not name them.
    All cells of a seed come first, so that a sweep that is stopped has comparisons that are whole.

    Raises
    ------
    UsageError
        As `run_cells`.
    """
    check_plain(name, "the sweep's name")
    if not cells or not seeds:
        raise UsageError("a sweep needs at least one cell and one seed")
    place = Path(folder) / name
    base = as_json(base)
    before = _before(place, base)
    known = {_key(cell["fields"]): cell["fields"] for cell in before.get("cells", [])}
    wanted = {_key(cell): dict(cell) for cell in cells}
    all_cells = list((known | wanted).values())
    numbers = {_key(cell): number for number, cell in enumerate(all_cells)}
    described = [_described(base, cell, place) for cell in all_cells]
    kept = [
        training
        for training in before.get("trainings", [])
        if training["status"] == "finished" and (place / training["run"]).is_dir()
    ]
    done = {(training["cell"], training["seed"]): training for training in kept}
    jobs, used = [], {training["run"] for training in kept}
    trainings = []
    for seed in sorted(dict.fromkeys(int(seed) for seed in seeds)):
        for key, cell in wanted.items():
            number = numbers[key]
            training = done.pop((number, seed), None)
            if training is None:
                run = run_name(cell, seed, used)
                training = TRAINING | {"run": run, "cell": number, "seed": seed}
            used.add(training["run"])
            config, _ = cell_config(base, cell, seed, place, training["run"])
            trainings.append(training)
            jobs.append(Job(training, config))
    trainings += done.values()
    trainings.sort(key=lambda training: (training["seed"], training["cell"]))
    info = {
        "format": sweeps.SWEEP_FORMAT,
        "name": name,
        "named": None,
        "title": None,
        "notes": [],
        "command": None,
        **(about or {}),
        "created": before.get("created") or datetime.now(UTC).isoformat(timespec="seconds"),
        "status": "running",
        "error": None,
        "base": base,
        "cells": described,
        "seeds": sorted({training["seed"] for training in trainings}),
        "trainings": trainings,
        "versions": provenance.versions(),
        "commit": provenance.commit(),
    }
    return jobs, info


def run_name(cell: Mapping[str, Any], seed: int, used: set[str]) -> str:
    """Return a name that tells a training from the sweep's others, and that paths and URLs take."""
    parts = [f"{name}={sweeps.value_in_words(value)}" for name, value in cell.items()]
    text = re.sub(r"[^A-Za-z0-9._+=-]+", "-", "-".join([*parts, f"seed={seed}"])).strip(".-")
    if len(text) > LONGEST or text in used:
        digest = hashlib.sha256(_key(cell).encode()).hexdigest()[:8]
        text = f"{text[: LONGEST - 30]}-{digest}-seed={seed}"
    return text


def check_names(jobs: Sequence[Job]) -> None:
    """Refuse an unknown name before anything is trained; loads torch.

    Raises
    ------
    UsageError
        Naming what is known.
    """
    from training.listing import listing

    known = {kind: {m["name"]: m for m in members} for kind, members in listing().items()}
    for name in ("dataset", "noise", "method", "loss", "weighting"):
        members = known["losses" if name == "loss" else f"{name}s"]
        for value in dict.fromkeys(getattr(job.config, name) for job in jobs):
            pick(members, value, "data set" if name == "dataset" else name)


def default_processes(jobs: Sequence[Job]) -> int:
    """Return one training a core; on a GPU one at a time, as nobody knows how many fit in it."""
    from training.devices import choose_device

    on_gpu = any(choose_device(d).type != "cpu" for d in {job.config.device for job in jobs})
    return 1 if on_gpu else joblib.cpu_count()


def _described(base: Mapping[str, Any], cell: Fields, place: Path) -> dict[str, Any]:
    """Return what `sweep.json` says of a cell.

    Of the settled config, what a reader compares with the paper; `departs` says where a cell is
    not its recipe.
    """
    config, departs = cell_config(base, cell, 0, place, "x")
    if config.train_samples is not None:
        departs["train_samples"] = ["all", config.train_samples]
    settled = ("recipe", "dataset", "noise", "noise_rate", "epochs", "alpha", "beta")
    return {
        "fields": as_json(cell),
        "departs": as_json(departs),
        **{name: getattr(config, name) for name in settled},
    }


def _before(place: Path, base: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `sweep.json` that is there, {} where none is."""
    if not (place / "sweep.json").exists():
        return {}
    before = sweeps.read_sweep(place).info
    names = sorted((before["base"].keys() | base.keys()) - set(DECIDE_NOTHING))
    other = [name for name in names if before["base"].get(name) != base.get(name)]
    if other:
        told = ", ".join(
            f"{name} {sweeps.value_in_words(before['base'].get(name))} "
            f"and not {sweeps.value_in_words(base.get(name))}"
            for name in other
        )
        raise UsageError(
            f"the sweep in {place} was begun with {told}; name another sweep, or repeat its command"
        )
    return before


def _key(cell: Mapping[str, Any]) -> str:
    return json.dumps(as_json(cell), sort_keys=True)
