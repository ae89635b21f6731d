"""What the parts of Inspect share: what is chosen, and which samples that shows."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dashboard.drawing.outlines import Outline
from dashboard.presenters.linked import Filters, Samples
from hmw_core.log.reader import RunReader

MOST, LEAST = "first", "last"  # suspicious ones


class Choices(NamedTuple):
    """What the row of controls says."""

    colour: str
    criterion: str
    order: str  # of MOST and LEAST, which come first
    filters: Filters
    epoch: int | None
    smooth: bool


@dataclass(frozen=True, eq=False)
class Inspected:
    """A run and its samples as the page shows them.

    `passed` and `shown` are bool of shape (N,), N samples of the run: whom the filters let through,
    and of these whom the outlines hold. `ids` are those of `shown` in order, `picked` the samples
    picked by hand, the last one last.
    """

    run: RunReader
    given_label: int | None
    chosen: Choices
    samples: Samples
    verdict: dict[int, str]
    outlines: tuple[Outline, ...]
    picked: list[int]
    passed: np.ndarray
    shown: np.ndarray
    ids: np.ndarray
