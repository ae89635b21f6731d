"""The histogram that is dragged to filter: what is counted, and what a drag means."""

import numpy as np
import pytest

from dashboard.presenters.score_histogram import draw, limits_of
from hmw_core.criteria import CRITERIA

SCORE = np.concatenate([np.linspace(0, 1, 200), [50.0, np.nan, -np.inf]])


def test_every_score_is_counted_once_and_far_ones_in_the_last_bar():
    passed = np.arange(len(SCORE)) % 2 == 0
    wrong = np.where(np.arange(len(SCORE)) < 100, 1, -1).astype(np.int8)
    figure = draw(SCORE, passed, ~passed, wrong, CRITERIA["aum"])
    counts = {bar.name: bar.y for bar in figure.data}
    assert set(counts) == {"mislabeled", "unknown", "left out"}
    assert sum(y.sum() for y in counts.values()) == 201
    assert counts["unknown"][-1] + counts["left out"][-1] == 1  # the 50
    assert figure.layout.xaxis.range[1] < 2
    assert figure.layout.selectdirection == "h"


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        ([0.25, 0.75], (0.25, 0.75)),
        ([0.75, 0.25], (0.25, 0.75)),
        ([-9, 0.5], (None, 0.5)),
        ([0.5, 1.04], (0.5, None)),
        ([-1, 2], (None, None)),
    ],
)
def test_a_drag_to_the_last_bar_holds_what_lies_beyond(x, expected):
    assert limits_of({"x": x, "y": [0, 1]}, SCORE) == expected
