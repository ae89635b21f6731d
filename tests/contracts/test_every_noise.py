"""What every noise model owes: legal labels, its seed alone, honest measurements, a source."""

import inspect

import numpy as np
import pytest
from scipy.special import softmax

from hmw_core.noise import NOISES, apply_noise
from hmw_core.noise.cifar import CIFAR100_SUPERCLASSES

N_SAMPLES, N_CLASSES = 2000, 100
NAMES = sorted(name for names in CIFAR100_SUPERCLASSES.values() for name in names)
WITHOUT_RATE = ("none", "human")


def noisy(name, rate=0.4, seed=0):
    rng = np.random.default_rng(7)
    true_label = rng.integers(N_CLASSES, size=N_SAMPLES)
    near_truth = 6 * np.eye(N_CLASSES)[true_label] + rng.normal(size=(N_SAMPLES, N_CLASSES))
    known = {
        "posterior": softmax(near_truth, axis=1),
        "images": rng.integers(0, 256, (N_SAMPLES, 4, 4), dtype=np.uint8),
        "human_label": rng.integers(N_CLASSES, size=N_SAMPLES),
        "class_names": NAMES,
    }
    before = true_label.copy()
    rate = 0 if name in WITHOUT_RATE else rate
    result = apply_noise(name, true_label, rate, N_CLASSES, np.random.default_rng(seed), **known)
    np.testing.assert_array_equal(true_label, before)
    return true_label, result


@pytest.mark.parametrize("name", NOISES)
def test_gives_legal_labels_and_measures_them(name):
    true_label, result = noisy(name)
    assert result.given_label.shape == true_label.shape
    assert result.given_label.dtype == np.int64
    assert 0 <= result.given_label.min() <= result.given_label.max() < N_CLASSES
    assert result.mislabeled_fraction == np.mean(result.given_label != true_label)
    assert (result.mislabeled_fraction > 0) == (name != "none")
    np.testing.assert_allclose(result.transition_matrix.sum(axis=1), 1)
    stay = np.diag(result.transition_matrix)[true_label].mean()
    assert stay == pytest.approx(1 - result.mislabeled_fraction)


@pytest.mark.parametrize("name", NOISES)
def test_the_seed_decides(name):
    first, again, other = (noisy(name, seed=seed)[1].given_label for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any() == (name not in WITHOUT_RATE)


@pytest.mark.parametrize("name", [name for name in NOISES if name != "human"])
def test_rate_0_changes_nothing(name):
    true_label, result = noisy(name, rate=0)
    np.testing.assert_array_equal(result.given_label, true_label)


@pytest.mark.parametrize("name", [name for name in NOISES if name != "none"])
def test_states_its_source(name):
    assert "Source: " in inspect.getdoc(NOISES[name])
