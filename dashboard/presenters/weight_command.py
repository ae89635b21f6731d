"""How to train with chosen HM weights: a command line, or three lines for another training loop."""

import re
import shlex
from pathlib import Path
from typing import Any

from hmw_core.laboratory.hm_replay import Settings
from hmw_core.log.reader import RunReader

NOT_OURS = ("recipe", "run", "runs", "device", "labels")
OWN = ("alpha", "beta", "k", "annealing_start", "warmup_epochs")  # options of `train`
MORE = ("history", "terms")  # go into --weighting-args


def train_arguments(run: RunReader, settings: Settings, runs: Path) -> list[str] | None:
    """Return the arguments of `python -m training` that train as this run was, so weighted.

    All options are spelled out and none is a recipe: the run would else be taken for a row of the
    paper's tables. None for a run that `python -m training` did not make.
    """
    config = run.info.get("config") or {}
    if "weighting" not in config:
        return None
    chosen: dict[str, Any] = {name: v for name, v in config.items() if name not in NOT_OURS}
    chosen |= {"weighting": "hmw", "weighting_args": weighting_args(settings)}
    chosen |= {name: getattr(settings, name) for name in OWN}
    words = ["train"]
    for name, value in chosen.items():
        option = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{option}" if value else f"--no-{option}")
        elif isinstance(value, dict):
            words += [f"--{option}", *(str(w) for pair in value.items() for w in pair)] * bool(
                value
            )
        elif isinstance(value, list | tuple):
            words += [f"--{option}", *map(str, value)] * bool(value)
        elif value is not None:
            words += [f"--{option}", _text(value)]
    if config.get("labels"):
        words += ["--labels", str(config["labels"])]
    return [*words, "--run", new_name(run, settings), "--runs", str(runs)]


def train_command(run: RunReader, settings: Settings, runs: Path) -> str | None:
    """Return the command line of `train_arguments`, one to copy, or None."""
    words = train_arguments(run, settings, runs)
    return None if words is None else shlex.join(["python", "-m", "training", *words])


def own_loop(run: RunReader, settings: Settings) -> str:
    """Return the lines that weight so in another training loop."""
    options = [f"{name}={getattr(settings, name)!r}" for name in OWN]
    options += [f"{name}={value!r}" for name, value in weighting_args(settings).items()]
    return (
        "from hmw_core.objective.weighting.hmw import HMWeighting\n\n"
        f"weighting = HMWeighting({run.n_samples}, {run.n_epochs}, {', '.join(options)})\n"
        "weight = weighting(cosine, given_label, sample_id, epoch)  # (B,), epochs count from 1\n"
        "(weight * loss).mean().backward()"
    )


def weighting_args(settings: Settings) -> dict[str, str]:
    """Return the value of `--weighting-args`: only settings that differ from their default."""
    default = Settings()
    names = [name for name in MORE if getattr(settings, name) != getattr(default, name)]
    return {name: getattr(settings, name) for name in names}


def new_name(run: RunReader, settings: Settings) -> str:
    """Return a plain name for the new run."""
    name = f"{run.name}-alpha{settings.alpha:g}-beta{settings.beta:g}"
    if settings.k != 1:
        name += f"-k{settings.k}"
    name += "".join(f"-{value}" for value in weighting_args(settings).values())
    return re.sub(r"[^A-Za-z0-9._+=-]", "-", name).lstrip("._+=-")[-100:].lstrip("._+=-")


def _text(value: Any) -> str:
    return f"{value:.15g}" if isinstance(value, float) else str(value)
