"""Make a run of another program's log: `python -m hmw_core.importers KIND SOURCE --run NAME`."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from hmw_core.command_line import door
from hmw_core.criteria.compute import by_reason
from hmw_core.file_names import check_folder_name
from hmw_core.importers import IMPORTERS
from hmw_core.importers.base import ImportOptions
from hmw_core.importers.write import import_run

KINDS = "; ".join(f"{name}: {importer.reads}" for name, importer in IMPORTERS.items())


@dataclass(frozen=True, kw_only=True)
class Arguments(ImportOptions):
    """Make a run of another program's log, which the dashboard then shows as far as it goes."""

    kind: Annotated[str, tyro.conf.Positional, tyro.conf.arg(help=KINDS)]
    source: tyro.conf.Positional[Path]
    """File or folder to import."""
    run: str
    """Name of the run."""
    runs: Path = Path("data/runs")
    """Folder of the runs."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code: 2 for a user's mistake, which is said."""
    return door(Arguments, "python -m hmw_core.importers", _import, arguments)


def _import(given: Arguments) -> int:
    check_folder_name(given.run, "--run")
    run = import_run(given.kind, given.source, given.runs / given.run, given)
    epochs = "1 epoch" if run.last_epoch == 1 else f"{run.last_epoch} epochs"
    print(f"{run.folder}: {run.n_samples:,} samples, {epochs}")
    for warning in run.warnings:
        print(f"  note: {warning.text}")
    for reason, what in by_reason(run.absent).items():
        print(f"  no {', '.join(what)}: {reason}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
