"""The command line: python -m training train|resume|prove|sweep|noise|list."""

import dataclasses
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, TextIO, cast

import tyro
from rich.console import Console

from hmw_core.command_line import parse
from hmw_core.errors import UsageError
from hmw_core.processes import PASSIVE
from training.config import RunConfig
from training.lasting_stream import LastingStream
from training.listing import print_list
from training.recipes import recipe_fields

USAGE = """\
usage: python -m training train  [options]       train a run and log every sample of every epoch
       python -m training resume RUN [options]   go on with a run that was stopped
       python -m training prove  RUN --labels FILE [options]   train again on corrected labels
       python -m training sweep  NAME [options]  train a grid of settings, several seeds each
       python -m training noise  FILE [options]  write the labels that `train` would draw
       python -m training list   [--json]        names of data sets, losses, recipes, ...
       python -m training COMMAND --help         all options of a command"""

PROGRAM = "python -m training"
FAILED, WRONG_USE, SIGNALLED = 1, 2, 128


@dataclass(frozen=True, kw_only=True)
class TrainOptions(RunConfig):
    """Train a network on noisy labels and log every sample of every epoch."""

    map: bool = True
    """Compute the map of the samples, which the dashboard draws, once the run is finished: of up
    to 200,000 samples, in a process of low priority that Ctrl-C skips."""


@dataclass(frozen=True)
class ResumeOptions:
    """Go on with a stopped run after its last whole epoch."""

    run: Annotated[str, tyro.conf.Positional]
    """Name or folder of the run."""
    runs: str = "data/runs"
    """Folder of the runs."""
    device: str | None = None
    """`auto`, `cuda`, `mps` or `cpu`. Default: as the run was started with."""
    threads: int | None = None
    """CPU threads, >= 1; another number changes the last digits. Default: as it was started."""
    map: bool = True
    """Compute the map of the samples once the run is finished, as `train` does."""

    def __post_init__(self) -> None:
        """Refuse fewer than one thread."""
        if self.threads is not None and self.threads < 1:
            raise UsageError(f"--threads must be 1 or more, got {self.threads}")


@dataclass(frozen=True)
class ProveOptions:
    """Train anew on original and corrected labels, without suspects, without as many at random.

    Finished trainings are kept: run the same command to continue after a stop, and with more
    seeds it adds to what is there.
    """

    run: Annotated[str, tyro.conf.Positional]
    """Name or folder of the run."""
    labels: str
    """File of corrected labels, as the dashboard exports it."""
    seeds: int = 5
    """Trainings of each arm, >= 1. Settle it beforehand: intervals are wrong if seeds are added
    until one of them pleases."""
    epochs: int | None = None
    """Epochs of each training, >= 1. Default: the run's."""
    recipe: str | None = None
    """Method to train with, as `list` names them; network, schedule and epochs stay the run's.
    Default: the run's method."""
    runs: str = "data/runs"
    """Folder of the runs."""
    device: str | None = None
    """`auto`, `cuda`, `mps` or `cpu`. Default: as the run was started with."""

    def __post_init__(self) -> None:
        """Refuse values out of range.

        Raises
        ------
        UsageError
            Naming the option and what is accepted.
        """
        for name, value in (("seeds", self.seeds), ("epochs", self.epochs)):
            if value is not None and value < 1:
                raise UsageError(f"--{name} must be 1 or more, got {value}")


@dataclass(frozen=True, kw_only=True)
class SweepOptions(RunConfig):
    """Train a grid of settings with several seeds each, in processes side by side.

    All options of `train` besides set what the whole sweep shares. What is finished is kept: the
    same command continues after a stop. Results go to data/sweeps/NAME, as runs and tables.
    """

    name: Annotated[str, tyro.conf.Positional]
    """A sweep of the paper's (`table-1` to `table-4`, `figure-7`), all methods side by side
    (`methods-digits`, `methods-cifar10n`), or any name for one of your own."""
    grid: tuple[str, ...] = ()
    """What varies: `--grid alpha=0,10,100 beta=50,100`. Fields joined by a colon vary together:
    `noise:noise_rate=symmetric:0.2,pair_flip:0.3`. Of a field with parts, one part:
    `weighting_args.terms=aum,both`."""
    rows: tuple[str, ...] = ()
    """Of a sweep with a name of the paper's only these recipes: `--rows CCE CCE+HMW-code`."""
    columns: tuple[str, ...] = ()
    """Of such a sweep only these columns, as `symmetric-0.5`."""
    seeds: int = 3
    """Trainings of each setting, >= 1: the seeds from `--seed` on. Unless `--data-seed` is given,
    a seed also draws its own noise and split."""
    processes: int | None = None
    """Trainings at a time, >= 1. Default: one a core; one on a GPU."""
    dry_run: bool = False
    """Only list what would be trained."""
    save_as: str | None = None
    """Name of the sweep's folder. Default: NAME; of a sweep of the paper's NAME-DATASET."""
    sweeps: str = "data/sweeps"
    """Folder of the sweeps."""
    run: tyro.conf.Suppress[str | None] = None
    runs: tyro.conf.Suppress[str] = "data/runs"

    def __post_init__(self) -> None:
        """Refuse numbers out of range; each training's settings are checked when it is planned.

        Raises
        ------
        UsageError
            Naming the option and what is accepted.
        """
        for name, value in (("seeds", self.seeds), ("processes", self.processes)):
            if value is not None and value < 1:
                raise UsageError(f"--{name} must be 1 or more, got {value}")


@dataclass(frozen=True, kw_only=True)
class NoiseOptions(RunConfig):
    """Write the labels that `train` would draw with the same options, for its `--noise-file`.

    The file says the data set's fingerprint, the noise, and a hash of its labels.
    """

    file: Annotated[str, tyro.conf.Positional]
    """What to write: it ends in .csv, .parquet or .json."""
    run: str | None = None
    """Run whose labels to write. Default: they are drawn, as the other options say."""


@dataclass(frozen=True)
class ListOptions:
    """Name what `train` knows, with one line each."""

    json: bool = False
    """As JSON, for programs."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return the exit code: 0, 1 failed, 2 wrong use, 128 + signal stopped."""
    os.environ.setdefault(*PASSIVE)  # before torch loads its OpenMP, which reads it once
    out, errors = LastingStream(sys.stdout), LastingStream(sys.stderr)
    with redirect_stdout(cast(TextIO, out)), redirect_stderr(cast(TextIO, errors)):
        try:
            return _run(list(sys.argv[1:] if argv is None else argv))
        finally:
            out.flush()
            errors.flush()


def _run(arguments: list[str]) -> int:
    try:
        if not arguments or arguments[0] in ("-h", "--help"):
            print(USAGE)
            return 0 if arguments else WRONG_USE
        command, *rest = arguments
        if command not in COMMANDS:
            raise UsageError(f"unknown command {command!r}; known: {', '.join(COMMANDS)}")
        return COMMANDS[command](rest)
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return WRONG_USE
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return SIGNALLED + signal.SIGINT


def _train(arguments: list[str]) -> int:
    arguments = [*arguments, *_noise_of_file(arguments)]
    defaults = TrainOptions(**vars(_recipe_defaults(arguments)))
    options = parse(TrainOptions, arguments, f"{PROGRAM} train", defaults)
    given = {field.name: getattr(options, field.name) for field in dataclasses.fields(RunConfig)}
    config = _with_recipe_arguments(RunConfig(**given))
    from training.loop import train  # torch takes seconds to load; --help does not wait for it

    return _supervised(
        lambda console: train(config, console), to_map=config.folder if options.map else None
    )


def _resume(arguments: list[str]) -> int:
    options = parse(ResumeOptions, arguments, f"{PROGRAM} resume")
    from training.loop import resume

    folder = _run_folder(options.run, options.runs)
    return _supervised(
        lambda console: resume(folder, console, options.device, options.threads),
        to_map=folder if options.map else None,
    )


def _prove(arguments: list[str]) -> int:
    options = parse(ProveOptions, arguments, f"{PROGRAM} prove")
    from training.prove import prove

    folder = _run_folder(options.run, options.runs)
    return _supervised(
        lambda console: prove(
            folder,
            options.labels,
            console,
            n_seeds=options.seeds,
            epochs=options.epochs,
            recipe=options.recipe,
            device=options.device,
        ),
        "the finished trainings are kept; run the same command to continue",
    )


def _sweep(arguments: list[str]) -> int:
    options = parse(SweepOptions, arguments, f"{PROGRAM} sweep")
    from training.sweeps.command import sweep_by_options

    if options.dry_run:
        sweep_by_options(options, arguments, Console())
        return 0
    failed: list[bool] = []
    code = _supervised(
        lambda console: failed.append(sweep_by_options(options, arguments, console)),
        "the finished trainings are kept; run the same command to continue",
    )
    return FAILED if code == 0 and any(failed) else code


def _noise(arguments: list[str]) -> int:
    defaults = NoiseOptions(file=tyro.MISSING, **vars(_recipe_defaults(arguments)))
    options = parse(NoiseOptions, arguments, f"{PROGRAM} noise", defaults)
    from training.noise_export import export_noise

    given = {field.name: getattr(options, field.name) for field in dataclasses.fields(RunConfig)}
    return _supervised(
        lambda console: print(export_noise(RunConfig(**given), options.file)),
        "nothing is written",
    )


def _run_folder(run: str, runs: str) -> Path:
    """Return the folder of a run that is given as such or by its name."""
    return Path(run) if Path(run).is_dir() else Path(runs) / run


def _list(arguments: list[str]) -> int:
    print_list(as_json=parse(ListOptions, arguments, f"{PROGRAM} list").json)
    return 0


COMMANDS: dict[str, Callable[[list[str]], int]] = {
    "train": _train,
    "resume": _resume,
    "prove": _prove,
    "sweep": _sweep,
    "noise": _noise,
    "list": _list,
}


def _supervised(
    work: Callable[[Console], None],
    kept: str = "every completed epoch is kept; `resume` continues",
    to_map: Path | None = None,
) -> int:
    """Run a training and say in one line how it ended, unless it finished; map `to_map` then."""
    from training.loop import RunFailed
    from training.map_at_end import map_samples
    from training.stopping import Stopped

    console = Console()
    try:
        work(console)
    except RunFailed as error:
        print(f"failed: {error}", file=sys.stderr)
        return FAILED
    except Stopped as error:
        print(f"{error}; {kept}", file=sys.stderr)
        return SIGNALLED + error.signal_number
    if to_map is not None:
        map_samples(to_map, console)
    return 0


def _recipe_defaults(arguments: list[str]) -> RunConfig:
    """Return the defaults that the recipe named in the arguments gives the other options."""
    recipe = _value_of("recipe", arguments)
    if recipe is None:
        return RunConfig()
    dataset = _value_of("dataset", arguments) or RunConfig().dataset
    noise = _value_of("noise", arguments) or RunConfig().noise
    try:
        rate = float(_value_of("noise-rate", arguments) or 0)
    except ValueError:
        rate = 0.0  # refused below, when the options are read
    fields = recipe_fields(recipe, dataset, noise, rate)
    for name in ("method_args", "loss_args", "weighting_args"):
        option = "--" + name.replace("_", "-")
        if option in arguments:
            fields[name] = {}  # of a dict with keys, tyro makes an option a key instead of this one
    return RunConfig(**fields)


def _noise_of_file(arguments: list[str]) -> list[str]:
    """Return the options of the noise that the file of `--noise-file` says, unless one is named.

    Recipes and methods have settings by noise and rate, so a run is to know them as if it had
    drawn.
    """
    file = _value_of("noise-file", arguments)
    if file is None or _value_of("noise", arguments) is not None:
        return []
    from hmw_core.noise import NOISES
    from hmw_core.review.noise_file import noise_of

    name, rate = noise_of(file)
    if name not in NOISES or not rate:
        return []
    return ["--noise", name, "--noise-rate", f"{rate:g}"]


def _with_recipe_arguments(config: RunConfig) -> RunConfig:
    """Return the config with the recipe's arguments of method, loss and weighting added.

    One that is given wins; those of another method, loss or weighting than the recipe's do not
    belong to it.
    """
    if config.recipe is None:
        return config
    fields = recipe_fields(config.recipe, config.dataset, config.noise, config.noise_rate)
    plain, changes = RunConfig(), {}
    for owner in ("method", "loss", "weighting"):
        name = f"{owner}_args"
        if getattr(config, owner) == fields.get(owner, getattr(plain, owner)):
            changes[name] = fields.get(name, {}) | getattr(config, name)
    return dataclasses.replace(config, **changes)


def _value_of(option: str, arguments: list[str]) -> str | None:
    found = None
    for argument, following in zip_longest(arguments, arguments[1:]):
        name, equals, value = argument.partition("=")
        if name == f"--{option}":
            found = value if equals else following
    return found


if __name__ == "__main__":
    sys.exit(main())
