"""ANIMAL-10N: labels from the names of files, two folders, and what is not as published."""

import pytest

from hmw_core.errors import UsageError
from tests.training.conftest import some_pictures
from training.config import RunConfig
from training.data.datasets.animal10n import animal10n


def write_animal10n(root, names=("0_1.png", "9_2.png", "3_3.png")):
    for folder, seed in (("training", 0), ("testing", 1)):
        (root / folder).mkdir(parents=True)
        pictures = some_pictures(len(names), seed=seed)
        for name, picture in zip(names, pictures, strict=True):
            (root / folder / name).write_bytes(picture)


def test_labels_are_the_names_beginnings(tmp_path):
    write_animal10n(tmp_path)
    dataset = animal10n(RunConfig(dataset="animal10n", data=str(tmp_path)))
    assert dataset.train.source == ["training/0_1.png", "training/3_3.png", "training/9_2.png"]
    assert [dataset.class_names[label] for label in dataset.train.label] == [
        "cat",
        "coyote",
        "guinea pig",
    ]
    assert dataset.train.true_label is None
    assert len(dataset.test) == 3


@pytest.mark.parametrize("name", ["10_1.png", "cat_1.png", "_1.png", "\u00b2_1.png"])
def test_another_name_is_refused(tmp_path, name):
    write_animal10n(tmp_path, names=("0_1.png", name))
    with pytest.raises(UsageError, match="begins with its label, 0 to 9"):
        animal10n(RunConfig(dataset="animal10n", data=str(tmp_path)))


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(UsageError, match="needs --data FOLDER"):
        animal10n(RunConfig(dataset="animal10n"))
    with pytest.raises(UsageError, match="holds no folder 'training'"):
        animal10n(RunConfig(dataset="animal10n", data=str(tmp_path)))
    (tmp_path / "training").mkdir()
    with pytest.raises(UsageError, match="holds no picture"):
        animal10n(RunConfig(dataset="animal10n", data=str(tmp_path)))
