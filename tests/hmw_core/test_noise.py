"""Noise models against methods.md 2.1-2.7: counts, rates, maps, what they refuse."""

import numpy as np
import pytest

from hmw_core.errors import UsageError
from hmw_core.noise import NOISES, apply_noise
from hmw_core.noise.cifar import CIFAR10_NAMES, CIFAR100_SUPERCLASSES
from hmw_core.noise.clean_labels import CleanLabels
from hmw_core.noise.measure import mislabeled_fraction, transition_matrix

TEN = np.arange(20_000) % 10
HUNDRED = np.arange(50_000) % 100
CIFAR100_NAMES = sorted(name for names in CIFAR100_SUPERCLASSES.values() for name in names)
# The coarse label of each fine id, as in the data set's own files.
COARSE = np.array(
    [4, 1, 14, 8, 0, 6, 7, 7, 18, 3, 3, 14, 9, 18, 7, 11, 3, 9, 7, 11]
    + [6, 11, 5, 10, 7, 6, 13, 15, 3, 15, 0, 11, 1, 10, 12, 14, 16, 9, 11, 5]
    + [5, 19, 8, 8, 15, 13, 14, 17, 18, 10, 16, 4, 17, 4, 2, 0, 17, 4, 18, 17]
    + [10, 3, 2, 12, 12, 16, 12, 1, 9, 19, 2, 10, 0, 1, 16, 12, 9, 13, 15, 13]
    + [16, 19, 2, 4, 6, 19, 5, 5, 8, 19, 18, 1, 2, 15, 6, 0, 17, 8, 14, 13]
)


def noisy(name, true_label, rate, n_classes=10, seed=0, **known):
    return apply_noise(name, true_label, rate, n_classes, np.random.default_rng(seed), **known)


def map_of(name, n_classes, **known):
    """Where each class goes when every sample moves."""
    return noisy(name, np.arange(n_classes), 1.0, n_classes, **known).given_label


@pytest.mark.parametrize(("rate", "wrong"), [(0.2, 0.18), (0.5, 0.45), (0.8, 0.72), (0.9, 0.81)])
def test_symmetric_draws_from_all_classes(rate, wrong):
    result = noisy("symmetric", TEN, rate)
    assert result.mislabeled_fraction == pytest.approx(wrong, abs=0.01)
    off = result.transition_matrix[~np.eye(10, dtype=bool)]
    np.testing.assert_allclose(off, rate / 10, atol=0.03)


@pytest.mark.parametrize(
    ("n_samples", "rate", "count"), [(101, 0.5, 50), (100, 0.29, 29), (7, 1.0, 7), (9, 0.1, 0)]
)
@pytest.mark.parametrize("name", ["symmetric", "symmetric_exclusive"])
def test_symmetric_counts_are_exact(name, n_samples, rate, count):
    # Of a million classes an inclusive draw practically never returns the true one.
    clean = CleanLabels.checked(np.zeros(n_samples, int), 10**6)
    assert np.count_nonzero(NOISES[name](clean, rate, np.random.default_rng(0))) == count


def test_symmetric_exclusive_always_leaves_the_true_class():
    result = noisy("symmetric_exclusive", TEN, 0.5)
    assert result.mislabeled_fraction == 0.5
    off = result.transition_matrix[~np.eye(10, dtype=bool)]
    np.testing.assert_allclose(off, 0.5 / 9, atol=0.03)
    assert (np.diag(noisy("symmetric_exclusive", TEN, 1.0).transition_matrix) == 0).all()


def test_asymmetric_cifar10_is_the_papers_map():
    moved = map_of("asymmetric", 10, class_names=CIFAR10_NAMES)
    assert moved.tolist() == [0, 1, 0, 5, 7, 3, 6, 7, 8, 1]


def test_asymmetric_follows_the_names_not_their_order_or_spelling():
    names = [name.title() for name in reversed(CIFAR10_NAMES)]
    moved = map_of("asymmetric", 10, class_names=names)
    assert moved.tolist() == [9 - t for t in reversed([0, 1, 0, 5, 7, 3, 6, 7, 8, 1])]


def test_asymmetric_cifar10_moves_half_of_the_rate():
    result = noisy("asymmetric", TEN, 0.4, class_names=CIFAR10_NAMES)
    assert result.mislabeled_fraction == pytest.approx(0.2, abs=0.01)
    stay = np.diag(result.transition_matrix)
    assert (stay[[0, 1, 6, 7, 8]] == 1).all()
    np.testing.assert_allclose(stay[[2, 3, 4, 5, 9]], 0.6, atol=0.04)
    # Exactly floor(rate N) samples of all classes are chosen, movable or not.
    movable = np.full(1000, 9)
    assert noisy("asymmetric", movable, 0.3, class_names=CIFAR10_NAMES).mislabeled_fraction == 0.3


def test_superclass_table_is_the_data_sets():
    ours = {n: i for i, names in enumerate(CIFAR100_SUPERCLASSES.values()) for n in names}
    assert [ours[name] for name in CIFAR100_NAMES] == COARSE.tolist()
    assert all(len(names) == 5 for names in CIFAR100_SUPERCLASSES.values())


@pytest.mark.parametrize("name", ["superclass_shift", "asymmetric"])
def test_superclass_shift_goes_to_the_next_of_the_five(name):
    underscored = [n.replace(" ", "_") for n in CIFAR100_NAMES]
    moved = map_of(name, 100, class_names=underscored)
    assert (COARSE[moved] == COARSE).all()
    for coarse in range(20):
        members = np.flatnonzero(COARSE == coarse)
        assert moved[members].tolist() == [*members[1:], members[0]]


def test_superclass_shift_follows_the_ids_where_names_are_in_another_order():
    moved = map_of("superclass_shift", 100, class_names=CIFAR100_NAMES[::-1])
    members = np.flatnonzero(COARSE[::-1] == 0)
    assert moved[members].tolist() == [*members[1:], members[0]]


def test_block_shift_mostly_leaves_the_superclass():
    moved = map_of("block_shift", 100)
    assert moved[:6].tolist() == [1, 2, 3, 4, 0, 6]
    assert (COARSE[moved] == COARSE).sum() == 6
    blocks = {len(set(COARSE[start : start + 5])) for start in range(0, 100, 5)}
    assert blocks == {3, 4, 5}


def test_pair_flip_goes_to_the_next_class():
    assert map_of("pair_flip", 10).tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]


@pytest.mark.parametrize("name", ["superclass_shift", "block_shift", "pair_flip"])
def test_shifts_move_every_class_at_the_rate(name):
    result = noisy(name, HUNDRED, 0.3, 100, class_names=CIFAR100_NAMES)
    assert result.mislabeled_fraction == pytest.approx(0.3, abs=0.01)
    np.testing.assert_allclose(np.diag(result.transition_matrix), 0.7, atol=0.1)
    assert ((result.transition_matrix > 0).sum(axis=1) == 2).all()


def random_images(n, shape=(6, 6, 3), seed=1):
    return np.random.default_rng(seed).integers(0, 256, (n, *shape), dtype=np.uint8)


@pytest.mark.parametrize("scale", ["raw255", "unit", "standardised"])
def test_instance_noise_flips_at_the_rate_in_every_class(scale):
    result = noisy("instance", TEN, 0.4, images=random_images(20_000), pixel_scale=scale)
    assert result.mislabeled_fraction == pytest.approx(0.4, abs=0.01)
    np.testing.assert_allclose(np.diag(result.transition_matrix), 0.6, atol=0.05)


def entropy_of_targets(scale):
    """How evenly 2,000 copies of one faint grey picture spread when they flip, in nat."""
    images = np.tile(random_images(1, (6, 6)) // 4, (2000, 1, 1))
    images[:1000] = random_images(1000, (6, 6))  # something to standardise against
    matrix = noisy(
        "instance", np.r_[np.ones(1000, int), np.zeros(1000, int)], 0.5, 4, seed=3,
        images=images, pixel_scale=scale,
    ).transition_matrix  # fmt: skip
    share = matrix[0, 1:] / matrix[0, 1:].sum()
    return -(share * np.log(np.maximum(share, 1e-12))).sum()


def test_the_same_picture_flips_to_the_same_class_on_raw_pixels_only():
    assert entropy_of_targets("raw255") == pytest.approx(0)
    assert entropy_of_targets("unit") > 0.1


def test_instance_noise_depends_on_the_picture():
    images = random_images(3000)
    label = np.zeros(3000, int)
    first = noisy("instance", label, 1.0, images=images)
    second = noisy("instance", label, 1.0, images=images[::-1].copy())
    both = (first.given_label != 0) & (second.given_label[::-1] != 0)
    assert both.sum() > 2000
    # Not all: a few pictures score two classes nearly alike.
    assert (first.given_label == second.given_label[::-1])[both].mean() > 0.99
    assert len(set(first.given_label[both])) > 3


def test_instance_rates_vary_by_a_tenth_and_are_cut():
    # Rates cut at 0 average above a small nominal rate: E = r + .1 phi(r/.1) / Phi(r/.1).
    result = noisy("instance", TEN, 0.05, images=random_images(20_000, (2, 2)))
    assert result.mislabeled_fraction == pytest.approx(0.1009, abs=0.01)


def test_instance_standardising_is_per_channel():
    images = random_images(500)
    stretched = images.astype(np.float64) * [0.5, 3.0, 10.0] + [700.0, 0.0, 100.0]
    label = np.arange(500) % 5
    plain, other = (
        noisy("instance", label, 0.8, 5, images=i, pixel_scale="standardised")
        for i in (images, stretched)
    )
    assert (plain.given_label == other.given_label).mean() > 0.99


def test_human_labels_are_taken_over_and_measured():
    human = [0, 1, 1, 1, 2, 0]
    result = noisy("human", [0, 0, 1, 1, 2, 2], 0, 3, human_label=human)
    assert result.given_label.tolist() == human
    assert result.mislabeled_fraction == pytest.approx(2 / 6)
    np.testing.assert_allclose(result.transition_matrix, [[0.5, 0.5, 0], [0, 1, 0], [0.5, 0, 0.5]])


def test_measured_noise_counts_and_leaves_an_absent_class_alone():
    matrix = transition_matrix(np.array([0, 0, 0, 2]), np.array([0, 1, 1, 0]), 4)
    np.testing.assert_allclose(
        matrix, [[1 / 3, 2 / 3, 0, 0], [0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1]]
    )
    assert mislabeled_fraction(np.array([0, 0, 0, 2]), np.array([0, 1, 1, 0])) == 0.75


@pytest.mark.parametrize("rate", [-0.1, 1.01, float("nan"), 50])
def test_a_rate_outside_0_to_1_is_refused(rate):
    with pytest.raises(UsageError, match="from 0 to 1"):
        noisy("symmetric", TEN, rate)


@pytest.mark.parametrize(
    ("name", "known", "message"),
    [
        ("asymmetric", {}, r"CIFAR-10 and CIFAR-100 only.*10 classes 0, 1, 2, \.\.\.; use pair"),
        ("asymmetric", {"class_names": list("abcdefghij")}, "classes a, b, c"),
        ("superclass_shift", {"class_names": CIFAR10_NAMES}, "CIFAR-100 only.*airplane"),
        ("instance", {}, "one array of equal size"),
        ("instance", {"images": random_images(20_000, (1, 1)), "pixel_scale": "x"}, "raw255"),
        ("human", {}, "column of human labels"),
        ("human", {"human_label": TEN[:5]}, "5 human labels for 20000"),
        ("human", {"human_label": TEN + 1}, "human labels run from 1 to 10"),
        ("human", {"human_label": TEN}, "leave the rate at 0"),
        ("none", {}, "has no rate"),
        ("salt", {}, "unknown noise 'salt'; known: none, symmetric"),
        ("symmetric", {"class_names": ["a"]}, "1 class names for 10"),
        ("symmetric", {"images": random_images(3)}, "3 images for 20000"),
    ],
)
def test_what_a_model_lacks_is_said(name, known, message):
    with pytest.raises(UsageError, match=message):
        noisy(name, TEN, 0.3, **known)


def test_block_shift_needs_blocks_of_five():
    with pytest.raises(UsageError, match="multiple of 5"):
        noisy("block_shift", [0, 1, 2], 0.3, 7)


@pytest.mark.parametrize(
    ("label", "n_classes"), [([0, 3], 3), ([-1, 0], 3), ([0.5], 3), ([], 3), ([[0]], 3), ([0], 1)]
)
def test_labels_that_are_none_are_refused(label, n_classes):
    with pytest.raises(UsageError):
        noisy("symmetric", label, 0.1, n_classes)
