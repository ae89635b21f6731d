"""WebVision 1.0, its first 50 classes ("mini"), tested on its own validation set and ILSVRC12's."""

from collections import Counter
from pathlib import Path

import numpy as np

from hmw_core.errors import UsageError
from hmw_core.log.schema import RunWarning
from training.config import RunConfig
from training.data.datasets.base import Dataset, Split, read_split
from training.data.folder_walk import pictures_below, printable
from training.data.pictures import DEFAULT_LARGE_SIDE

N_CLASSES = 50
VALIDATION = ("val_images_256", "val_images")  # of the release in 256 pixels, and of the full one
ILSVRC12 = ("ILSVRC12", "imagenet")


def webvision(config: RunConfig) -> Dataset:
    """Mini-WebVision: about 66,000 pictures that Google found for 50 classes, 20 % of them wrong.

    The folder --data is as published: `info/` with `synsets.txt`, `train_filelist_google.txt` and
    `val_filelist.txt`; `google/q0001/...` with the pictures of the first list; `val_images_256/`
    (or `val_images/`) with those of the second. `test_accuracy` is on that validation set.

    Where the validation set of ILSVRC12 is found, its 50 classes are tested, too, as
    `test_accuracy_ilsvrc12`. It has a folder of pictures for each class, `val/n01440764/...`, in
    the folder that `--test-data` names, else in `ILSVRC12/` or `imagenet/` in --data. Without
    `--image-size`, pictures are brought to 224 pixels. Which labels are wrong is not known.

    Source: Li et al. (2017); the first 50 classes as in Jiang et al. (2018), MentorNet.
    """
    if config.data is None:
        raise UsageError(
            "--dataset webvision needs --data FOLDER, which holds info/, google/, val_images_256/"
        )
    root = Path(config.data)
    synsets, names = _classes(root / "info" / "synsets.txt")
    size = config.image_size or DEFAULT_LARGE_SIDE
    _folder(root, ("google",))
    train = _listed(root, "train_filelist_google.txt", root, size)
    test = _listed(root, "val_filelist.txt", _folder(root, VALIDATION), size)
    warnings = [*_missing("WebVision's validation set", test.label, names)]
    more_tests = {}
    place = _ilsvrc12(root, config.test_data)
    if place is None:
        warnings.append(
            RunWarning(
                "ILSVRC12 was not found, so the run is tested on WebVision's validation set only; "
                f"accepted is val/{synsets[0]}/... in {' or '.join(ILSVRC12)} in --data, or in "
                "--test-data."
            )
        )
    else:
        other = _by_synset(place / "val", synsets, root, size)
        warnings += _missing("ILSVRC12's validation set", other.label, names)
        more_tests["ilsvrc12"] = other
    return Dataset(names, train, test, "crop_flip", warnings=warnings, more_tests=more_tests)


def _classes(file: Path) -> tuple[list[str], list[str]]:
    """Return synsets and names of the first classes: `n01440764 tench, Tinca tinca` a line."""
    lines = [line.split(maxsplit=1) for line in _lines(file)[:N_CLASSES]]
    if len(lines) < N_CLASSES or any(len(line) < 2 for line in lines):
        raise UsageError(
            f"{printable(file)} must hold a line such as `n01440764 tench, Tinca tinca` for each "
            f"of the first {N_CLASSES} classes"
        )
    full = [name.strip() for _, name in lines]
    short = [name.split(",")[0] for name in full]
    return [synset for synset, _ in lines], short if len(set(short)) == N_CLASSES else full


def _listed(root: Path, name: str, folder: Path, size: int) -> Split:
    """Return the pictures below `folder` that a list names with their class; other classes not.

    One that is not there counts as broken.
    """
    file = root / "info" / name
    paths, labels = [], []
    for number, line in enumerate(_lines(file), start=1):
        path, _, label = line.strip().rpartition(" ")
        if not (path and label.isascii() and label.isdigit()):
            raise UsageError(
                f"{printable(file)}, line {number}: expected a picture and the number of its "
                f"class, got {line.strip()[:80]!r}"
            )
        if int(label) < N_CLASSES:
            paths.append(folder / path)
            labels.append(int(label))
    if not paths:
        raise UsageError(f"{printable(file)} names no picture of the first {N_CLASSES} classes")
    return _split(paths, labels, root, size)


def _by_synset(folder: Path, synsets: list[str], root: Path, size: int) -> Split:
    there = [(label, folder / name) for label, name in enumerate(synsets)]
    found = [
        (label, path)
        for label, place in there
        if place.is_dir()
        for path in pictures_below(place, Counter()).values()
    ]
    if not found:
        raise UsageError(
            f"{printable(folder)} holds no picture of WebVision's first {N_CLASSES} classes; "
            f"ILSVRC12's must lie in a folder for each class, such as {synsets[0]}"
        )
    return _split([path for _, path in found], [label for label, _ in found], root, size)


def _split(paths: list[Path], labels: list[int], root: Path, size: int) -> Split:
    names = (path.relative_to(root) if path.is_relative_to(root) else path for path in paths)
    source = [printable(name.as_posix()) for name in names]
    return read_split(paths, np.asarray(labels, dtype=np.int64), source, size)


def _ilsvrc12(root: Path, named: str | None) -> Path | None:
    places = [root / name for name in ILSVRC12] if named is None else [Path(named)]
    found = next((place for place in places if (place / "val").is_dir()), None)
    if found is None and named is not None:
        raise UsageError(f"--test-data {named} holds no folder 'val', as ILSVRC12 has one")
    return found


def _folder(root: Path, names: tuple[str, ...]) -> Path:
    found = next((root / name for name in names if (root / name).is_dir()), None)
    if found is None:
        which = " or ".join(map(repr, names))
        raise UsageError(f"--data {printable(root)} holds no folder {which}; WebVision has one")
    return found


def _lines(file: Path) -> list[str]:
    try:
        return [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        reason = "no text" if isinstance(error, UnicodeDecodeError) else error.strerror
        raise UsageError(f"{printable(file)} cannot be read: {reason}") from None


def _missing(what: str, label: np.ndarray, names: list[str]) -> list[RunWarning]:
    """Return what to say of classes that a test split lacks: nothing, or one warning."""
    lacks = np.setdiff1d(np.arange(N_CLASSES), label)
    if not len(lacks):
        return []
    shown = ", ".join(names[c] for c in lacks[:6]) + (", ..." if len(lacks) > 6 else "")
    text = f"{what} has no picture of {len(lacks)} of {N_CLASSES} classes, so they are not tested: "
    return [RunWarning(text + shown)]
