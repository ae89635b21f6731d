"""What every data set owes: dtypes, ranges, no overlap of splits, a line for `list`."""

import numpy as np
import pytest
from torchvision.datasets import CIFAR10, CIFAR100

from tests.training.conftest import some_pictures, write_image_folder, write_parquet
from tests.training.data.test_datasets_animal10n import write_animal10n
from tests.training.data.test_datasets_cifar import write_cifar, write_human
from tests.training.data.test_datasets_webvision import write_webvision
from training.config import RunConfig
from training.data.datasets import DATASETS

N_CLASSES = {
    "digits": 10,
    "cifar10": 10,
    "cifar100": 100,
    "cifar10n": 10,
    "cifar100n": 100,
    "animal10n": 10,
    "webvision": 50,
    "image-folder": 3,
    "parquet": 3,
}


@pytest.fixture(params=DATASETS)
def loaded(request, tmp_path, monkeypatch):
    """Each data set, loaded from small files of its own format: nothing is downloaded."""
    data = tmp_path
    if request.param in ("cifar10", "cifar10n"):
        write_cifar(tmp_path, CIFAR10, 10, "labels", "label_names", monkeypatch)
        write_human(tmp_path, 10)
    elif request.param in ("cifar100", "cifar100n"):
        write_cifar(tmp_path, CIFAR100, 100, "fine_labels", "fine_label_names", monkeypatch)
        write_human(tmp_path, 100)
    elif request.param == "animal10n":
        write_animal10n(tmp_path)
    elif request.param == "webvision":
        write_webvision(tmp_path)
    elif request.param == "image-folder":
        counts = {"train/a": 4, "train/b": 4, "train/c": 4, "test/a": 1, "test/b": 1}
        write_image_folder(tmp_path, counts)
    elif request.param == "parquet":
        columns = {"image": some_pictures(12), "label": np.arange(12) % 3}
        data = write_parquet(tmp_path / "d.parquet", columns)
    size = 12 if request.param == "webvision" else None  # by default its pictures are large
    config = RunConfig(dataset=request.param, data=str(data), image_size=size)
    return request.param, DATASETS[request.param](config)


def test_pictures_and_labels(loaded):
    name, dataset = loaded
    assert len(dataset.class_names) == N_CLASSES[name]
    tests = (dataset.test, *dataset.more_tests.values())
    for split in (s for s in (dataset.train, *tests) if s is not None):
        assert split.images.dtype == np.uint8
        assert split.images.ndim == 4
        assert split.images.shape[3] in (1, 3)
        assert split.label.dtype == np.int64
        assert len(split.images) == len(split.label) == len(split.source)
        assert 0 <= split.label.min() <= split.label.max() < len(dataset.class_names)


def test_splits_do_not_overlap(loaded):
    _, dataset = loaded
    splits = [
        dataset.train,
        *([dataset.test] if dataset.test else []),
        *dataset.more_tests.values(),
    ]
    sources = [source for split in splits for source in split.source]
    assert len(set(sources)) == len(sources)


def test_sources_are_unique(loaded):
    _, dataset = loaded
    assert len(set(dataset.train.source)) == len(dataset.train)


def test_rows_can_be_taken(loaded):
    _, dataset = loaded
    part = dataset.train.take(np.array([2, 0]))
    assert np.array_equal(part.images[0], dataset.train.images[2])
    assert part.label.tolist() == dataset.train.label[[2, 0]].tolist()


@pytest.mark.parametrize("name", DATASETS)
def test_says_what_it_is(name):
    assert DATASETS[name].__doc__
    assert len(DATASETS[name].__doc__.splitlines()[0]) <= 100
