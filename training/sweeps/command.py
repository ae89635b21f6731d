"""`python -m training sweep`: from its options to a sweep, and what the terminal shows of it."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hmw_core.errors import UsageError
from hmw_core.experiments import sweeps
from hmw_core.experiments.sweeps import Sweep
from training.sweeps.grid import given_fields, grid_cells, parse_grid, train_words
from training.sweeps.named import NAMED_SWEEPS
from training.sweeps.named_sweep import planned
from training.sweeps.plan import plan, run_cells
from training.sweeps.processes import Job, epochs_done, is_finished

WIDE = 160  # letters of a table that goes to a file


def sweep_by_options(options: Any, arguments: Sequence[str], console: Console) -> bool:
    """Do what `python -m training sweep` is asked, and return whether a training failed.

    Parameters
    ----------
    options : SweepOptions
        A RunConfig with `name`, `grid`, `seeds`, `processes`, `dry_run`, `save_as` and `sweeps`.
    arguments : sequence of str
        The words they were parsed from: only what these name is shared by all cells.
    console : Console
    """
    given = given_fields(options, arguments)
    first = given.pop("seed", 0)
    seeds = range(first, first + options.seeds)
    about: dict[str, Any] = {
        "command": shlex.join(["python", "-m", "training", "sweep", *arguments])
    }
    named = NAMED_SWEEPS.get(options.name)
    if named is not None and not options.grid:
        whole = planned(options.name, named, given, options.rows, options.columns)
        given, cells, name = whole.base, whole.cells, options.save_as or whole.name
        about |= whole.about
    else:
        if options.rows or options.columns:
            raise UsageError("--rows and --columns restrict a named sweep; of a grid name less")
        if not options.grid:
            raise UsageError(
                f"--grid says what varies, as in --grid alpha=0,10,100; without it NAME is one of "
                f"{', '.join(NAMED_SWEEPS)}, got {options.name!r}"
            )
        cells = grid_cells(parse_grid(options.grid))
        name = options.save_as or options.name
    folder = Path(options.sweeps)
    if options.dry_run:
        show_plan(*plan(name, given, cells, seeds, folder, about), folder / name, console)
        return False
    sweep = run_cells(name, given, cells, seeds, folder, options.processes, console, about=about)
    show(sweep, console)
    return sweep.status == "failed"


def show_plan(jobs: Sequence[Job], info: Mapping[str, Any], place: Path, console: Console) -> None:
    """Print what would be trained, and what of it is there."""
    n_done = 0
    for job in jobs:
        done = epochs_done(job)
        finished = job.kept["status"] == "finished" or is_finished(job.folder)
        n_done += finished
        state = (
            "finished" if finished else f"epoch {done} of {job.config.epochs}" if done else "new"
        )
        words = shlex.join(train_words(job.config))
        _say(console, f"{job.folder.name}: {state}\n    train {words}")
    n_cells = len({job.kept["cell"] for job in jobs})
    n_seeds = len({job.kept["seed"] for job in jobs})
    _say(
        console,
        f"{len(jobs)} trainings in {place}: {n_cells} settings x {n_seeds} seeds; "
        f"{n_done} of them finished",
    )


def show(sweep: Sweep, console: Console) -> None:
    """Print the sweep's table and what must be said beside it, and why trainings failed."""
    cells = sweeps.display_table(sweep)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in cells.columns:
        table.add_column(Text(name), justify="left" if name == "Setting" else "right")
    for row in cells.itertuples(index=False):
        table.add_row(*map(Text, row))
    console.print()
    (console if console.is_terminal else Console(file=console.file, width=WIDE)).print(table)
    failed = [t for t in sweep.info["trainings"] if t["status"] == "failed"]
    for line in (
        "",
        sweeps.caption(sweep),
        *sweep.info["notes"],
        *(f"Failed: {training['run']}: {training['error']}" for training in failed),
        "",
        f"Kept in {sweep.folder}: results.csv, results.md, results.tex, and the runs; "
        f"./run_dashboard.sh --runs {shlex.quote(str(sweep.folder))} opens them.",
    ):
        _say(console, line)


def _say(console: Console, line: str) -> None:
    whole = not console.is_terminal  # a file's lines need no breaking
    console.print(line, markup=False, highlight=False, soft_wrap=whole)
