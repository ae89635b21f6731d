"""What can be trained, kept as data: the same as the training says, and read to the same end."""

import json

import pytest

from hmw_core.catalogue import catalogue, fields_of, recipe_of
from hmw_core.errors import UsageError
from hmw_core.objective.losses import LOSSES
from hmw_core.objective.weighting import WEIGHTINGS
from training.config import RunConfig
from training.listing import listing
from training.recipes import RECIPES, recipe_fields

SETTINGS = [
    argument
    for argument in [
        *catalogue()["settings"],
        *(a for member in catalogue()["weightings"] for a in member["settings"]),
    ]
    if "low" in argument
]


def test_the_catalogue_is_what_the_training_has():
    """Else: python -m training list --json > hmw_core/catalogue.json."""
    assert json.loads(json.dumps(listing())) == catalogue()


@pytest.mark.parametrize("member", catalogue()["recipes"], ids=lambda member: member["name"])
@pytest.mark.parametrize("dataset", ["digits", "cifar10", "cifar100"])
@pytest.mark.parametrize("noise", ["none", "symmetric", "pair_flip"])
@pytest.mark.parametrize("rate", [0.2, 0.9])
def test_a_recipe_read_from_it_sets_the_same(member, dataset, noise, rate):
    kept = fields_of(recipe_of(member), dataset, noise, rate)
    made = recipe_fields(member["name"], dataset, noise, rate)
    assert json.dumps(kept | {"recipe": member["name"]}, sort_keys=True) == json.dumps(
        made, sort_keys=True
    )


def test_one_recipe_is_recommended_and_those_without_a_warm_up_are_warned_of():
    assert [name for name, recipe in RECIPES.items() if recipe.recommended] == ["CCE+HMW-code"]
    for name, recipe in RECIPES.items():
        fields = recipe_fields(name, "digits", "symmetric", 0.5)
        cold = fields.get("weighting") == "hmw" and not fields.get("warmup_epochs")
        assert cold == (recipe.caution is not None), name


@pytest.mark.parametrize("argument", SETTINGS, ids=lambda argument: argument["name"])
def test_the_ranges_of_a_form_are_those_of_the_training(argument):
    name, low, high = argument["name"], argument["low"], argument["high"]
    for value in (low, argument["default"], low + 1000 if high is None else high):
        RunConfig(**{name: value})
    for value in [low - 1] + ([] if high is None else [high + 1]):
        with pytest.raises(UsageError, match=name.replace("_", "[-_]")):
            RunConfig(**{name: value})


@pytest.mark.parametrize(
    "build", [*LOSSES.values(), *WEIGHTINGS.values()], ids=lambda build: build.__name__
)
def test_declared_arguments_are_those_of_the_signature(build):
    ours = {"n_samples", "n_classes", "n_epochs", "normalize_logits", "self"}
    own = build.__init__.__kwdefaults__ or {}
    declared = {argument.name: argument.default for argument in getattr(build, "arguments", ())}
    assert declared == {name: value for name, value in own.items() if name not in ours}
