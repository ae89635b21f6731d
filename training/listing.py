"""What `python -m training list` says: each registry with one line a member."""

import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from training.methods.arguments import Argument


def listing() -> dict[str, list[dict[str, Any]]]:
    """Return `name` and `summary` of every member of every registry, in menu order.

    A method also has its `arguments`: name, default, range, unit and meaning of each. A recipe
    names its `method`.
    """
    # Here, because torch takes seconds to load and `train --help` does not need it.
    from hmw_core.criteria import CRITERIA
    from hmw_core.criteria.criterion import FAMILIES
    from hmw_core.noise import NOISES
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
        "noises": _members(NOISES),
        "networks": [*_members(NETWORKS), timm],
        "losses": _members(LOSSES),
        "weightings": _members(WEIGHTINGS),
        "methods": [
            member | {"arguments": [_argument(a) for a in METHODS[member["name"]].arguments]}
            for member in _members(METHODS)
        ],
        "recipes": [
            {"name": n, "summary": f"{r.title}.", "method": r.fields.get("method", "standard")}
            for n, r in RECIPES.items()
        ],
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
        width = max(len(member["name"]) for member in members)
        print(f"{kind}:")
        for member in members:
            print(f"  {member['name']:<{width}}  {member['summary']}")
            for argument in member.get("arguments", ()):
                value, unit = argument["default"], argument["unit"] and f" {argument['unit']}"
                default = "" if value is None else f", default {value:g}"
                text = f"{argument['meaning']} ({argument['range']}{unit}{default})"
                print(f"  {'':<{width}}    {argument['name']}: {text}")
        print()


def _argument(argument: "Argument") -> dict[str, Any]:
    names = ("name", "default", "range", "unit", "meaning", "whole", "low", "high")
    found = {name: getattr(argument, name) for name in names}
    return found | {"high": None if math.isinf(argument.high) else argument.high}


def _members(registry: Mapping[str, Any]) -> list[dict[str, str]]:
    return [
        {"name": name, "summary": (member.__doc__ or "").strip().splitlines()[0]}
        for name, member in registry.items()
    ]
