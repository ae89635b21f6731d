"""What is asked of a training, and the command line that says it; nothing here starts one."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hmw_core import processes
from hmw_core.errors import UsageError
from hmw_core.file_names import check_plain

PROGRAM = (sys.executable, "-m", "training")
NO_RATE = ("none", "human")
"""Noises that come as they are."""
NEEDS_DATA = {"parquet": "a Parquet file", "image-folder": "a folder of pictures"}
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
    method_args: dict[str, float] = field(default_factory=dict)


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
    if settings.dataset == "parquet" and (settings.noise == "human") != bool(settings.noise_column):
        raise UsageError(
            "noise human and the column of human labels go together: choose both, or neither"
        )
    command = ["train"]
    for option in fields(settings):
        value = getattr(settings, option.name)
        if (
            value is False
            or value in ("", None, {})
            or (option.name == "noise_rate" and settings.noise in NO_RATE)
        ):
            continue
        if option.name in TEXTS:
            _check_text(option.name, value)
        command.append(f"--{option.name.replace('_', '-')}")
        pairs = value.items() if isinstance(value, dict) else [() if value is True else (value,)]
        command += [f"{word}" for pair in pairs for word in pair]
    return [*command, "--runs", str(runs.resolve())]


def resume_arguments(name: str, runs: Path) -> list[str]:
    """Return the arguments of `python -m training` that go on with a run."""
    return ["resume", check_plain(name, "the run name"), "--runs", str(runs.resolve())]


def listing() -> dict[str, list[dict[str, Any]]]:
    """Return `name` and `summary` of all that can be trained, by kind, as the training has it.

    Raises
    ------
    UsageError
        If PyTorch is not installed, or the training fails to answer.
    """
    if find_spec("torch") is None:
        raise UsageError(
            "PyTorch is not installed on this machine; "
            "`./run_dashboard.sh` without --no-training, or `pip install .[all]`, installs it"
        )
    done = subprocess.run(
        [*PROGRAM, "list", "--json"], env=processes.environment(), capture_output=True, text=True
    )
    try:
        return json.loads(done.stdout)
    except ValueError:
        said = done.stderr.strip() or f"it ended with code {done.returncode}"
        raise UsageError(f"python -m training list says: {said.splitlines()[-1]}") from None


def shown(words: Sequence[str]) -> str:
    """Return the command of `arguments` as one types it, in the folder the dashboard runs in."""
    return f"cd {shlex.quote(str(Path.cwd()))} && {shlex.join([*PROGRAM, *words])}"


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
