"""NamedSweep: a sweep of the paper's by its name, restricted to rows and columns, as a plan."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hmw_core.catalogue import Argument
from hmw_core.errors import UsageError
from training.config import RunConfig
from training.recipes import is_recipe, recipe_fields
from training.sweeps.grid import Fields, cell_config

HERE = {"outputs": "none"}
"""What a named sweep's runs keep unless told otherwise: the signals of every sample, no logits."""
WARM_UP = "warmup_epochs"
SMALLER = ("train_samples", "epochs")
"""Fields that make a copy of a table smaller than the paper's, where they are given."""
STANDS_FOR_ASYMMETRIC = {"cifar10": "asymmetric", "cifar100": "block_shift"}
"""The paper's asymmetric noise by our name; on other data sets `pair_flip` replaces it."""
STAND_IN = (
    "This data set has no asymmetric noise of the paper's: pair_flip of the same rate replaces it. "
    "Every class has one wrong class, so a share of about the rate is mislabeled, where CIFAR-10's "
    "asymmetric noise mislabels about half the rate."
)
CAPPED = (
    "Warm-ups that their sources give in epochs and that are not scaled with the run (of the HM "
    "weight, DivideMix, UNICON and InstanceGM) are the published ones, but at most a third of the "
    "run's epochs, for all alike."
)


@dataclass(frozen=True)
class NamedSweep:
    """A sweep by name: which cells it has for a base, and what must be said beside them."""

    title: str
    cells: Callable[[Mapping[str, Any]], list[Fields]]
    notes: Callable[[Mapping[str, Any]], list[str]]
    not_in_base: tuple[str, ...]
    """Fields that its cells set."""
    base: Fields = field(default_factory=dict)
    """What all its cells share unless it is given."""
    recipes: tuple[str, ...] = ()
    """Of which one may be given, so that only its rows are trained."""
    on_request: tuple[str, ...] = ()
    """Rows that are trained only where `--rows` names them."""
    published_on: tuple[str, ...] = ()
    """Data sets of the paper's table: on all others, and with fewer samples or other epochs, it is
    a copy in bench size. Empty for sweeps that are made for any data set."""


@dataclass(frozen=True)
class Planned:
    """A named sweep as `run_cells` takes it."""

    name: str
    base: Fields
    cells: list[Fields]
    about: dict[str, Any]


def planned(
    name: str,
    named: NamedSweep,
    given: Mapping[str, Any],
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
) -> Planned:
    """Return the folder's name, base, cells and description of a named sweep.

    Parameters
    ----------
    name : str
        Of `NAMED_SWEEPS`.
    named : NamedSweep
    given : mapping
        Fields of RunConfig that win over the sweep's own.
    rows, columns : sequence of str
        Recipes, and noises such as `symmetric-0.5`, to which it is restricted. Default: all. Beside
        a table of the paper's any other recipe can be a row, `ELR+HMW`, too.

    Raises
    ------
    UsageError
        For a field that the cells set, or an unknown row or column.
    """
    base = named_base(named, given)
    dataset = base.get("dataset", RunConfig().dataset)
    whole = list(named.cells(given))
    its_own = {_plain(cell["recipe"]) for cell in whole}
    for row in rows if named.published_on else ():
        if _plain(row) not in its_own and is_recipe(row):
            whole += named.cells({**given, "recipe": row})
    cells = _restricted(named, whole, dataset, rows, columns)
    title, notes, parts = named.title, list(named.notes(given)), [name]
    if not any(cell.get("noise") == "pair_flip" for cell in cells):
        notes = [note for note in notes if note != STAND_IN]
    parts += [] if "dataset" in named.not_in_base else [dataset]
    if is_bench_size(named, base):
        cells = [_with_short_warm_up(cell, base, named) for cell in cells]
        on = Path(base["data"]).name if dataset == "parquet" and base.get("data") else dataset
        title += f" – a copy in bench size, on {on}"
        notes = [_bench_note(base, on), CAPPED, *notes]
        parts += ["bench"] if dataset in named.published_on else []
    about = {"named": name, "title": title, "notes": notes}
    return Planned("-".join(parts), base, cells, about)


def is_bench_size(named: NamedSweep, base: Mapping[str, Any]) -> bool:
    """Tell whether a base makes a copy of a table on other data, or a smaller one."""
    if not named.published_on:
        return False
    return base["dataset"] not in named.published_on or any(
        base.get(n) is not None for n in SMALLER
    )


def named_base(named: NamedSweep, given: Mapping[str, Any]) -> Fields:
    """Return the base of a named sweep: what was given, but the fields that its cells set.

    Raises
    ------
    UsageError
        If one of these fields was given, or a recipe that it has no rows of.
    """
    recipe = given.get("recipe", named.recipes[0])
    if recipe not in named.recipes:
        known = ", ".join(named.recipes)
        raise UsageError(f"this named sweep takes --recipe {known}; got {recipe!r}")
    taken = [name for name in named.not_in_base if name in given and name != "recipe"]
    if taken:
        raise UsageError(
            f"{', '.join(taken)} cannot be given: the named sweep has its own; "
            "for others use --grid and a name of your own"
        )
    own = {name: value for name, value in given.items() if name != "recipe"}
    return HERE | named.base | own


def noise_on(dataset: str, kind: str) -> str:
    """Return our noise that is the paper's of this kind on a data set, or replaces it."""
    return kind if kind == "symmetric" else STANDS_FOR_ASYMMETRIC.get(dataset, "pair_flip")


def column_names(cell: Mapping[str, Any], dataset: str) -> list[str]:
    """Return the names by which `--columns` knows a cell, the paper's first.

    Examples
    --------
    >>> column_names({"noise": "pair_flip", "noise_rate": 0.3}, "digits")
    ['asymmetric-0.3', 'pair_flip-0.3']
    >>> column_names({}, "webvision")
    ['webvision']
    """
    if "noise" not in cell:
        return [dataset]
    own = f"{cell['noise']}-{cell['noise_rate']:g}"
    if cell["noise"] in ("pair_flip", "block_shift"):
        return [f"asymmetric-{cell['noise_rate']:g}", own]
    return [own]


def _restricted(
    named: NamedSweep,
    cells: Sequence[Fields],
    dataset: str,
    rows: Sequence[str],
    columns: Sequence[str],
) -> list[Fields]:
    """Return the cells of the rows and columns that are named."""
    known_rows = list(dict.fromkeys(cell["recipe"] for cell in cells))
    by_name = {_plain(row): row for row in known_rows}
    asked = [_picked(by_name, row, "row", known_rows) for row in rows]
    asked = asked or [row for row in known_rows if row not in named.on_request] or known_rows
    known = list(dict.fromkeys(column_names(cell, dataset)[0] for cell in cells))
    of_name = {
        _plain(name): column_names(cell, dataset)[0]
        for cell in cells
        for name in column_names(cell, dataset)
    }
    among = [_picked(of_name, column, "column", known) for column in columns] or known
    return [c for c in cells if c["recipe"] in asked and column_names(c, dataset)[0] in among]


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter not in " -_")


def _picked(by_name: Mapping[str, str], asked: str, what: str, known: Sequence[str]) -> str:
    if _plain(asked) not in by_name:
        raise UsageError(f"unknown {what} {asked!r}; known: {', '.join(known)}")
    return by_name[_plain(asked)]


def _with_short_warm_up(cell: Fields, base: Mapping[str, Any], named: NamedSweep) -> Fields:
    """Return a cell whose warm-ups in epochs take at most a third of a run that is shortened."""
    from training.methods import METHODS  # torch takes seconds to load

    config, _ = cell_config(base, cell, 0, Path(), "x")
    published = recipe_fields(
        cell["recipe"], named.published_on[0], config.noise, config.noise_rate
    ).get("epochs", RunConfig().epochs)
    if config.epochs >= published:
        return cell
    most, short = max(1, config.epochs // 3), dict(cell)
    if config.warmup_epochs > most and WARM_UP not in base:
        short[WARM_UP] = most
    for argument in METHODS[config.method].arguments:
        if argument.name != WARM_UP or not isinstance(argument, Argument):
            continue
        if argument.of_epochs and WARM_UP not in config.method_args:
            continue  # scaled with the run
        epochs = float(config.method_args.get(WARM_UP, argument.default or 0))
        at_most = max(float(most), argument.low)
        if epochs > at_most and WARM_UP not in base.get("method_args", {}):
            short[f"method_args.{WARM_UP}"] = at_most
    return short


def _bench_note(base: Mapping[str, Any], dataset: str) -> str:
    size = [dataset]
    size += [f"{base['train_samples']:,} samples"] if base.get("train_samples") else []
    size += [f"{base.get('epochs', RunConfig().epochs)} epochs"]
    return (
        f"A copy of the table in bench size ({', '.join(size)}): it says how the methods behave "
        "here, not what they reach with the data, networks and epochs of the paper, whose numbers "
        "are not to be compared with these by value."
    )
