"""What `python -m training list` says: each registry with one line a member."""

import ast
import inspect
import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from itertools import pairwise
from typing import Any

from hmw_core.catalogue import Argument, Choice
from training.config import AT_LEAST, ONE_OF, RunConfig

RANGES = {
    **dict.fromkeys(("alpha", "beta"), (0.0, math.inf)),
    "k": (1, math.inf),
    "annealing_start": (0, 1),
    "learning_rate": (1e-9, math.inf),
    "momentum": (0.0, 0.999),
}
"""Of the numbers below, those whose range is more than what `AT_LEAST` says."""
OF_HMW = ("alpha", "beta", "k", "annealing_start", "warmup_epochs")
OF_TRAINING = (
    "batch_size", "learning_rate", "optimizer", "momentum", "weight_decay", "schedule", "augment",
    "confidence_penalty",
)  # fmt: skip


def listing() -> dict[str, list[dict[str, Any]]]:
    """Return `name` and `summary` of every member of every registry, in menu order.

    See `hmw_core.catalogue`, which keeps it.
    """
    # Here, because torch takes seconds to load and `train --help` does not need it.
    from hmw_core.criteria import CRITERIA
    from hmw_core.criteria.criterion import FAMILIES
    from hmw_core.noise import NOISE_ARGUMENTS, NOISES
    from hmw_core.objective.losses import LOSSES
    from hmw_core.objective.weighting import WEIGHTINGS
    from training.data.datasets import DATASETS
    from training.methods import METHODS
    from training.networks import NETWORKS
    from training.recipes import RECIPES

    timm = {
        "name": "timm:NAME",
        "summary": "Any network of timm by its name, without the prefix too.",
    }
    return {
        "datasets": _members(DATASETS),
        "noises": [
            member | {"arguments": [_as_json(a) for a in NOISE_ARGUMENTS.get(member["name"], ())]}
            for member in _members(NOISES)
        ],
        "networks": [*_members(NETWORKS), timm],
        "losses": _members(LOSSES),
        "weightings": [
            member | {"settings": _settings(OF_HMW) if member["name"] == "hmw" else []}
            for member in _members(WEIGHTINGS)
        ],
        "methods": _members(METHODS),
        "recipes": [
            {"name": name, "summary": f"{recipe.title}."} | asdict(recipe)
            for name, recipe in RECIPES.items()
        ],
        "settings": _settings(OF_TRAINING),
        "criteria": [
            {"name": n, "summary": f"{FAMILIES[c.family]}: {c.title}."} for n, c in CRITERIA.items()
        ],
    }


def print_list(as_json: bool) -> None:
    """Print the registries for a person, or as JSON."""
    found = listing()
    if as_json:
        print(json.dumps(found, indent=1))
        return
    for kind, members in found.items():
        if kind == "settings":
            continue  # `train --help` has them all
        width = max(len(member["name"]) for member in members)
        print(f"{kind}:")
        for member in members:
            star = "  (recommended)" if member.get("recommended") else ""
            print(f"  {member['name']:<{width}}  {member['summary']}{star}")
            for argument in member.get("arguments", ()):
                value, unit = argument["default"], argument.get("unit") and f" {argument['unit']}"
                of = argument.get("of_epochs")
                scaled = f" of {of} epochs, scaled to the run's" if of else ""
                default = "" if value is None else f", default {value}{scaled}"
                text = f"{argument['meaning']} ({argument['range']}{unit or ''}{default})"
                print(f"  {'':<{width}}    {argument['name']}: {text}")
        if kind == "recipes":
            print(
                f"  {'NAME+HMW':<{width}}  Any of them with the HM weight as a factor on its loss."
            )
        print()


def _members(registry: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "summary": (member.__doc__ or "").strip().splitlines()[0],
            "arguments": [_as_json(argument) for argument in getattr(member, "arguments", ())],
        }
        for name, member in registry.items()
    ]


def _as_json(argument: Argument | Choice) -> dict[str, Any]:
    found = asdict(argument) | {"range": argument.range}
    if found.get("high") == math.inf:
        found["high"] = None
    return found


def _settings(names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return settings of the training as arguments, with the meaning of their docstrings."""
    body = ast.parse(inspect.getsource(RunConfig)).body[0]
    assert isinstance(body, ast.ClassDef)
    meaning = {
        field.target.id: " ".join(text.value.value.split())
        for field, text in pairwise(body.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
        if isinstance(text.value.value, str)
    }
    found: list[Argument | Choice] = []
    for name in names:
        default = getattr(RunConfig(), name)
        if name in ONE_OF:
            found.append(Choice(name, default, ONE_OF[name], meaning[name]))
        else:
            low, high = RANGES.get(name) or (AT_LEAST[name], math.inf)
            whole = isinstance(default, int)
            found.append(Argument(name, default, low, high, "", meaning[name], whole))
    return [_as_json(argument) for argument in found]
