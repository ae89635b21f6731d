"""RECIPES: rows of the paper's tables as fields of RunConfig, with what each source published.

On a data set that a source has trained, a recipe sets the published network, schedule and batch
size; on all others only what belongs to the method, its epochs scaled to the run's.

A name `X+HMW` that is no row is the recipe X with the HM weight as a factor on its loss: the paper
calls it "general, can strengthen various methods" and shows three. Scales are the paper's, and the
warm-up is that of the authors' code. All else is X's: logits are normalised only where X does so.
"""

from dataclasses import replace

from hmw_core.catalogue import Case, Fields, Recipe, fields_of
from hmw_core.errors import UsageError, pick
from training.recipes import (
    contrastive,
    corrections,
    curricula,
    paper,
    prototypes,
    selection,
    semi_supervised,
    targets,
)
from training.recipes.shared import CIFAR, PAPER_TRAINING

ROWS = (
    paper.ROWS
    | corrections.ROWS
    | targets.ROWS
    | curricula.ROWS
    | selection.ROWS
    | semi_supervised.ROWS
    | prototypes.ROWS
    | contrastive.ROWS
)
RECIPES = {
    name: replace(row, cases=(Case(PAPER_TRAINING, CIFAR), *row.cases))
    for name, row in ROWS.items()
}


WEIGHTED = "+HMW"


def recipe_named(name: str) -> Recipe:
    """Return the recipe of a name: one of `RECIPES`, or one followed by `+HMW`.

    Raises
    ------
    UsageError
        If there is no such recipe.
    """
    base = RECIPES.get(name.removesuffix(WEIGHTED))
    if name in RECIPES or base is None or "weighting" in base.fields:
        return pick(RECIPES, name, "recipe")
    return replace(
        base,
        title=f"{base.title}; x HM weight",
        fields=base.fields | paper.HMW | {"warmup_epochs": 10},
        cases=(*base.cases, paper.WARMUP_CIFAR100),
        recommended="",
        caution=None,
    )


def is_recipe(name: str) -> bool:
    """Tell whether there is a recipe of this name, see `recipe_named`."""
    try:
        recipe_named(name)
    except UsageError:
        return False
    return True


def recipe_fields(name: str, dataset: str, noise: str, noise_rate: float = 0.0) -> Fields:
    """Return the fields that a recipe sets on a data set under a noise.

    On CIFAR by name they include the published network and schedule; on other data only the
    method, because the sources say nothing about them. Where a source has settings for several
    noise rates, those of the nearest rate count.

    Raises
    ------
    UsageError
        If there is no such recipe.
    """
    return {"recipe": name, **fields_of(recipe_named(name), dataset, noise, noise_rate)}
