"""CIFAR from a folder that holds it, read by torchvision itself from small stand-in files."""

import hashlib
import pickle

import numpy as np
import pytest
from torchvision.datasets import CIFAR10, CIFAR100

from hmw_core.errors import UsageError
from training.data.datasets.cifar import cifar10, cifar100


def write_cifar(root, source, n_classes, labels_key, names_key, monkeypatch):
    """Write files of CIFAR's own format, and tell torchvision their checksums."""
    folder = root / source.base_folder
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    sums = {}
    for name in [*(n for n, _ in source.train_list), *(n for n, _ in source.test_list)]:
        pixels = rng.integers(0, 256, (20, 3072), dtype=np.uint8)
        labels = [int(label) for label in np.arange(20) % n_classes]
        content = pickle.dumps({"data": pixels, labels_key: labels})
        (folder / name).write_bytes(content)
        sums[name] = hashlib.md5(content).hexdigest()
    names = [f"class {label}" for label in range(n_classes)]
    content = pickle.dumps({names_key: names})
    (folder / source.meta["filename"]).write_bytes(content)
    for lists in ("train_list", "test_list"):
        fixed = [[name, sums[name]] for name, _ in getattr(source, lists)]
        monkeypatch.setattr(source, lists, fixed)
    meta = {**source.meta, "md5": hashlib.md5(content).hexdigest()}
    monkeypatch.setattr(source, "meta", meta)
    return folder


@pytest.mark.parametrize("inside", [False, True])
def test_cifar10_from_a_folder(quick, tmp_path, monkeypatch, inside):
    folder = write_cifar(tmp_path, CIFAR10, 10, "labels", "label_names", monkeypatch)
    dataset = cifar10(quick(data=str(folder if inside else tmp_path)))
    assert dataset.train.images.shape == (100, 32, 32, 3)
    assert dataset.train.images.dtype == np.uint8
    assert dataset.test.label.tolist() == list(range(10)) * 2
    assert np.array_equal(dataset.train.true_label, dataset.train.label)
    assert len(dataset.class_names) == 10


def test_cifar100_from_a_folder(quick, tmp_path, monkeypatch):
    write_cifar(tmp_path, CIFAR100, 100, "fine_labels", "fine_label_names", monkeypatch)
    dataset = cifar100(quick(data=str(tmp_path)))
    assert len(dataset.class_names) == 100
    assert dataset.train.images.shape == (20, 32, 32, 3)


def test_a_folder_without_cifar(quick, tmp_path):
    with pytest.raises(UsageError, match=r"CIFAR10 is not in .*cifar-10-batches-py there"):
        cifar10(quick(data=str(tmp_path)))


def test_no_network(quick, tmp_path, monkeypatch):
    def unreachable(*args, **kwargs):
        raise OSError("no network")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(CIFAR10, "download", unreachable)
    with pytest.raises(UsageError, match="could not be downloaded.*no network"):
        cifar10(quick())
