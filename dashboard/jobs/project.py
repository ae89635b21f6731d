"""Map a run's features from the command line, for long jobs: `python -m dashboard.project RUN`."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tyro
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from dashboard.export.find import find_run
from hmw_core.command_line import door
from hmw_core.errors import UsageError
from hmw_core.feature_space.embeddings import TITLES
from hmw_core.feature_space.projection import cached, project


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Map a run's features to a plane and keep the map in the run, where the dashboard finds it."""

    run: tyro.conf.Positional[Path]
    """Run folder, or the name of a run in --runs."""
    runs: Path = Path("data/runs")
    """Folder of runs that a bare name is looked up in."""
    method: Literal["auto", "tsne", "umap", "pca"] = "auto"
    """auto: t-SNE for up to 5,000 samples, UMAP for more."""
    epoch: int | None = None
    """Epoch whose features are mapped. Default: the last that has any."""
    given_label: int | None = None
    """Map only the samples of this class."""
    seed: int = 0
    """The same seed gives the same map."""
    network: int = 1
    """Network whose features are mapped, of a run that trained several."""
    skip_undefined: bool = False
    """Leave out samples whose features are zero or not finite."""
    perplexity: float | None = None
    """Of t-SNE, default 30: about how many neighbours a sample keeps near."""
    n_neighbors: int | None = None
    """Of UMAP, default 15."""
    min_dist: float | None = None
    """Of UMAP, default 0.1: how close samples may lie in the map."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code: 2 for a user's mistake, which is said."""
    return door(Arguments, "python -m dashboard.project", _project, arguments)


def _project(given: Arguments) -> int:
    console = Console(stderr=True)
    run = find_run(str(given.run), given.network, given.runs)
    settings = {
        name: value
        for name in ("perplexity", "n_neighbors", "min_dist")
        if (value := getattr(given, name)) is not None
    }
    chosen = {
        "seed": given.seed,
        "given_label": given.given_label,
        "skip_undefined": given.skip_undefined,
        **settings,
    }
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as bar:
        # Without a total the bar only moves: the search for neighbours reports no steps.
        task = bar.add_task(f"{run.name}: {TITLES.get(given.method, 'map')}", total=None)
        table = project(
            run,
            given.method,
            given.epoch,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
            **chosen,
        )
        bar.update(task, completed=1, total=1)
    kinds = table["kind"].value_counts()
    console.print(
        f"{run.name}: {kinds.get('sample', 0)} samples and {kinds.get('class', 0)} class vectors",
        markup=False,
        highlight=False,
    )
    if cached(run, given.method, given.epoch, **chosen) is None:
        raise UsageError(f"the map was computed but {run.folder} cannot be written to")
    return 0


if __name__ == "__main__":
    sys.exit(main())
