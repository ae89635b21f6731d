"""CIFAR-10 and CIFAR-100 through torchvision: downloaded, or from a folder that holds them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from torchvision import datasets as torchvision_datasets

from hmw_core.errors import UsageError
from hmw_core.foreign.array_files import arrays_in_file
from hmw_core.foreign.label_column import label_column
from training.config import RunConfig
from training.data.datasets.base import Dataset, Split

DOWNLOADS = "data/datasets"


def cifar10(config: RunConfig) -> Dataset:
    """CIFAR-10: 50,000 + 10,000 colour pictures of 32 x 32 pixels, 10 classes.

    With `--noise human --noise-column worse_label` (or `aggre_label`, `random_label1` ...) the
    labels are those of CIFAR-10N, from its published file `CIFAR-10_human.pt` in the folder --data.

    Source: Krizhevsky (2009); mean and std as in UNICON, DivideMix and HMW.
    """
    mean, std = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
    return _load(torchvision_datasets.CIFAR10, config, mean, std)


def cifar100(config: RunConfig) -> Dataset:
    """CIFAR-100: 50,000 + 10,000 colour pictures of 32 x 32 pixels, 100 classes.

    With `--noise human --noise-column noisy_label` the labels are those of CIFAR-100N, from its
    published file `CIFAR-100_human.pt` in the folder --data.

    Source: Krizhevsky (2009); mean and std as in UNICON, DivideMix and HMW.
    """
    mean, std = (0.507, 0.487, 0.441), (0.267, 0.256, 0.276)
    return _load(torchvision_datasets.CIFAR100, config, mean, std)


def cifar10n(config: RunConfig) -> Dataset:
    """CIFAR-10 with labels that people gave: `worse_label`, or another that --noise-column names.

    The same as `cifar10` with `--noise human`; with another noise, its true labels are CIFAR's.

    Source: Wei et al. (ICLR 2022).
    """
    return cifar10(config)


def cifar100n(config: RunConfig) -> Dataset:
    """CIFAR-100 with labels that people gave, `noisy_label` of the published file.

    The same as `cifar100` with `--noise human`; with another noise, its true labels are CIFAR's.

    Source: Wei et al. (ICLR 2022).
    """
    return cifar100(config)


def _load(
    source: type[torchvision_datasets.CIFAR10],
    config: RunConfig,
    mean: tuple[float, ...],
    std: tuple[float, ...],
) -> Dataset:
    folder = Path(config.data or DOWNLOADS)
    if folder.name == source.base_folder:
        folder = folder.parent  # the unpacked folder itself was named
    download = config.data is None and not (folder / source.base_folder).is_dir()
    try:
        train = source(folder, train=True, download=download)
        test = source(folder, train=False)
    except (
        OSError,
        RuntimeError,
    ) as error:  # torchvision's "not found or corrupted", or no network
        raise UsageError(
            f"{source.__name__} is not in {folder} and could not be downloaded ({error}); put "
            f"{source.filename} or its folder {source.base_folder} there, or name with --data "
            "the folder that holds it"
        ) from None
    split = _split(train, "train")
    if config.noise_column is not None:
        name = f"CIFAR-{len(train.classes)}_human.pt"
        places = [folder / name, folder / source.base_folder / name]
        file = next((place for place in places if place.is_file()), places[0])
        human = _human_label(file, config.noise_column, split.label, len(train.classes))
        split = replace(split, human_label=human)
    return Dataset(train.classes, split, _split(test, "test"), "crop_flip", mean, std)


def _split(loaded: torchvision_datasets.CIFAR10, name: str) -> Split:
    label = np.asarray(loaded.targets, dtype=np.int64)
    source = [f"{name}/{row}" for row in range(len(label))]
    return Split(np.asarray(loaded.data, dtype=np.uint8), label, source, true_label=label)


def _human_label(file: Path, column: str, true_label: np.ndarray, n_classes: int) -> np.ndarray:
    """Return the labels that people gave, from a published file of CIFAR-10N or CIFAR-100N.

    Source: Wei et al. (ICLR 2022); github.com/UCSC-REAL/cifar-10-100n.
    """
    if not file.is_file():
        raise UsageError(
            f"there is no {file}; put the published file of human labels there, from "
            "github.com/UCSC-REAL/cifar-10-100n"
        )
    arrays = arrays_in_file(file.read_bytes(), str(file))
    clean = arrays.pop("clean_label", None)
    known = [name for name in arrays if "coarse" not in name]  # of the 20 superclasses
    if column not in known or clean is None:
        raise UsageError(
            f"{file} has no {column!r} of the {n_classes} classes beside clean_label; it has "
            f"{', '.join(known) or 'nothing'}"
        )
    if not np.array_equal(clean, true_label):
        raise UsageError(
            f"{file} is of other data: its clean_label differs from the true labels (the files "
            "called `ordered` have TensorFlow's order; take the one that is not)"
        )
    label = label_column(arrays[column], f"{column} of {file}", n_classes=n_classes).label
    if len(label) != len(true_label):
        raise UsageError(f"{file} has {len(label)} {column}, but there are {len(true_label)}")
    return label
