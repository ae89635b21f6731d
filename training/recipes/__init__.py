"""RECIPES: rows of the paper's tables as fields of RunConfig, with what each source published.

On a data set that a source has trained, a recipe sets the published network, schedule and batch
size; on all others only what belongs to the method, its epochs scaled to the run's.
"""

from dataclasses import replace

from hmw_core.catalogue import Case, Fields, fields_of
from hmw_core.errors import pick
from training.recipes import (
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
)
RECIPES = {
    name: replace(row, cases=(Case(PAPER_TRAINING, CIFAR), *row.cases))
    for name, row in ROWS.items()
}


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
    return {"recipe": name, **fields_of(pick(RECIPES, name, "recipe"), dataset, noise, noise_rate)}
