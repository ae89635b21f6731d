"""Looks of criteria: each its own, and the same wherever it is drawn."""

from dashboard.drawing.style import (
    CRITERION_COLOURS,
    FAMILY_COLOURS,
    criterion_colour,
    criterion_dash,
)
from hmw_core.criteria import CRITERIA, MAIN_CRITERIA
from hmw_core.criteria.criterion import FAMILIES


def test_main_criteria_have_a_colour_of_their_own():
    assert set(CRITERION_COLOURS) == set(MAIN_CRITERIA)
    assert all(criterion_colour(name) == CRITERION_COLOURS[name] for name in MAIN_CRITERIA)


def test_every_family_has_a_hue():
    assert set(FAMILY_COLOURS) == set(FAMILIES)


def test_colour_and_dash_together_are_no_others():
    looks = [(criterion_colour(name), criterion_dash(name)) for name in CRITERIA]
    assert all(len(colour) == 7 and int(colour[1:], 16) >= 0 for colour, _ in looks)
    others = looks[len(MAIN_CRITERIA) :]
    assert len(set(others)) == len(others)
