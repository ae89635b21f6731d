"""PMD noise: the rate that is asked for, which labels move, and the published factors."""

import numpy as np
import pytest

from hmw_core.errors import UsageError
from hmw_core.noise import apply_noise
from hmw_core.noise.clean_labels import CleanLabels
from hmw_core.noise.pmd import PUBLISHED, pmd_factor

N = 20_000


def doubts(gap, true_label, n_classes=10, second=None):
    """Return posteriors whose likeliest class is the true one, by `gap` before the next class."""
    second = (true_label + 1) % n_classes if second is None else second
    posterior = np.zeros((len(gap), n_classes))
    rows = np.arange(len(gap))
    posterior[rows, true_label] = (1 + gap) / 2
    posterior[rows, second] = (1 - gap) / 2
    return posterior


@pytest.fixture
def clean():
    """Return N true labels with gaps as of a fitted network: four of five certain, others even."""
    rng = np.random.default_rng(0)
    true_label = rng.integers(10, size=N)
    gap = np.where(np.arange(N) % 5, 0.9999, np.linspace(0.0001, 0.9999, N))
    return true_label, gap


@pytest.mark.parametrize(("kind", "rate"), PUBLISHED)
def test_one_teacher_comes_near_all_published_factors(clean, kind, rate):
    true_label, gap = clean
    # It mistakes one picture of thirty, where the true class is its second: at 70 % such pictures
    # become right, so that more of the others have to be wrong.
    taught = np.where(np.arange(N) % 30, true_label, (true_label + 1) % 10)
    second = np.where(taught == true_label, (true_label + 2) % 10, true_label)
    posterior = doubts(gap, taught, second=second)
    stand_in = CleanLabels.checked(true_label, 10, posterior=posterior, pmd_type=kind)
    assert pmd_factor(stand_in, rate) == pytest.approx(PUBLISHED[kind, rate], rel=0.03)


@pytest.mark.parametrize("kind", ["I", "II", "III"])
@pytest.mark.parametrize("rate", [0.1, 0.35, 0.7])
def test_the_rate_is_met_and_the_border_moves_first(clean, kind, rate):
    true_label, gap = clean
    given = apply_noise(
        "pmd", true_label, rate, 10, np.random.default_rng(1),
        posterior=doubts(gap, true_label), pmd_type=kind,
    )  # fmt: skip
    assert given.mislabeled_fraction == pytest.approx(rate, abs=0.01)
    wrong = given.given_label != true_label
    assert np.array_equal(given.given_label[wrong], (true_label[wrong] + 1) % 10)
    near, far = wrong[gap < 0.5].mean(), wrong[gap > 0.9].mean()
    assert near > far


def test_one_factor_by_hand():
    # Two certain samples and two with a gap of 1/2: keep is (1, 1, 1/8, 1/8) in type II. At a rate
    # of 1/2, (2 + 1/4) / c = 2 kept of 4, so c = 9/8.
    true_label = np.array([0, 1, 2, 0])
    posterior = doubts(np.array([1, 1, 0.5, 0.5]), true_label, 3)
    clean = CleanLabels.checked(true_label, 3, posterior=posterior, pmd_type="II")
    assert pmd_factor(clean, 0.5) == pytest.approx(9 / 8)


def test_what_the_teacher_mistakes_counts_and_bounds_the_rate():
    true_label = np.arange(10) % 5
    taught = np.where(np.arange(10) < 2, (true_label + 1) % 5, true_label)  # two of ten wrong
    posterior = doubts(np.full(10, 0.5), taught, 5, second=(taught + 2) % 5)
    clean = CleanLabels.checked(true_label, 5, posterior=posterior)
    assert pmd_factor(clean, 0.6) == pytest.approx(0.625 / 0.5)  # half of the eight others flipped
    with pytest.raises(UsageError, match=r"rates from 0\.200 to 1\.000 with .*, got 0\.1"):
        pmd_factor(clean, 0.1)


def test_classes_permuted_are_noise_permuted(clean):
    true_label, gap = clean
    order = np.random.default_rng(2).permutation(10)
    back = np.argsort(order)
    posterior = doubts(gap, true_label)
    one = apply_noise(
        "pmd", true_label, 0.4, 10, np.random.default_rng(1), posterior=posterior
    ).given_label
    other = apply_noise(
        "pmd", order[true_label], 0.4, 10, np.random.default_rng(1), posterior=posterior[:, back]
    ).given_label
    assert np.array_equal(order[one], other)


def test_what_is_missing_or_no_posterior_is_one_sentence():
    true_label, rng = np.array([0, 1, 1]), np.random.default_rng(0)
    with pytest.raises(UsageError, match="network trained on the true labels, and there are none"):
        apply_noise("pmd", true_label, 0.4, 2, rng)
    for posterior, said in ((np.ones((3, 3)) / 3, "posteriors of shape"),
                            (np.full((3, 2), np.nan), "must lie in"),
                            (np.full((3, 2), 2.0), "must lie in")):  # fmt: skip
        with pytest.raises(UsageError, match=said):
            apply_noise("pmd", true_label, 0.4, 2, rng, posterior=posterior)
    with pytest.raises(UsageError, match="unknown type 'IV' of pmd; known: I, II, III"):
        apply_noise("pmd", true_label, 0.4, 2, rng, posterior=np.full((3, 2), 0.5), pmd_type="IV")
