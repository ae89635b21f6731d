"""ANIMAL-10N: a folder as it is published, the label in each file's name."""

from collections import Counter
from pathlib import Path

import numpy as np

from hmw_core.errors import UsageError
from training.config import RunConfig
from training.data.datasets.base import Dataset, Split, read_split
from training.data.folder_walk import pictures_below, printable

CLASS_NAMES = (
    "cat", "lynx", "wolf", "coyote", "cheetah", "jaguar", "chimpanzee", "orangutan", "hamster",
    "guinea pig",
)  # fmt: skip


def animal10n(config: RunConfig) -> Dataset:
    """ANIMAL-10N: 50,000 + 5,000 pictures of 64 x 64 pixels, 10 animals that look alike in pairs.

    The folder --data holds `training` and `testing`, and a file's name begins with its label:
    `3_12345.jpg`. About 8 % of the training labels are wrong, it is not known which.

    Source: Song et al. (ICML 2019), SELFIE.
    """
    if config.data is None:
        raise UsageError("--dataset animal10n needs --data FOLDER, which holds training/, testing/")
    root = Path(config.data)
    train, test = (_split(root, name, config.image_size) for name in ("training", "testing"))
    return Dataset(CLASS_NAMES, train, test, augment="crop_flip")


def _split(root: Path, name: str, image_size: int | None) -> Split:
    folder = root / name
    if not folder.is_dir():
        raise UsageError(f"--data {printable(root)} holds no folder {name!r}; ANIMAL-10N has one")
    paths = list(pictures_below(folder, Counter()).values())
    if not paths:
        raise UsageError(f"{printable(folder)} holds no picture")
    label = np.array([_label(path) for path in paths], dtype=np.int64)
    source = [printable(path.relative_to(root).as_posix()) for path in paths]
    return read_split(paths, label, source, image_size)


def _label(path: Path) -> int:
    number = path.name.split("_")[0]
    if not (number.isascii() and number.isdigit() and int(number) < len(CLASS_NAMES)):
        raise UsageError(
            f"{printable(path)}: the name of a picture of ANIMAL-10N begins with its label, "
            f"0 to {len(CLASS_NAMES) - 1}, and an underscore"
        )
    return int(number)
