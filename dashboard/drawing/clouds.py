"""What marks cannot draw: clouds of samples and fans of angles, each with both renderings."""

from functools import partial

import pandas as pd

from dashboard.drawing.cloud import Look
from dashboard.drawing.marks import Special
from dashboard.drawing.paper_cloud import paper_cloud
from dashboard.drawing.paper_fan import paper_fans
from dashboard.drawing.screen_cloud import screen_cloud
from dashboard.drawing.screen_fan import screen_fans


def cloud(table: pd.DataFrame, look: Look) -> Special:
    """Return a cloud of samples and class vectors; see `drawing.cloud` for its table."""
    return Special(partial(screen_cloud, table, look), partial(paper_cloud, table, look))


def fans(table: pd.DataFrame) -> Special:
    """Return a fan of angles a sample; see `figures.paper.sphere` for its table."""
    return Special(partial(screen_fans, table), partial(paper_fans, table))
