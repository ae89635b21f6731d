"""What is asked of a training, and the command line that says it; nothing here starts one."""

import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from hmw_core.catalogue import Argument, Recipe, catalogue, fields_of, recipe_of
from hmw_core.errors import UsageError
from hmw_core.file_names import check_plain

PROGRAM = (sys.executable, "-m", "training")
NO_RATE = ("none", "human")
"""Noises that come as they are."""
HUMAN_COLUMNS = {
    "cifar10": ("worse_label", "aggre_label", "random_label1", "random_label2", "random_label3"),
    "cifar100": ("noisy_label",),
}
HUMAN_COLUMNS |= {f"{name}n": columns for name, columns in HUMAN_COLUMNS.items()}
"""Columns of the published files of CIFAR-10N and CIFAR-100N. Source: Wei et al. (ICLR 2022)."""
HAS_HUMAN = ("parquet", *HUMAN_COLUMNS)
"""Data sets that may bring labels that people gave."""
NEEDS_DATA = {
    "parquet": "a Parquet file",
    "image-folder": "a folder of pictures",
    **dict.fromkeys(("animal10n", "webvision"), "its folder as published"),
}
TEXTS = (
    "data",
    "test_data",
    "image_column",
    "label_column",
    "true_label_column",
    "noise_column",
    "labels",
)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is asked of a training; as `python -m training train --help` explains it."""

    run: str
    recipe: str
    dataset: str
    epochs: int
    seed: int = 0
    noise: str = "none"
    noise_rate: float = 0.0
    device: str = "auto"
    data: str = ""
    test_data: str = ""
    image_column: str = ""
    label_column: str = ""
    true_label_column: str = ""
    noise_column: str = ""
    skip_broken: bool = False
    labels: str = ""
    network: str = ""
    train_samples: int | None = None
    method_args: dict[str, float | str] = field(default_factory=dict)
    loss_args: dict[str, float] = field(default_factory=dict)
    weighting_args: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    """Of the training itself, where they are not the recipe's: `alpha`, `learning_rate`, ..."""


class Part(NamedTuple):
    """What a form asks about one part of a training."""

    option: str
    """The field of `Settings` that keeps the answers."""
    title: str
    arguments: list[dict[str, Any]]
    """As the catalogue has them, with the recipe's value as `default`."""


def recipes() -> dict[str, Recipe]:
    """Return the recipes by name, the recommended first."""
    found = {member["name"]: recipe_of(member) for member in catalogue()["recipes"]}
    return dict(sorted(found.items(), key=lambda item: not item[1].recommended))


def parts_of(
    recipe: str, dataset: str, noise: str, noise_rate: float, epochs: int | None = None
) -> list[Part]:
    """Return what can be set about a recipe on some data, each with the value it has there.

    Where `epochs` are told, a number of epochs that a method scales to them is scaled.
    """
    fields_there = fields_of(recipes()[recipe], dataset, noise, noise_rate)
    found = []
    for owner, kind, plain in (
        ("method", "methods", "standard"),
        ("weighting", "weightings", "uniform"),
        ("loss", "losses", "ce"),
    ):
        name = fields_there.get(owner, plain)
        member = next(member for member in catalogue()[kind] if member["name"] == name)
        own = fields_there.get(f"{owner}_args", {})
        settings = member.get("settings", [])
        found.append(Part("settings", f"{owner}: {name}", _with(settings, fields_there, None)))
        found.append(
            Part(f"{owner}_args", f"{owner}: {name}", _with(member["arguments"], own, epochs))
        )
    found.append(Part("settings", "training", _with(catalogue()["settings"], fields_there, None)))
    if noise not in NO_RATE and noise_rate:
        for argument in (a for part in found for a in part.arguments):
            if argument["default"] is None and argument.get("default_from") == "noise_rate":
                argument["default"] = noise_rate
    return [part for part in found if part.arguments]


def _with(
    arguments: Sequence[dict[str, Any]], values: dict[str, Any], epochs: int | None
) -> list[dict[str, Any]]:
    return [
        a
        | {"default": values.get(a["name"], _default(a, epochs))}
        | ({"published": a["default"]} if a["name"] not in values and epochs else {})
        for a in arguments
    ]


def _default(argument: dict[str, Any], epochs: int | None) -> Any:
    """Return an argument's default in so many epochs, as a training works it out."""
    if not epochs or not argument.get("of_epochs"):
        return argument["default"]
    known = {field.name for field in fields(Argument)}
    return Argument(**{n: v for n, v in argument.items() if n in known}).default_for(epochs)


def arguments(settings: Settings, runs: Path) -> list[str]:
    """Return the arguments of `python -m training` for a new training.

    Raises
    ------
    UsageError
        If the name is not plain, or the data set needs a file that is not named.
    """
    check_plain(settings.run, "the run name")
    what = NEEDS_DATA.get(settings.dataset)
    if what and not settings.data:
        raise UsageError(f"data set {settings.dataset} needs {what}: fill in where it lies")
    if (settings.noise == "human") != bool(settings.noise_column):
        raise UsageError(
            "noise human and the column of human labels go together: choose both, or neither"
        )
    command = ["train"]
    options = {option.name: getattr(settings, option.name) for option in fields(settings)}
    more = options.pop("settings")
    for name, value in (options | more).items():
        if (
            value is False
            or value in ("", None, {})
            or (name == "noise_rate" and settings.noise in NO_RATE)
        ):
            continue
        if name in TEXTS:
            _check_text(name, value)
        for text in value.values() if isinstance(value, dict) else ():
            if isinstance(text, str):
                _check_text(name, text)
        command.append(f"--{name.replace('_', '-')}")
        pairs = value.items() if isinstance(value, dict) else [() if value is True else (value,)]
        command += [f"{word}" for pair in pairs for word in pair]
    return [*command, "--runs", str(runs.resolve())]


def resume_arguments(name: str, runs: Path) -> list[str]:
    """Return the arguments of `python -m training` that go on with a run."""
    return ["resume", check_plain(name, "the run name"), "--runs", str(runs.resolve())]


def check_machine() -> None:
    """Refuse a machine that cannot train.

    Raises
    ------
    UsageError
        If PyTorch is not installed.
    """
    if find_spec("torch") is None:
        raise UsageError(
            "PyTorch is not installed on this machine; "
            "`./run_dashboard.sh` without --no-training, or `pip install .[all]`, installs it"
        )


def shown(words: Sequence[str], program: Sequence[str] = PROGRAM) -> str:
    """Return the command of `arguments` as one types it, in the folder the dashboard runs in."""
    return f"cd {shlex.quote(str(Path.cwd()))} && {shlex.join([*program, *words])}"


def suggested_name(settings: Settings, runs: Path) -> str:
    """Return a name that tells the run from others, and that no run has yet."""
    rate = "" if settings.noise in NO_RATE else f"{settings.noise_rate:g}"
    words = [settings.recipe, settings.dataset, f"{settings.noise}{rate}", f"seed{settings.seed}"]
    name = re.sub(r"[^A-Za-z0-9._+=-]", "-", "-".join(words)).lstrip("._+=-")[:90]
    taken = {path.name for path in runs.iterdir()} if runs.is_dir() else set()
    number = 2
    free = name
    while free in taken:
        free = f"{name}-{number}"
        number += 1
    return free


def _check_text(option: str, value: str) -> None:
    what = option.replace("_", " ")
    if value.startswith("-") or any(ord(letter) < 32 for letter in value):
        raise UsageError(
            f"the {what} {value[:120]!r} is not accepted: it may neither begin with - nor "
            "hold control characters"
        )
