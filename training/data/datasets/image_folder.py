"""A folder of pictures, one folder a class."""

from pathlib import Path

import numpy as np

from hmw_core.errors import UsageError
from training.config import RunConfig
from training.data.datasets.base import Dataset, Split
from training.data.pictures import load_pictures

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"}


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
    train = root / "train" if (root / "train").is_dir() else root
    names = sorted(path.name for path in _folders(train) if path.name not in ("test", "val"))
    if len(names) < 2:
        found = f"only {names[0]!r}" if names else "none"
        raise UsageError(
            f"{train} must hold a folder of pictures for each of 2 or more classes; found {found}"
        )
    held = next((root / name for name in ("test", "val") if (root / name).is_dir()), None)
    if held is not None:
        strangers = {path.name for path in _folders(held)} - set(names)
        if strangers:
            raise UsageError(
                f"{held} has classes that {train} lacks: {', '.join(sorted(strangers))}"
            )
    split = _split(train, names, root, config.image_size)
    empty = [name for label, name in enumerate(names) if not (split.label == label).any()]
    if empty:
        raise UsageError(f"{train} has classes without a picture: {', '.join(empty)}")
    test = None if held is None else _split(held, names, root, config.image_size)
    return Dataset(names, split, test, augment="crop_flip")


def _folders(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]


def _split(folder: Path, names: list[str], root: Path, image_size: int | None) -> Split:
    paths: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(names):
        found = sorted(p for p in (folder / name).rglob("*") if p.suffix.lower() in SUFFIXES)
        paths += found
        labels += [label] * len(found)
    if not paths:
        raise UsageError(f"{folder} holds no picture ({', '.join(sorted(SUFFIXES))})")
    source = [path.relative_to(root).as_posix() for path in paths]
    images = load_pictures(paths, source, image_size)
    return Split(images, np.asarray(labels, dtype=np.int64), source)
