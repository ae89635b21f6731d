"""The image-folder data set: its layouts, and the folders it refuses."""

import os
import shutil

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


def said(dataset) -> str:
    return "\n".join(warning.text for warning in dataset.warnings)


@pytest.mark.parametrize("train", ["train", "TRAIN", "Training", "train_set", "01-Train", "trn"])
@pytest.mark.parametrize("held", ["test", "Testing", "val", "valid", "VALIDATION", "dev-set"])
def test_splits_in_every_usual_spelling(load, train, held):
    dataset = load({f"{train}/cat": 2, f"{train}/dog": 2, f"{held}/dog": 1})
    assert dataset.class_names == ["cat", "dog"]
    assert dataset.test.source == [f"{held}/dog/0.png"]
    assert said(dataset) == ""


@pytest.mark.parametrize("held", ["valid", "validation", "Test"])
def test_a_held_out_folder_beside_the_classes(load, held):
    dataset = load({"cat": 2, "dog": 2, f"{held}/cat": 1, "__MACOSX/cat": 1, ".cache/cat": 1})
    assert dataset.class_names == ["cat", "dog"]
    assert len(dataset.test) == 1


def test_of_test_and_validation_the_test_is_used_and_that_is_said(load):
    counts = {"train/cat": 1, "train/dog": 1, "test/cat": 1, "valid/dog": 2}
    dataset = load(counts)
    assert dataset.test.source == ["test/cat/0.png"]
    assert said(dataset) == "the test split is 'test'; 'valid' is not used"


def test_train_and_valid_may_be_classes(load):
    assert load({"car": 1, "plane": 1, "train": 1}).class_names == ["car", "plane", "train"]


def test_valid_and_invalid_are_classes_and_that_is_said(load):
    dataset = load({"valid": 1, "invalid": 1})
    assert dataset.class_names == ["invalid", "valid"]
    assert said(dataset) == "'valid' counts as a class: it holds pictures, no folders"


def test_classes_of_classes_are_said(load):
    dataset = load({"pets/cat": 1, "pets/dog": 1, "cars/red": 1})
    assert dataset.class_names == ["cars", "pets"]
    assert said(dataset).startswith("the classes are the outer folders ('cars', 'pets')")


def test_a_test_folder_without_classes_is_not_used(load):
    dataset = load({"train/cat": 1, "train/dog": 1, "test": 3, "extra/cat": 1})
    assert dataset.test is None
    assert "'test' holds no folder of a class and is not used" in said(dataset)
    assert "what lies beside 'train' is not read: 'extra'" in said(dataset)


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"cat/train": 1, "cat/test": 1, "dog/train": 1}, "splits inside of the classes, as cat/"),
        ({"images/train": 1, "images/val": 1, "labels/train": 0}, "inside of the classes"),
        ({"Train/cat": 1, "training/cat": 1}, "several training folders"),
        ({"train/a": 1, "train/b": 1, "val/a": 1, "valid/a": 1}, "several test folders"),
        ({"zip/train/cat": 1, "zip/train/dog": 1}, "if the classes are in it, name .*zip"),
        ({"seg_train/seg_train/cat": 1, "seg_test/cat": 1}, "seems to hold splits"),
        ({"train": 3, "test": 3}, "train must hold a folder .*found none"),
    ],
)
def test_layouts_that_are_refused_in_a_sentence(load, counts, message):
    with pytest.raises(UsageError, match=message):
        load(counts)


@pytest.fixture
def folder(tmp_path):
    """Return two classes of two pictures, cat and dog."""
    return write_image_folder(tmp_path / "pictures", {"cat": 2, "dog": 2})


@pytest.fixture
def loaded(quick, folder):
    """Return a function that loads `folder`."""
    return lambda: image_folder(quick(dataset="image-folder", data=str(folder)))


def test_what_systems_leave_behind_is_nobodys_data(folder, loaded):
    for name in ("._0.png", ".DS_Store", "Thumbs.db", "desktop.ini"):
        (folder / "cat" / name).write_bytes(b"x")
    for name in (".ipynb_checkpoints", "@eaDir", "__MACOSX"):
        shutil.copytree(folder / "dog", folder / "cat" / name)
    dataset = loaded()
    assert dataset.train.label.tolist() == [0, 0, 1, 1]
    assert said(dataset) == ""


def test_other_files_are_counted(folder, loaded):
    for name in ("a.HEIC", "b.heic", "c.txt", "README", ".hidden.png"):
        (folder / "cat" / name).write_bytes(b"x")
    (folder / "loose.png").write_bytes(b"x")
    assert said(loaded()).splitlines() == [
        "pictures that lie in no class's folder and are not used: 1",
        "files left out, since they are not read as pictures: 2 .heic, 1 .txt, 1 hidden, "
        "1 without an ending",
    ]
    for picture in (folder / "cat").glob("*.png"):
        picture.unlink()
    with pytest.raises(UsageError, match=r"without a picture: cat \(found are 2 \.heic, 1 \.txt"):
        loaded()


def test_endings_in_any_case_and_folders_named_like_pictures(folder, loaded):
    (folder / "cat/0.png").rename(folder / "cat/0.PNG")
    (folder / "dog/odd.png").mkdir()
    (folder / "dog/0.png").rename(folder / "dog/odd.png/0.Png")
    assert loaded().train.source == ["cat/0.PNG", "cat/1.png", "dog/1.png", "dog/odd.png/0.Png"]


def test_links_are_followed_and_loops_end(folder, loaded, tmp_path):
    pool = write_image_folder(tmp_path / "pool", {"in/deep": 3})
    (folder / "cat/linked").symlink_to(pool)
    (folder / "cat/again").symlink_to(pool / "in")
    (folder / "cat/back").symlink_to(folder / "cat")
    (folder / "cat/self").symlink_to("self")
    (folder / "cat/same.png").symlink_to(folder / "cat/0.png")
    (folder / "eel").symlink_to(pool / "in/deep")
    dataset = loaded()
    assert dataset.class_names == ["cat", "dog", "eel"]
    assert dataset.train.label.tolist() == [0] * 5 + [1] * 2 + [2] * 3
    assert dataset.train.broken == [("cat/self", "Too many levels of symbolic links", 0)]
    assert said(dataset) == "3 pictures are in several classes, by links"


@pytest.mark.parametrize("target", ["..", "../..", "/", None])
def test_a_link_to_what_it_lies_in_brings_no_other_data(folder, loaded, tmp_path_factory, target):
    """By way of a pool, too, which is elsewhere and leads back from there."""
    pool = tmp_path_factory.mktemp("pool")
    (pool / "up").symlink_to(folder.parent)
    (folder / "cat/up.png").symlink_to(target or pool)
    (folder / "up").symlink_to("..")
    dataset = loaded()
    assert dataset.class_names == ["cat", "dog"]
    assert dataset.train.source == ["cat/0.png", "cat/1.png", "dog/0.png", "dog/1.png"]


def test_a_test_picture_that_is_trained_on_is_said(folder, loaded):
    (folder / "val").mkdir()
    (folder / "val/cat").symlink_to(folder / "cat")
    assert said(loaded()) == "2 pictures of the test split are trained on, too, by links"


def test_names_that_are_no_utf_8(folder, loaded):
    os.rename(os.fsencode(folder / "dog"), os.fsencode(folder) + b"/d\xf6g")
    os.rename(os.fsencode(folder / "cat/0.png"), os.fsencode(folder) + b"/cat/\xe9.png")
    dataset = loaded()
    assert dataset.class_names == ["cat", "d\\xf6g"]
    assert dataset.train.source[:2] == ["cat/1.png", "cat/\\xe9.png"]


def test_one_class_in_two_spellings_of_an_accent(load):
    dataset = load({"train/caf\u00e9": 1, "train/dog": 1, "val/cafe\u0301": 2})
    assert dataset.class_names == ["caf\u00e9", "dog"]
    assert dataset.test.label.tolist() == [0, 0]


def test_what_is_no_regular_file_is_broken_and_never_opened(folder, loaded):
    os.mkfifo(folder / "cat/pipe.png")
    (folder / "dog/null.png").symlink_to("/dev/zero")
    (folder / "dog/gone.png").symlink_to("/nowhere.png")
    assert loaded().train.broken == [
        ("cat/pipe.png", "no regular file", 0),
        ("dog/gone.png", "a link that leads nowhere", 1),
        ("dog/null.png", "no regular file", 1),
    ]


def test_a_folder_that_cannot_be_opened(folder, loaded, monkeypatch):
    def refuse(path, scandir=os.scandir):
        if str(path).endswith("dog"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(UsageError, match="folder .*dog cannot be read: Permission denied"):
        loaded()
