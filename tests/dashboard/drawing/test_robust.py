"""Axes that a few far points do not stretch, and where those are marked."""

import numpy as np
import pytest

from dashboard.drawing.robust import Window, outside_words, robust_range, robust_window


@pytest.mark.parametrize("n", [6, 50, 142, 5_000])
def test_one_outlier_does_not_squeeze_the_others(n):
    values = np.append(np.linspace(-1, 1, n - 1), 40.0)
    low, high = robust_range(values)
    assert low < -1
    assert 1 < high < 1.2


def test_two_outliers_at_one_end_of_a_large_class_are_outside():
    values = np.concatenate([np.linspace(0, 1, 500), [30.0, 31.0]])
    assert robust_range(values)[1] < 1.2


def test_a_group_of_five_per_cent_far_away_is_no_outlier():
    values = np.concatenate([np.linspace(0, 1, 95), np.linspace(50, 51, 5)])
    low, high = robust_range(values)
    assert low < 0
    assert high > 51


@pytest.mark.parametrize("draw", ["normal", "uniform", "standard_exponential"])
@pytest.mark.parametrize("n", [5, 30, 400])
def test_at_most_one_per_cent_or_one_at_each_end_is_outside(draw, n):
    rng = np.random.default_rng(n)
    for _ in range(50):
        values = getattr(rng, draw)(size=n)
        low, high = robust_range(values)
        most = max(1, 0.01 * n)
        assert (values < low).sum() <= most
        assert (values > high).sum() <= most


def test_an_even_cloud_is_held_whole():
    values = np.random.default_rng(0).uniform(-3, 5, 1_000)
    low, high = robust_range(values)
    assert low < values.min()
    assert high > values.max()


@pytest.mark.parametrize(
    ("values", "expected"),
    [([], (0, 1)), ([np.nan, np.inf], (0, 1)), ([7.0], (6.5, 7.5)), ([7.0] * 9, (6.5, 7.5))],
)
def test_ranges_of_nothing_and_of_one_value(values, expected):
    assert robust_range(np.array(values, dtype=float)) == expected


def test_four_values_are_all_held():
    low, high = robust_range(np.array([0.0, 1.0, 2.0, 100.0]))
    assert low < 0
    assert high > 100


def test_points_outside_are_marked_at_the_nearest_place_of_the_edge():
    window = Window(0.0, 2.0, 0.0, 1.0)
    x = np.array([1.0, 5.0, -3.0, 1.0, np.nan])
    y = np.array([0.5, 0.5, 9.0, -1.0, 7.0])
    outside, edge_x, edge_y = window.edge_of(x, y)
    assert outside.tolist() == [False, True, True, True, False]
    assert edge_x.tolist() == [2.0, 0.0, 1.0]
    assert edge_y.tolist() == [0.5, 1.0, 0.0]


def test_a_strip_is_widened_around_its_middle_and_no_more_than_asked():
    strip = Window(0.0, 10.0, 4.0, 5.0).no_flatter_than(0.5)
    assert (strip.left, strip.right, strip.bottom, strip.top) == (0.0, 10.0, 2.0, 7.0)
    column = Window(4.0, 5.0, 0.0, 10.0).no_flatter_than(0.5)
    assert (column.left, column.right) == (2.0, 7.0)
    even = Window(0.0, 3.0, 0.0, 2.0)
    assert even.no_flatter_than(0.5) == even


def test_a_window_is_the_range_of_each_axis():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=200), rng.normal(size=200)
    x[0], y[1] = 100.0, -100.0
    window = robust_window(x, y)
    assert window.right < 6
    assert window.bottom > -6
    assert window.edge_of(x, y)[0].sum() >= 2


def test_what_is_outside_is_said():
    assert outside_words(0) == ""
    assert outside_words(1) == "1 lies outside, marked at the edge by a triangle."
    assert outside_words(1_200).startswith("1,200 lie outside")
