"""The image-folder data set: its layouts, and the folders it refuses."""

import pytest

from hmw_core.errors import UsageError
from tests.training.conftest import write_image_folder
from training.data.datasets.image_folder import image_folder


@pytest.fixture
def load(quick, tmp_path):
    """Return a function that writes a folder of pictures and loads it."""

    def run(counts, **fields):
        root = write_image_folder(tmp_path / "pictures", counts)
        return image_folder(quick(dataset="image-folder", data=str(root), **fields))

    return run


def test_train_and_test_folders(load):
    dataset = load({"train/cat": 3, "train/dog": 2, "test/dog": 1, "test/cat": 1})
    assert dataset.class_names == ["cat", "dog"]
    assert dataset.train.label.tolist() == [0, 0, 0, 1, 1]
    assert dataset.train.source[0] == "train/cat/0.png"
    assert dataset.test.label.tolist() == [0, 1]
    assert dataset.train.true_label is None


def test_classes_directly_in_the_folder_and_val(load):
    dataset = load({"cat": 2, "dog": 2, "val/cat": 1})
    assert dataset.class_names == ["cat", "dog"]
    assert len(dataset.train) == 4
    assert len(dataset.test) == 1


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"train/cat": 3}, "2 or more classes; found only 'cat'"),
        ({"train/.hidden": 3}, "2 or more classes; found none"),
        ({"train/cat": 3, "train/dog": 0}, "classes without a picture: dog"),
        ({"train/cat": 0, "train/dog": 0}, "holds no picture"),
        ({"train/cat": 1, "train/dog": 1, "test/eel": 1}, "has classes that .*train lacks: eel"),
    ],
)
def test_a_folder_that_cannot_be_trained_on(load, counts, message):
    with pytest.raises(UsageError, match=message):
        load(counts)


def test_a_folder_that_is_not_there(quick, tmp_path):
    with pytest.raises(UsageError, match="is not a folder"):
        image_folder(quick(data=str(tmp_path / "no")))
    with pytest.raises(UsageError, match="needs --data FOLDER"):
        image_folder(quick())
