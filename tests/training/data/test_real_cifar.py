"""Real pictures with human labels, where the development data are: loading, training, resume."""

from pathlib import Path

import pytest

from hmw_core import RunReader
from training.data.prepare import load_data

DATA = Path(__file__).parents[3].parent / "shared" / "data"
pytestmark = pytest.mark.skipif(
    not (DATA / "cifar10_train.parquet").is_file(),
    reason="the CIFAR-10 files of ../shared/data are not on this machine",
)
HUMAN = {"dataset": "parquet", "noise": "human", "noise_column": "worse_label"}


@pytest.fixture
def files():
    return {
        "data": str(DATA / "cifar10_train.parquet"),
        "test_data": str(DATA / "cifar10_test.parquet"),
    }


@pytest.mark.slow
def test_the_published_share_of_wrong_labels(quick, files):
    data = load_data(quick(train_samples=None, **HUMAN, **files))
    assert data.images.shape == (50_000, 32, 32, 3)
    assert data.test_images.shape == (10_000, 32, 32, 3)
    assert data.class_names[0] == "airplane"
    assert data.noise["mislabeled_fraction"] == pytest.approx(0.4021, abs=1e-4)  # CIFAR-10N


@pytest.mark.slow
def test_human_labels_train(trained, files):
    fields = {"train_samples": 512, "epochs": 2, "batch_size": 128, "weighting": "hmw"}
    held = {"data": files["data"], "test_fraction": 0.01}  # the whole test file takes long
    run = RunReader(trained(**fields, **HUMAN, **held))
    assert run.epochs() == [1, 2]
    assert 0.35 < run.info["noise"]["mislabeled_fraction"] < 0.45
    assert run.metrics()["auroc_iam"].between(0, 1).all()
    assert run.metrics()["test_accuracy"].notna().all()
    assert len(run.images([0])) == 1


@pytest.mark.slow
def test_asymmetric_noise_knows_the_classes_by_name(quick, files):
    files = {"dataset": "parquet", "data": files["data"], "test_fraction": 0.1}
    data = load_data(quick(noise="asymmetric", noise_rate=0.4, train_samples=5000, **files))
    assert data.noise["mislabeled_fraction"] == pytest.approx(0.2, abs=0.02)
