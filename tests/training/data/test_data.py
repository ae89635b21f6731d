"""Split and noise: strata, streams of the seed, and what may be known of true labels."""

import numpy as np
import pytest

from hmw_core.errors import UsageError
from tests.training.conftest import some_pictures, write_parquet
from training.data.prepare import hold_out, load_data


def test_hold_out_takes_the_same_share_of_every_class():
    label = np.repeat([0, 1, 2], [100, 50, 10])
    held = hold_out(label, 0.2, np.random.default_rng(0))
    assert np.bincount(label[held]).tolist() == [20, 10, 2]


def test_hold_out_leaves_a_class_its_only_sample():
    label = np.array([0, 0, 1])
    held = hold_out(label, 0.9, np.random.default_rng(0))
    assert np.bincount(label[held], minlength=2).tolist() == [1, 0]
    assert not held[2]


def test_the_seed_decides_split_and_noise(quick):
    fields = {"noise": "symmetric", "noise_rate": 0.5}
    first, again, other = (load_data(quick(seed=s, **fields)) for s in (1, 1, 2))
    assert np.array_equal(first.images, again.images)
    assert np.array_equal(first.given_label, again.given_label)
    assert not np.array_equal(first.images, other.images)


def test_noise_does_not_move_the_split(quick):
    clean = load_data(quick())
    noisy = load_data(quick(noise="symmetric", noise_rate=0.5))
    assert np.array_equal(clean.images, noisy.images)
    assert np.array_equal(clean.true_label, noisy.true_label)
    assert noisy.noise["mislabeled_fraction"] == (noisy.given_label != noisy.true_label).mean()
    assert np.asarray(noisy.noise["transition_matrix"]).sum(axis=1) == pytest.approx(np.ones(10))


def test_train_and_test_do_not_overlap(quick):
    data = load_data(quick(train_samples=None))
    assert len(data.given_label) + len(data.test_label) == 1797
    assert abs(len(data.test_label) / 1797 - 0.2) < 0.01
    assert len(set(data.source)) == len(data.given_label)


def test_no_test_split_when_none_is_wanted(quick):
    data = load_data(quick(test_fraction=0.0))
    assert data.test_images is None
    assert data.test_label is None


@pytest.fixture
def labelled(tmp_path):
    rng = np.random.default_rng(0)
    true = np.arange(40) % 4
    given = np.where(rng.random(40) < 0.3, (true + 1) % 4, true)
    columns = {"image": some_pictures(40), "true": true, "given": given}
    return str(write_parquet(tmp_path / "d.parquet", columns))


def test_real_labels_stay_unknown(quick, labelled):
    data = load_data(quick(dataset="parquet", data=labelled, label_column="given"))
    assert data.true_label is None
    assert data.noise == {"name": "none", "rate": 0.0}


def test_wrong_labels_of_a_file_are_measured(quick, labelled):
    fields = {"dataset": "parquet", "data": labelled, "test_fraction": 0.0}
    beside = load_data(quick(label_column="given", true_label_column="true", **fields))
    human = load_data(quick(label_column="true", noise="human", noise_column="given", **fields))
    assert beside.noise["mislabeled_fraction"] > 0
    assert np.array_equal(beside.given_label, human.given_label)
    assert np.array_equal(beside.true_label, human.true_label)
    assert beside.noise["transition_matrix"] == human.noise["transition_matrix"]


def test_synthetic_noise_counts_the_labels_as_true(quick, labelled):
    config = quick(
        dataset="parquet", data=labelled, label_column="true", noise="pair_flip", noise_rate=1.0
    )
    data = load_data(config)
    assert np.array_equal(data.given_label, (data.true_label + 1) % 4)


def test_noise_on_top_of_wrong_labels_is_refused(quick, labelled):
    config = quick(
        dataset="parquet",
        data=labelled,
        label_column="given",
        true_label_column="true",
        noise="symmetric",
        noise_rate=0.5,
    )
    with pytest.raises(UsageError, match="on top of the wrong labels"):
        load_data(config)


def test_asymmetric_noise_without_a_class_map(quick):
    with pytest.raises(UsageError, match="class map for CIFAR-10 and CIFAR-100 only"):
        load_data(quick(noise="asymmetric", noise_rate=0.3))


def test_instance_noise_sees_the_pictures(quick):
    data = load_data(quick(noise="instance", noise_rate=0.4))
    assert 0.2 < data.noise["mislabeled_fraction"] < 0.6
