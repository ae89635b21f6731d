"""CIFAR from a folder that holds it, read by torchvision itself from small stand-in files."""

import hashlib
import pickle

import numpy as np
import pytest
import torch
from torchvision.datasets import CIFAR10, CIFAR100

from hmw_core.errors import UsageError
from training.config import RunConfig
from training.data.datasets.cifar import cifar10, cifar100
from training.data.prepare import load_data
from training.recipes import recipe_fields


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


def human_labels(n: int, n_classes: int) -> dict[str, np.ndarray]:
    """Return what a published file of human labels holds, for `write_cifar`'s pictures."""
    clean = np.tile(np.arange(20) % n_classes, n // 20)
    worse = np.where(np.arange(n) % 5 == 0, (clean + 1) % n_classes, clean)
    return {"clean_label": clean, "worse_label": worse, "noisy_coarse_label": clean % 2}


def write_human(root, n_classes):
    """Write the published file of human labels of `write_cifar`'s pictures, as it is published."""
    found = human_labels(100 if n_classes == 10 else 20, n_classes)
    if n_classes == 100:
        found = {"clean_label": found["clean_label"], "noisy_label": found["worse_label"],
                 "noisy_coarse_label": found["noisy_coarse_label"]}  # fmt: skip
    torch.save(found, root / f"CIFAR-{n_classes}_human.pt")
    return found


@pytest.mark.parametrize(
    ("name", "source", "keys", "column"),
    [
        ("cifar10n", CIFAR10, ("labels", "label_names"), "worse_label"),
        ("cifar100n", CIFAR100, ("fine_labels", "fine_label_names"), "noisy_label"),
    ],
)
def test_human_labels_by_the_data_sets_own_name(
    quick, tmp_path, monkeypatch, name, source, keys, column
):
    n_classes = int(name[5:-1])
    write_cifar(tmp_path, source, n_classes, *keys, monkeypatch)
    found = write_human(tmp_path, n_classes)
    config = quick(dataset=name, data=str(tmp_path), train_samples=None)
    assert (config.noise, config.noise_column) == ("human", column)
    assert RunConfig.from_json(config.as_json()) == config
    data = load_data(config)
    assert data.given_label.tolist() == found[column].tolist()
    assert data.true_label.tolist() == found["clean_label"].tolist()
    assert data.noise["mislabeled_fraction"] == 0.2
    own = load_data(quick(dataset=name, data=str(tmp_path), noise="pair_flip", noise_rate=1.0))
    assert ((own.given_label - own.true_label) % n_classes == 1).all()
    on_cifar = recipe_fields("CCE", name.removesuffix("n"), "human")
    assert recipe_fields("CCE", name, "human") == on_cifar


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize(
    ("load", "source", "keys", "sizes", "name"),
    [
        (cifar10, CIFAR10, ("labels", "label_names"), (100, 10), "CIFAR-10_human.pt"),
        (cifar100, CIFAR100, ("fine_labels", "fine_label_names"), (20, 100), "CIFAR-100_human.pt"),
    ],
)
def test_human_labels_from_the_published_files(
    quick, tmp_path, monkeypatch, load, source, keys, sizes, name, inside
):
    folder = write_cifar(tmp_path, source, sizes[1], *keys, monkeypatch)
    found = human_labels(*sizes)
    torch.save(found, (folder if inside else tmp_path) / name)
    config = quick(
        dataset=load.__name__, data=str(tmp_path), noise="human", noise_column="worse_label"
    )
    dataset = load(config)
    assert dataset.train.human_label.tolist() == found["worse_label"].tolist()
    assert dataset.train.true_label.tolist() == found["clean_label"].tolist()
    assert dataset.test.human_label is None


BAD_HUMAN = {
    "another order": (lambda d: d | {"clean_label": d["clean_label"][::-1]}, "TensorFlow's order"),
    "no such column": (lambda d: {"clean_label": d["clean_label"]}, "no 'worse_label' .* nothing"),
    "no true labels": (lambda d: {"worse_label": d["worse_label"]}, "beside clean_label"),
    "too few": (lambda d: d | {"worse_label": d["worse_label"][1:]}, "has 99 worse_label"),
    "no class": (lambda d: d | {"worse_label": d["worse_label"] + 1}, "is 10, but there are 10"),
}


@pytest.mark.parametrize("case", BAD_HUMAN)
def test_human_labels_that_do_not_fit_are_refused(quick, tmp_path, monkeypatch, case):
    write_cifar(tmp_path, CIFAR10, 10, "labels", "label_names", monkeypatch)
    change, sentence = BAD_HUMAN[case]
    torch.save(change(human_labels(100, 10)), tmp_path / "CIFAR-10_human.pt")
    config = {"dataset": "cifar10", "data": str(tmp_path), "noise": "human"}
    with pytest.raises(UsageError, match=sentence):
        cifar10(quick(noise_column="worse_label", **config))
    with pytest.raises(UsageError, match="no 'noisy_coarse_label' of the 10 classes"):
        cifar10(quick(noise_column="noisy_coarse_label", **config))


def test_human_labels_that_are_not_there(quick, tmp_path, monkeypatch):
    write_cifar(tmp_path, CIFAR10, 10, "labels", "label_names", monkeypatch)
    config = quick(dataset="cifar10", data=str(tmp_path), noise="human", noise_column="worse_label")
    with pytest.raises(UsageError, match=r"there is no .*CIFAR-10_human\.pt; put the published"):
        cifar10(config)
