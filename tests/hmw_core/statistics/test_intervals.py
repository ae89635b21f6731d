"""Intervals of an AUROC: coverage, pairing, and the cases without a width."""

from statistics import NormalDist

import numpy as np
import pytest

from hmw_core.statistics.intervals import auroc_intervals


def draw(rng: np.random.Generator, n: int, shift: float) -> tuple[np.ndarray, np.ndarray]:
    """Two criteria that share most of their noise, for n clean and n mislabeled samples."""
    common = rng.normal(size=(2, n, 1))
    own = 0.3 * rng.normal(size=(2, n, 2))
    clean, mislabeled = common + own + np.array([0.0, shift])[:, None, None]
    return clean, mislabeled


def true_auroc(shift: float) -> float:
    return NormalDist().cdf(shift / np.sqrt(2 * (1 + 0.3**2)))


@pytest.mark.parametrize(("method", "n"), [("bootstrap", 60), ("DeLong", 60), ("DeLong", 400)])
def test_covers_the_truth_about_95_times_in_100(method, n):
    rng = np.random.default_rng(1)
    truth = true_auroc(1.5)
    hits = leads = 0
    for _ in range(300):
        clean, mislabeled = draw(rng, n, 1.5)
        found = auroc_intervals(clean, mislabeled, n_resamples=200, rng=rng, method=method)
        hits += found.low[0] <= truth <= found.high[0]
        leads += found.difference_low[1] <= 0.0 <= found.difference_high[1]
    assert 0.90 <= hits / 300 <= 0.985
    assert 0.90 <= leads / 300 <= 0.985


@pytest.mark.parametrize("n", [150, 1000])
def test_the_two_methods_agree(n):
    rng = np.random.default_rng(2)
    clean, mislabeled = draw(rng, n, 1.0)
    drawn, formula = (
        auroc_intervals(clean, mislabeled, n_resamples=2000, rng=rng, method=method)
        for method in ("bootstrap", "DeLong")
    )
    width = formula.high[0] - formula.low[0]
    for bound in ("low", "high", "difference_low", "difference_high"):
        assert getattr(drawn, bound) == pytest.approx(getattr(formula, bound), abs=0.12 * width)


@pytest.mark.parametrize("method", ["bootstrap", "DeLong"])
def test_a_difference_is_paired(method):
    rng = np.random.default_rng(3)
    clean, mislabeled = draw(rng, 200, 1.0)
    found = auroc_intervals(clean, mislabeled, rng=rng, method=method)
    assert found.difference_low[0] == found.difference_high[0] == 0.0
    # Two criteria with most of their noise in common differ by less than each one varies.
    assert np.ptp([found.difference_low[1], found.difference_high[1]]) < 0.6 * (
        found.high[1] - found.low[1]
    )


def test_bootstrap_by_plain_loops():
    clean, mislabeled = np.array([[0.0], [1.0], [1.0]]), np.array([[1.0], [2.0], [0.5]])
    found = auroc_intervals(clean, mislabeled, n_resamples=400, rng=np.random.default_rng(5))
    rng = np.random.default_rng(5)
    picks = [rng.integers(0, 3, size=(3, 400)) for _ in range(2)]
    drawn = []
    for r in range(400):
        pairs = [(mislabeled[m, 0], clean[c, 0]) for m in picks[1][:, r] for c in picks[0][:, r]]
        drawn.append(np.mean([1.0 if m > c else 0.5 if m == c else 0.0 for m, c in pairs]))
    low, high = np.quantile(drawn, [0.025, 0.975])
    assert found.low[0] == pytest.approx(low)
    assert found.high[0] == pytest.approx(high)


@pytest.mark.parametrize("method", ["bootstrap", "DeLong"])
def test_no_overlap_still_has_a_width(method):
    clean, mislabeled = np.zeros((30, 2)), np.ones((10, 2))
    mislabeled[:, 1] = -1.0
    found = auroc_intervals(clean, mislabeled, rng=np.random.default_rng(0), method=method)
    bound = 0.025**0.1
    assert (found.low[0], found.high[0]) == pytest.approx((bound, 1.0))
    assert (found.low[1], found.high[1]) == pytest.approx((0.0, 1.0 - bound))


@pytest.mark.parametrize("method", ["bootstrap", "DeLong"])
@pytest.mark.parametrize(("n_clean", "n_mislabeled"), [(0, 0), (0, 5), (5, 0), (1, 5), (5, 1)])
def test_too_few_samples_are_nan(method, n_clean, n_mislabeled):
    rng = np.random.default_rng(0)
    clean, mislabeled = rng.normal(size=(n_clean, 2)), rng.normal(size=(n_mislabeled, 2))
    found = auroc_intervals(clean, mislabeled, rng=rng, method=method)
    bounds = (found.low, found.high, found.difference_low, found.difference_high)
    assert np.isnan(bounds).all()


@pytest.mark.parametrize("method", ["bootstrap", "DeLong"])
def test_a_criterion_without_scores_leaves_the_others_alone(method):
    rng = np.random.default_rng(4)
    clean, mislabeled = draw(rng, 100, 1.0)
    gone = [np.column_stack([group, np.full(100, np.nan)]) for group in (clean, mislabeled)]
    few = [group.copy() for group in (clean, mislabeled)]
    few[0][:3, 1] = np.nan
    with_gone, with_few, whole = (
        auroc_intervals(*groups, rng=np.random.default_rng(7), method=method)
        for groups in (gone, few, (clean, mislabeled))
    )
    assert with_gone.low[:2] == pytest.approx(whole.low)
    assert np.isnan(with_gone.low[2])
    assert with_few.low[0] == pytest.approx(whole.low[0])
    assert with_few.low[1] == pytest.approx(whole.low[1], abs=0.03)
    assert not np.isnan(with_few.difference_low[1])


def test_many_samples_use_the_formula():
    rng = np.random.default_rng(0)
    clean, mislabeled = draw(rng, 1500, 1.0)
    assert auroc_intervals(clean, mislabeled, rng=rng).method == "DeLong"
    few = auroc_intervals(clean[:100], mislabeled[:100], rng=rng)
    assert few.method == "bootstrap"
