"""A grid over the fields of RunConfig: from words to cells, and from a cell to a config."""

import dataclasses
import itertools
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hmw_core.errors import UsageError
from training.config import RunConfig
from training.recipes import recipe_fields

TYPES: dict[str, Any] = typing.get_type_hints(RunConfig)
OURS = {
    "seed": "every cell is trained with every seed: use --seeds",
    "run": "a sweep names its runs itself",
    "runs": "a sweep keeps its runs in its own folder: use --sweeps",
}
"""Fields that a sweep sets, and what to do instead."""
DECIDE_RECIPE = ("dataset", "noise", "noise_rate", "recipe")
TRUE, FALSE = ("true", "yes", "1"), ("false", "no", "0")

TUPLES = ("features_at", "schedule_at")

Fields = dict[str, Any]


def parse_grid(words: Iterable[str]) -> dict[str, list[Any]]:
    """Return the axes that words such as `alpha=0,10,100` name, values by the field's type.

    Fields joined by colons vary together: `noise:noise_rate=symmetric:0.2,pair_flip:0.3` has two
    values and not four. A key of `method_args`, `loss_args` or `weighting_args` stands after a dot:
    `weighting_args.terms=both,aum`. Where a field holds several numbers, `+` stands between them:
    `features_at=1+10,10`. `none` is no value, where a field can do without.

    Examples
    --------
    >>> parse_grid(["alpha=0,10", "noise:noise_rate=symmetric:0.2,none:0"])
    {'alpha': [0.0, 10.0], 'noise:noise_rate': [('symmetric', 0.2), ('none', 0.0)]}

    Raises
    ------
    UsageError
        For an unknown field, a value of another type, or a word of another form.
    """
    axes: dict[str, list[Any]] = {}
    for word in words:
        names, equals, texts = word.partition("=")
        if not equals or not names or not texts:
            raise UsageError(f"--grid {word!r} is not of the form FIELD=VALUE,VALUE")
        fields = names.replace("-", "_").split(":")
        values = []
        for text in texts.split(","):
            parts = text.split(":", len(fields) - 1)
            if len(parts) != len(fields):
                raise UsageError(
                    f"--grid {word!r}: {text!r} needs {len(fields)} values with colons between, "
                    f"one for each of {', '.join(fields)}"
                )
            each = tuple(_value(f, part) for f, part in zip(fields, parts, strict=True))
            values.append(each if len(fields) > 1 else each[0])
        axes[":".join(fields)] = values
    return axes


def grid_cells(axes: Mapping[str, Sequence[Any]]) -> list[Fields]:
    """Return every combination of the axes as a cell, the last axis changing first.

    Examples
    --------
    >>> grid_cells({"recipe": ["CCE"], "noise:noise_rate": [("symmetric", 0.2), ("none", 0.0)]})
    ... # doctest: +NORMALIZE_WHITESPACE
    [{'recipe': 'CCE', 'noise': 'symmetric', 'noise_rate': 0.2},
     {'recipe': 'CCE', 'noise': 'none', 'noise_rate': 0.0}]

    Raises
    ------
    UsageError
        If an axis has no value, or two axes set the same field.
    """
    names = [axis.split(":") for axis in axes]
    flat = [name for fields in names for name in fields]
    twice = {name for name in flat if flat.count(name) > 1}
    if twice:
        raise UsageError(f"the grid names {', '.join(sorted(twice))} twice; give it one axis")
    for axis, values in axes.items():
        if not values:
            raise UsageError(f"the grid has no value for {axis}")
    return [
        {
            name: each
            for fields, value in zip(names, combination, strict=True)
            for name, each in zip(fields, value if len(fields) > 1 else (value,), strict=True)
        }
        for combination in itertools.product(*axes.values())
    ]


def cell_config(
    base: Mapping[str, Any], cell: Mapping[str, Any], seed: int, runs: Path, run: str
) -> tuple[RunConfig, dict[str, list[Any]]]:
    """Return the config of one training, and which of its recipe's fields were changed.

    What the base and the cell name wins over the recipe's fields, as in `train`.

    Returns
    -------
    config : RunConfig
    departs : dict
        Field -> [the recipe's value, the value used].

    Raises
    ------
    UsageError
        If a field is unknown, is the sweep's own, or has a value that RunConfig refuses.
    """
    given = {**base, **cell}
    for name in given:
        field_of(name)
    plain = RunConfig()
    recipe = given.get("recipe")
    fields: Fields = {}
    if recipe is not None:
        dataset = given.get("dataset", plain.dataset)
        noise = given.get("noise", plain.noise), given.get("noise_rate", plain.noise_rate)
        fields = recipe_fields(recipe, dataset, *noise)
    own = dict(fields)
    for name, value in given.items():
        field, _, key = name.partition(".")
        if key:
            value = {**fields.get(field, getattr(plain, field)), key: value}
        fields[field] = tuple(value) if field in TUPLES else value
    departs = {k: [v, fields[k]] for k, v in own.items() if fields[k] != v}
    config = RunConfig(**fields | {"seed": seed, "runs": str(runs), "run": run})
    return config, departs


def train_words(config: RunConfig) -> list[str]:
    """Return the options by which `python -m training train` comes to this config."""
    shown = RunConfig()
    if config.recipe is not None:
        about = config.dataset, config.noise, config.noise_rate
        shown = RunConfig(**recipe_fields(config.recipe, *about))
    words = []
    for field in dataclasses.fields(RunConfig):
        value, option = getattr(config, field.name), field.name.replace("_", "-")
        # What decides a recipe's fields is looked up among the words, so it is always there.
        if value == getattr(shown, field.name) and field.name not in DECIDE_RECIPE:
            continue
        if isinstance(value, bool):
            words.append(f"--{option}" if value else f"--no-{option}")
        elif isinstance(value, dict):
            words += [f"--{option}", *(str(each) for pair in value.items() for each in pair)]
        elif isinstance(value, tuple):
            words += [f"--{option}", *map(str, value)]
        elif not (field.name == "recipe" and value is None):
            words += [f"--{option}", str(value)]
    return words


def given_fields(options: RunConfig, arguments: Sequence[str]) -> Fields:
    """Return those fields of parsed options that the command line names."""
    named = set()
    for argument in arguments:
        if argument.startswith("--"):
            name = argument[2:].partition("=")[0].replace("-", "_")
            named |= {name, name.removeprefix("no_")}
    return {name: getattr(options, name) for name in TYPES if name in named}


def field_of(name: str) -> Any:
    """Return the type of a field, or of a key of one that holds several.

    Raises
    ------
    UsageError
        If a sweep cannot vary it.
    """
    field, dot, key = name.partition(".")
    if field in OURS:
        raise UsageError(f"a sweep cannot vary {field}: {OURS[field]}")
    if field not in TYPES:
        known = ", ".join(each for each in TYPES if each not in OURS)
        raise UsageError(f"a sweep cannot vary {name!r}, which is no option of `train`: {known}")
    kind = TYPES[field]
    if dot and (typing.get_origin(kind) is not dict or not key):
        raise UsageError(f"a sweep cannot vary {name!r}: {field} has no parts")
    if dot:
        return typing.get_args(kind)[1]
    return kind


def _value(name: str, text: str) -> Any:
    """Return the value that a text stands for in a field."""
    kind = field_of(name)
    if typing.get_origin(kind) is dict:
        raise UsageError(f"--grid {name}: name the part that varies, as in {name}.KEY=VALUE,VALUE")
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        if text.lower() == "none":
            return None
        kind = next(each for each in typing.get_args(kind) if each is not type(None))
    if typing.get_origin(kind) is tuple:
        if text.lower() == "none":
            return ()
        return tuple(_value_of(int, name, part) for part in text.split("+"))
    return _value_of(kind, name, text)


def _value_of(kind: Any, name: str, text: str) -> Any:
    if kind is bool:
        if text.lower() not in (*TRUE, *FALSE):
            raise UsageError(f"--grid {name}: {text!r} is neither true nor false")
        return text.lower() in TRUE
    if kind is str:
        return text
    try:
        return kind(text)
    except ValueError:
        what = "a whole number" if kind is int else "a number"
        raise UsageError(f"--grid {name}: {text!r} is not {what}") from None
