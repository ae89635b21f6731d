"""WebVision in the published layout: two test splits in one run, and what is not as published."""

import dataclasses

import numpy as np
import pytest

from hmw_core import RunReader
from hmw_core.errors import UsageError
from tests.training.conftest import some_pictures
from training.config import RunConfig
from training.data.datasets.webvision import webvision
from training.data.prepare import load_data

SYNSETS = [f"n{number:08d}" for number in range(1000, 1055)]
TRAIN = [("google/q0001/a b.jpg", 0), ("google/q0002/b.jpg", 3), ("google/q0002/c.jpg", 3),
         ("google/q0901/d.jpg", 52), ("google/q0003/e.jpg", 49)]  # fmt: skip
TEST = [("val000001.jpg", 3), ("val000002.jpg", 0), ("val000003.jpg", 51), ("val000004.jpg", 49)]


def write_webvision(root, ilsvrc12="ILSVRC12"):
    """Write four training pictures of three classes, and three pictures for each test."""
    (root / "info").mkdir(parents=True)
    names = [f"{synset} class {n}, also {n}\n" for n, synset in enumerate(SYNSETS)]
    (root / "info/synsets.txt").write_text("".join(names))
    for name, lines in (("train_filelist_google.txt", TRAIN), ("val_filelist.txt", TEST)):
        text = "".join(f"{path} {label}\n" for path, label in lines)
        (root / "info" / name).write_text(text)
    of_ilsvrc12 = [f"{ilsvrc12}/val/{SYNSETS[c]}/{c}.JPEG" for c in (0, 3, 49, 51)]
    paths = [path for path, _ in TRAIN] + [f"val_images_256/{path}" for path, _ in TEST]
    paths += of_ilsvrc12 if ilsvrc12 else []
    for path, picture in zip(paths, some_pictures(len(paths)), strict=True):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(picture)
    return root


@pytest.fixture
def config(tmp_path):
    root = write_webvision(tmp_path / "w")
    return RunConfig(dataset="webvision", data=str(root), image_size=12)


def test_the_first_classes_of_both_lists_and_of_ilsvrc12(config):
    dataset = webvision(config)
    assert dataset.train.source == [path for path, label in TRAIN if label < 50]
    assert dataset.train.label.tolist() == [0, 3, 3, 49]
    assert dataset.train.true_label is None
    assert dataset.test.label.tolist() == [3, 0, 49]
    assert dataset.test.source[0] == "val_images_256/val000001.jpg"
    assert list(dataset.more_tests) == ["ilsvrc12"]
    other = dataset.more_tests["ilsvrc12"]
    assert other.label.tolist() == [0, 3, 49]
    assert other.source[2] == f"ILSVRC12/val/{SYNSETS[49]}/49.JPEG"
    assert dataset.class_names[3] == "class 3"
    assert len(dataset.class_names) == 50


def test_both_test_splits_are_logged_with_their_top_5(config, trained):
    folder = trained(
        dataset="webvision", data=config.data, image_size=12, train_samples=None, epochs=2
    )
    metrics = RunReader(folder).metrics()
    names = [f"test_{what}{end}" for end in ("", "_ilsvrc12") for what in ("accuracy", "top5")]
    found = metrics[names].to_numpy() * 3
    assert np.allclose(found, found.round())  # of three pictures each
    assert (metrics["test_top5_ilsvrc12"] >= metrics["test_accuracy_ilsvrc12"]).all()


def test_without_ilsvrc12_the_run_says_so(tmp_path):
    root = write_webvision(tmp_path / "w", ilsvrc12="elsewhere")
    config = RunConfig(dataset="webvision", data=str(root), image_size=12)
    dataset = webvision(config)
    assert dataset.more_tests == {}
    assert any("ILSVRC12 was not found" in warning.text for warning in dataset.warnings)
    named = dataclasses.replace(config, test_data=str(root / "elsewhere"))
    assert len(webvision(named).more_tests["ilsvrc12"]) == 3
    with pytest.raises(UsageError, match="holds no folder 'val'"):
        webvision(dataclasses.replace(config, test_data=str(root / "google")))


def test_a_class_that_one_test_split_lacks_is_said(config, tmp_path):
    place = tmp_path / f"w/ILSVRC12/val/{SYNSETS[3]}"
    (place / "3.JPEG").unlink()
    place.rmdir()
    dataset = webvision(config)
    assert dataset.more_tests["ilsvrc12"].label.tolist() == [0, 49]
    said = [warning.text for warning in dataset.warnings]
    assert said[0].startswith("WebVision's validation set has no picture of 47 of 50 classes")
    assert said[1].startswith("ILSVRC12's validation set has no picture of 48 of 50 classes")
    assert "class 3," in said[1]
    assert "class 3," not in said[0]


def test_broken_and_absent_pictures_of_any_split_are_named_or_left_out(config, tmp_path):
    root = tmp_path / "w"
    (root / "google/q0002/c.jpg").unlink()
    (root / f"ILSVRC12/val/{SYNSETS[0]}/0.JPEG").write_bytes(b"")
    with pytest.raises(UsageError) as said:
        load_data(config)
    lines = str(said.value).splitlines()
    assert lines[0].startswith("2 of 10 pictures are broken; ")
    assert lines[1:] == [
        "  google/q0002/c.jpg: gone",
        f"  ILSVRC12/val/{SYNSETS[0]}/0.JPEG: an empty file",
    ]
    data = load_data(dataclasses.replace(config, skip_broken=True))
    assert data.given_label.tolist() == [0, 3, 49]
    assert data.more_tests["ilsvrc12"].label.tolist() == [3, 49]


def test_what_is_missing_or_not_as_published_is_one_sentence(config, tmp_path):
    root, lists = tmp_path / "w", tmp_path / "w/info"
    with pytest.raises(UsageError, match="needs --data FOLDER"):
        webvision(RunConfig(dataset="webvision"))
    for name in ("val_images_256", "google"):
        (root / name).rename(root / "away")
        with pytest.raises(UsageError, match=f"holds no folder '{name}'"):
            webvision(config)
        (root / "away").rename(root / name)
    (root / "ILSVRC12/val").rename(root / "flat")
    (root / "ILSVRC12/val").mkdir()
    with pytest.raises(UsageError, match="must lie in a folder for each class, such as n00001000"):
        webvision(config)
    train = (lists / "train_filelist_google.txt").read_text()
    for text, said in ((train + "google/x.jpg\n", "line 6: expected a picture"),
                       ("google/x.jpg 50\n", "names no picture of the first 50")):  # fmt: skip
        (lists / "train_filelist_google.txt").write_text(text)
        with pytest.raises(UsageError, match=said):
            webvision(config)
    (lists / "synsets.txt").write_text("n00001000 tench\n")
    with pytest.raises(UsageError, match="for each of the first 50 classes"):
        webvision(config)
    (lists / "synsets.txt").unlink()
    with pytest.raises(UsageError, match=r"synsets\.txt cannot be read: No such file"):
        webvision(config)
