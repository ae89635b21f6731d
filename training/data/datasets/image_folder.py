"""A folder of pictures, one folder a class."""

from collections import Counter
from pathlib import Path

import numpy as np

from hmw_core.errors import UsageError
from hmw_core.log.schema import RunWarning
from training.config import RunConfig
from training.data.datasets.base import Dataset, Split, read_split
from training.data.folder_layout import Classes, find_layout
from training.data.folder_walk import entries, is_picture, pictures_below, printable

Places = dict[str, dict[str, Path]]
"""By class name the pictures, by their real path."""


def image_folder(config: RunConfig) -> Dataset:
    """Folder (--data) of pictures: train/CLASS/..., and test/ or val/ likewise if there is one.

    Without a train folder the classes may stand directly in it. Class names are the folder names,
    in alphabetical order. The labels may be wrong: nothing is known about the true ones.
    """
    if config.data is None:
        raise UsageError("--dataset image-folder needs --data FOLDER")
    root = Path(config.data)
    if not root.is_dir():
        raise UsageError(f"--data {root} is not a folder")
    layout = find_layout(root)
    notes, left_out, loose = list(layout.notes), Counter[str](), 0
    train = _places(layout.classes, left_out)
    held = _places(layout.held_classes, left_out)
    for folder, places in ((layout.train, train), (layout.held, held)):
        if folder is not None and not any(places.values()):
            raise UsageError(f"{printable(folder)} holds no picture {_found(left_out)}")
        loose += 0 if folder is None else sum(map(is_picture, entries(folder)))
    empty = [name for name, pictures in train.items() if not pictures]
    if empty:
        raise UsageError(
            f"{printable(layout.train)} has classes without a picture: {', '.join(empty)} "
            f"{_found(left_out)}"
        )
    if loose:
        notes.append(f"pictures that lie in no class's folder and are not used: {loose:,}")
    if left_out:
        notes.append(f"files left out, since they are not read as pictures: {_counts(left_out)}")
    notes += _met_twice(train, held)
    names = list(layout.classes)
    return Dataset(
        names,
        _split(train, names, root, config.image_size),
        None if layout.held is None else _split(held, names, root, config.image_size),
        augment="crop_flip",
        warnings=[RunWarning(note) for note in notes],
    )


def _places(classes: Classes, left_out: Counter[str]) -> Places:
    found: Places = {}
    for name, folders in classes.items():
        found[name] = {}
        for folder in folders:
            found[name] |= pictures_below(folder, left_out)
    return found


def _split(places: Places, names: list[str], root: Path, image_size: int | None) -> Split:
    paths = [path for pictures in places.values() for path in pictures.values()]
    labels = [names.index(name) for name, pictures in places.items() for _ in pictures]
    source = [printable(path.relative_to(root).as_posix()) for path in paths]
    return read_split(paths, np.asarray(labels, dtype=np.int64), source, image_size)


def _met_twice(train: Places, held: Places) -> list[str]:
    """Return what is to be said of pictures that links put into two classes, or two splits."""
    classes = Counter(real for pictures in train.values() for real in pictures)
    twice = sum(count > 1 for count in classes.values())
    shared = sum(real in classes for pictures in held.values() for real in pictures)
    notes = []
    if twice:
        notes.append(f"{twice:,} pictures are in several classes, by links")
    if shared:
        notes.append(f"{shared:,} pictures of the test split are trained on, too, by links")
    return notes


def _found(left_out: Counter[str]) -> str:
    return f"(found are {_counts(left_out) or 'no files'}; docs/training.md names what is read)"


def _counts(left_out: Counter[str]) -> str:
    common = sorted(left_out.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{n:,} {ending}" for ending, n in common)
