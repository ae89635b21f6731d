"""Two modes or one: the dip by hand and by brute force, and how often the rule errs."""

import numpy as np
import pytest
from scipy.optimize import linprog

from hmw_core.statistics.modes import (
    FEWEST_VALUES,
    bandwidth,
    density,
    dip,
    dip_p_value,
    modes,
    valley,
    valley_p_value,
)

ONE_MODE = {
    "uniform": lambda rng, n: rng.uniform(size=n),
    "normal": lambda rng, n: rng.normal(size=n),
    "exponential": lambda rng, n: rng.exponential(size=n),
    "lognormal": lambda rng, n: rng.lognormal(size=n),
    "heavy tails": lambda rng, n: rng.standard_t(3, size=n),
    "shoulder": lambda rng, n: np.where(
        rng.uniform(size=n) < 0.8, rng.normal(size=n), rng.normal(2, 1.5, size=n)
    ),
}


def two_normals(rng, n, share, apart):
    return np.where(rng.uniform(size=n) < share, rng.normal(apart, 1, n), rng.normal(size=n))


def dip_by_definition(values):
    """Return the distance to the nearest distribution of one mode, by a linear program a mode."""
    x, counts = np.unique(values, return_counts=True)
    upper = np.cumsum(counts) / len(values)
    lower = upper - counts / len(values)
    n = len(x)
    best = 1.0
    for mode in range(n):
        # Unknown: the function at each place, before and after its jump at the mode; the distance.
        place = [i if i <= mode else i + 1 for i in range(n)]
        rows, bounds = [], []

        def require(terms, bound, rows=rows, bounds=bounds):
            row = np.zeros(n + 2)
            for column, factor in terms:
                row[column] += factor
            rows.append(row)
            bounds.append(bound)

        for i in range(n):
            ends = [(mode, lower[i]), (mode + 1, upper[i])]
            for column, value in (
                ends if i == mode else [(place[i], lower[i]), (place[i], upper[i])]
            ):
                require([(column, 1), (-1, -1)], value)
                require([(column, -1), (-1, -1)], -value)
        left = [(x[i], place[i]) for i in range(mode + 1)]
        right = [(x[mode], mode + 1), *((x[i], place[i]) for i in range(mode + 1, n))]
        for part, sign in ((left, 1), (right, -1)):
            for (_, a), (_, b) in zip(part, part[1:], strict=False):
                require([(a, 1), (b, -1)], 0)
            for (x0, a), (x1, b), (x2, c) in zip(part, part[1:], part[2:], strict=False):
                first, second = sign / (x1 - x0), sign / (x2 - x1)
                require([(b, first + second), (a, -first), (c, -second)], 0)
        require([(mode, 1), (mode + 1, -1)], 0)
        aim = np.zeros(n + 2)
        aim[-1] = 1
        found = linprog(aim, A_ub=np.array(rows), b_ub=bounds, bounds=[(0, 1)] * (n + 2))
        if found.success:
            best = min(best, found.fun)
    return best


def test_dip_of_two_points_of_equal_mass_is_the_largest():
    assert dip(np.array([0.0, 0.0, 1.0, 1.0])) == 0.25


def test_dip_of_evenly_spaced_numbers_is_the_smallest():
    assert dip(np.arange(10.0)) == pytest.approx(1 / 20)


@pytest.mark.parametrize("seed", range(4))
def test_dip_is_the_distance_to_the_nearest_distribution_of_one_mode(seed):
    rng = np.random.default_rng(seed)
    smooth = two_normals(rng, 18, 0.5, 4)
    tied = np.round(rng.normal(size=30) * 2)
    for values in (smooth, tied):
        assert dip(values) == pytest.approx(dip_by_definition(values), abs=1e-7)


def test_dip_does_not_depend_on_order_place_or_scale():
    rng = np.random.default_rng(0)
    values = two_normals(rng, 200, 0.3, 5)
    assert dip(rng.permutation(values) * 3 - 7) == pytest.approx(dip(values))
    assert dip(-values) == pytest.approx(dip(values))


def test_p_values_of_the_table_and_between():
    assert dip_p_value(0.5212 / np.sqrt(200), 200) == pytest.approx(0.05)
    assert 0.02 < dip_p_value(0.53 / np.sqrt(300), 300) < 0.1
    assert dip_p_value(1.0, 100) == pytest.approx(0.001)
    assert dip_p_value(0.0, 100) == pytest.approx(1)


def test_the_table_says_how_often_uniform_numbers_dip():
    rng = np.random.default_rng(0)
    p = [dip_p_value(dip(rng.uniform(size=150)), 150) for _ in range(400)]
    assert np.mean(np.array(p) <= 0.05) == pytest.approx(0.05, abs=0.03)
    assert np.mean(np.array(p) <= 0.5) == pytest.approx(0.5, abs=0.07)


@pytest.mark.parametrize("shape", ONE_MODE)
def test_one_mode_is_hardly_ever_taken_for_two(shape):
    rng = np.random.default_rng(1)
    alarms = sum(modes(ONE_MODE[shape](rng, 600)).two for _ in range(60))
    assert alarms <= 7  # 5 % of 60 are 3; more than 7 come by chance once in 100


@pytest.mark.parametrize(("share", "apart"), [(0.5, 4), (0.2, 5), (0.05, 6)])
def test_two_modes_are_found_small_ones_too(share, apart):
    found = modes(two_normals(np.random.default_rng(2), 5000, share, apart))
    assert found.two
    assert 1 < found.valley.at < apart


def test_a_valley_is_where_it_lies():
    rng = np.random.default_rng(3)
    values = np.concatenate([rng.normal(0, 1, 4000), rng.normal(10, 1, 4000)])
    found = valley(values)
    assert found.left_mode == pytest.approx(0, abs=0.5)
    assert found.right_mode == pytest.approx(10, abs=0.5)
    assert found.at == pytest.approx(5, abs=1)
    assert found.depth == pytest.approx(1, abs=0.01)


def test_an_outlier_is_no_mode():
    values = np.concatenate([np.random.default_rng(4).normal(size=2000), np.full(10, 50.0)])
    assert modes(values).two is False
    found = valley(values)
    assert found is None or found.at < 10


def test_equal_numbers_have_no_valley_and_steps_cannot_be_judged():
    assert valley(np.ones(50)) is None
    steps = np.random.default_rng(5).integers(0, 30, 2000).astype(float)
    found = modes(steps)
    assert found.two is None
    assert found.n_different == 30 < FEWEST_VALUES


def test_the_density_sums_to_one_and_the_bandwidth_is_silvermans():
    values = np.random.default_rng(6).normal(size=5000)
    width = bandwidth(values)
    spread = min(values.std(), np.subtract(*np.percentile(values, (75, 25))) / 1.34)
    assert width == pytest.approx(0.9 * spread * 5000**-0.2)
    x, height = density(values, width)
    assert (height * (x[1] - x[0])).sum() == pytest.approx(1, abs=1e-3)


def test_a_held_out_valley_is_confirmed_or_not():
    rng = np.random.default_rng(7)
    assert valley_p_value(two_normals(rng, 3000, 0.4, 6)) < 1e-3
    assert valley_p_value(rng.normal(size=3000)) > 0.2
