"""Mixtures: known components are found again, and the cut is where the posterior says."""

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.mixture import GaussianMixture

from hmw_core.statistics.mixtures import (
    Mixture,
    beta_mixture,
    divide_mix,
    divide_mix_posterior,
    gaussian_mixture,
)


def test_two_gaussians_by_hand():
    def log_density(x):
        return np.log([0.5, 0.5]) + norm.logpdf(x[..., None], [0.0, 4.0], 1.0)

    mixture = Mixture(np.array([0.5, 0.5]), np.array([0.0, 4.0]), log_density)
    assert mixture.cut(0.5, 6.0) == pytest.approx(2)
    # log odds are 4 x - 8: 0.9 is ln 9 above the middle.
    assert mixture.cut(0.9, 6.0) == pytest.approx(2 + np.log(9) / 4)
    assert mixture.posterior(np.array([0.0, 2.0, 4.0])) == pytest.approx(
        [1 / (1 + np.exp(8)), 0.5, 1 / (1 + np.exp(-8))]
    )


def test_a_component_inside_the_other_has_no_cut():
    def log_density(x):
        return np.log([0.95, 0.05]) + norm.logpdf(x[..., None], [0.0, 0.1], 1.0)

    assert Mixture(np.array([0.95, 0.05]), np.array([0.0, 0.1]), log_density).cut(0.5, 3) is None


def test_a_wide_component_is_cut_off_beyond_its_own_mean():
    def log_density(x):
        return np.log([0.8, 0.2]) + norm.logpdf(x[..., None], [0.0, 1.0], [1.0, 3.0])

    mixture = Mixture(np.array([0.8, 0.2]), np.array([0.0, 1.0]), log_density)
    place = mixture.cut(0.5, 10.0)
    assert place > 1
    # 0.8 N(x; 0, 1) = 0.2 N(x; 1, 3), as a quadratic: 8 x^2 + 2 x - 1 - 18 ln 12 = 0.
    assert 8 * place**2 + 2 * place - 1 == pytest.approx(18 * np.log(12))
    assert mixture.cut(0.5, 2.0) is None


def test_gaussians_are_found_again_on_any_scale():
    rng = np.random.default_rng(0)
    values = 1e3 + 50 * np.concatenate([rng.normal(0, 1, 7000), rng.normal(6, 2, 3000)])
    mixture = gaussian_mixture(values)
    assert mixture.share == pytest.approx([0.7, 0.3], abs=0.02)
    assert mixture.mean == pytest.approx([1000, 1300], abs=10)
    place = mixture.cut(0.5, values.max())
    assert 1000 < place < 1300
    assert mixture.posterior(np.array([place])) == pytest.approx([0.5])


def test_divide_mix_is_scikit_learns_with_the_settings_of_its_code():
    rng = np.random.default_rng(1)
    loss = np.concatenate([rng.exponential(0.3, 800), rng.normal(3, 0.5, 200)])
    scaled = ((loss - loss.min()) / np.ptp(loss))[:, None]
    theirs = GaussianMixture(2, max_iter=10, tol=1e-2, reg_covar=5e-4, random_state=0).fit(scaled)
    expected = theirs.predict_proba(scaled)[:, theirs.means_.argmin()]
    gaps = np.concatenate([loss, [np.nan, np.inf]])
    assert divide_mix_posterior(gaps)[:-2] == pytest.approx(expected, abs=1e-9)
    assert divide_mix_posterior(loss, "upper") == pytest.approx(1 - expected, abs=1e-9)
    assert np.isnan(divide_mix_posterior(gaps)[-2:]).all()
    assert divide_mix(loss).posterior(loss) == pytest.approx(1 - expected, abs=1e-9)


def test_the_upper_component_is_that_of_the_larger_losses():
    rng = np.random.default_rng(4)
    loss = np.concatenate([rng.normal(0.2, 0.05, 300), rng.normal(2.0, 0.3, 100)])
    scaled = ((loss - loss.min()) / np.ptp(loss))[:, None]
    converged = GaussianMixture(2, max_iter=100, tol=1e-6, reg_covar=5e-4, random_state=1)
    expected = converged.fit(scaled).predict_proba(scaled)[:, converged.means_.argmax()]
    got = divide_mix_posterior(loss, "upper")
    np.testing.assert_allclose(got, expected, atol=0.02)
    assert got[:300].max() < 0.5 < got[300:].min()


@pytest.mark.parametrize("loss", [[1.3] * 5, [2.0], [2.0, np.nan]])
def test_losses_that_do_not_differ_are_even(loss):
    found = divide_mix_posterior(np.array(loss))
    assert (found[np.isfinite(loss)] == 0.5).all()
    assert np.isnan(found[np.isnan(loss)]).all()


def test_no_loss_has_no_posterior():
    assert np.isnan(divide_mix_posterior(np.full(3, np.nan))).all()
    assert divide_mix_posterior(np.array([])).shape == (0,)


def test_betas_are_found_again():
    rng = np.random.default_rng(2)
    values = np.concatenate([rng.beta(2, 12, 6000), rng.beta(12, 2, 4000)])
    mixture = beta_mixture(values)
    assert mixture.share == pytest.approx([0.6, 0.4], abs=0.05)
    assert mixture.mean == pytest.approx([2 / 14, 12 / 14], abs=0.05)
    assert 0.3 < mixture.cut(0.5, 1.0) < 0.7
    # Beyond the percentiles that scale them, scores count as the end.
    assert mixture.posterior(np.array([-1.0, 2.0])) == pytest.approx([0, 1], abs=1e-3)


@pytest.mark.parametrize("fit", [gaussian_mixture, divide_mix, beta_mixture])
def test_equal_numbers_are_no_mixture(fit):
    assert fit(np.full(30, 2.0)) is None
