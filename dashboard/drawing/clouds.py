"""The drawings that marks cannot make: clouds of samples and spheres, each with both renderings."""

from functools import partial

import pandas as pd

from dashboard.drawing.cloud import Look
from dashboard.drawing.marks import Special
from dashboard.drawing.paper_cloud import paper_cloud
from dashboard.drawing.paper_globe import paper_globes
from dashboard.drawing.screen_cloud import screen_cloud
from dashboard.drawing.screen_globe import screen_globes


def cloud(table: pd.DataFrame, look: Look) -> Special:
    """Return a cloud of samples and class vectors; see `drawing.cloud` for its table."""
    return Special(partial(screen_cloud, table, look), partial(paper_cloud, table, look))


def globes(table: pd.DataFrame) -> Special:
    """Return a sphere a sample, with its class vectors; see `figures.paper.sphere`."""
    return Special(partial(screen_globes, table), partial(paper_globes, table))
