"""What can be trained, as data: data sets, noises, networks, methods, recipes, their arguments.

`catalogue.json` is what `python -m training list --json` says. It is kept because asking loads
torch, which takes seconds; a test compares the two. After a change, write it anew:
`python -m training list --json > hmw_core/catalogue.json`.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from hmw_core.errors import UsageError

Fields = dict[str, Any]
"""Settings of a training by their names in `RunConfig`."""


@dataclass(frozen=True)
class Argument:
    """A number that a method, a loss or a weighting has: `--method-args NAME VALUE`, for example.

    A default of None is worked out when the training begins, as `meaning` says.
    """

    name: str
    default: float | None
    low: float
    high: float
    unit: str
    meaning: str
    whole: bool = False
    """Whether it is a whole number."""
    default_from: str = ""
    """The setting of the training whose value is the default, where there is one."""
    of_epochs: int = 0
    """Where the default is a number of epochs: the epochs of its source's training. It is scaled
    to the epochs of the run, see `default_for`."""

    @property
    def range(self) -> str:
        """The accepted values, such as "0 to 1" or "1 or more"."""
        kind = "whole, " if self.whole else ""
        if math.isinf(self.high):
            return f"{kind}{self.low:g} or more"
        return f"{kind}{self.low:g} to {self.high:g}"

    def default_for(self, epochs: int) -> float | None:
        """Return the default in a run of so many epochs: scaled where its source's are said.

        Examples
        --------
        >>> Argument("warmup", 70, 1, 1e6, "epochs", "", whole=True, of_epochs=320).default_for(64)
        14
        """
        if self.default is None or not self.of_epochs:
            return self.default
        scaled = self.default * epochs / self.of_epochs
        return max(round(scaled) if self.whole else scaled, self.low)


@dataclass(frozen=True)
class Choice:
    """A word that a method, a weighting or the training itself takes: one of `accepted`."""

    name: str
    default: str
    accepted: tuple[str, ...]
    meaning: str
    or_file: bool = False
    """Whether the path of a file is accepted, too."""

    @property
    def range(self) -> str:
        """The accepted words."""
        return ", ".join((*self.accepted, *(("a file",) if self.or_file else ())))


def argument_values(
    owner: str,
    option: str,
    arguments: Sequence[Argument | Choice],
    given: Mapping[str, Any],
    epochs: int,
) -> dict[str, Any]:
    """Return the value of each argument: the one given, else its default in so many epochs.

    Parameters
    ----------
    owner, option : str
        Such as "method 'elr'" and "--method-args", for messages.
    arguments : sequence of Argument or Choice
    given : mapping
    epochs : int

    Raises
    ------
    UsageError
        For an unknown name, or a value out of range.
    """
    known = {argument.name: argument for argument in arguments}
    for name, value in given.items():
        if name not in known:
            names = ", ".join(known) or "none"
            raise UsageError(f"{owner} has no argument {name!r}; it has {names}")
        if not _accepts(known[name], value):
            raise UsageError(f"{option} {name} of {owner} must be {known[name].range}, got {value}")
    values: dict[str, Any] = {
        name: argument.default if isinstance(argument, Choice) else argument.default_for(epochs)
        for name, argument in known.items()
    }
    values |= given
    whole = [name for name, argument in known.items() if getattr(argument, "whole", False)]
    return values | {name: int(values[name]) for name in whole if values[name] is not None}


def _accepts(argument: Argument | Choice, value: Any) -> bool:
    if isinstance(argument, Choice):
        return isinstance(value, str) and (argument.or_file or value in argument.accepted)
    is_number = isinstance(value, int | float) and argument.low <= value <= argument.high
    return is_number and not (argument.whole and value != int(value))


@dataclass(frozen=True)
class Case:
    """Fields that a recipe changes on some data sets, under some noises, at some rate."""

    fields: Fields
    datasets: tuple[str, ...] | None = None
    """None: all."""
    noises: tuple[str, ...] | None = None
    rate: float | None = None
    """Of several cases with a rate, the one of the nearest rate counts."""


@dataclass(frozen=True)
class Caution:
    """Why a recipe may fail, seen or read; it holds as long as the settings are `fields`."""

    text: str
    fields: Fields


@dataclass(frozen=True)
class Recipe:
    """Fields of RunConfig, and those that some data set or noise changes; later cases win."""

    title: str
    fields: Fields
    cases: tuple[Case, ...] = ()
    recommended: str = ""
    """Why this one should be tried first; empty for all others."""
    caution: Caution | None = None


SAME_PICTURES = {"cifar10n": "cifar10", "cifar100n": "cifar100"}
"""Data sets with other labels for the pictures of another one, whose settings are theirs, too."""


def fields_of(recipe: Recipe, dataset: str, noise: str, noise_rate: float = 0.0) -> Fields:
    """Return the settings that a recipe makes on a data set under a noise.

    Where a source has settings for several noise rates, those of the nearest rate count.
    """
    fields = dict(recipe.fields)
    dataset = SAME_PICTURES.get(dataset, dataset)
    cases = [
        case
        for case in recipe.cases
        if (case.datasets is None or dataset in case.datasets)
        and (case.noises is None or noise in case.noises)
    ]
    rates = [case.rate for case in cases if case.rate is not None]
    nearest = min(rates, key=lambda rate: abs(rate - noise_rate), default=None)
    for case in cases:
        if case.rate in (None, nearest):
            for field, value in case.fields.items():
                if field == "method_args":
                    value = fields.get(field, {}) | value
                fields[field] = value
    return fields


@cache
def catalogue() -> dict[str, list[dict[str, Any]]]:
    """Return what can be trained by kind, in the order of menus; to be read only.

    Each member has `name` and `summary`; losses, weightings and methods also have `arguments`,
    and recipes what `recipe_of` reads. `settings` are those of the training itself.
    """
    return json.loads(Path(__file__).with_name("catalogue.json").read_text(encoding="utf-8"))


def recipe_of(member: dict[str, Any]) -> Recipe:
    """Return the recipe that a member of the catalogue's `recipes` describes."""
    caution = member["caution"]
    return Recipe(
        title=member["summary"],
        fields=member["fields"],
        cases=tuple(Case(**case) for case in member["cases"]),
        recommended=member["recommended"],
        caution=None if caution is None else Caution(**caution),
    )
