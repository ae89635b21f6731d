"""CIFAR-10 and CIFAR-100 through torchvision: downloaded, or from a folder that holds them."""

from pathlib import Path

import numpy as np
from torchvision import datasets as torchvision_datasets

from hmw_core.errors import UsageError
from training.config import RunConfig
from training.data.datasets.base import Dataset, Split

DOWNLOADS = "data/datasets"


def cifar10(config: RunConfig) -> Dataset:
    """CIFAR-10: 50,000 + 10,000 colour pictures of 32 x 32 pixels, 10 classes.

    Source: Krizhevsky (2009); mean and std as in UNICON, DivideMix and HMW.
    """
    mean, std = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
    return _load(torchvision_datasets.CIFAR10, config, mean, std)


def cifar100(config: RunConfig) -> Dataset:
    """CIFAR-100: 50,000 + 10,000 colour pictures of 32 x 32 pixels, 100 classes.

    Source: Krizhevsky (2009); mean and std as in UNICON, DivideMix and HMW.
    """
    mean, std = (0.507, 0.487, 0.441), (0.267, 0.256, 0.276)
    return _load(torchvision_datasets.CIFAR100, config, mean, std)


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
    return Dataset(
        train.classes, _split(train, "train"), _split(test, "test"), "crop_flip", mean, std
    )


def _split(loaded: torchvision_datasets.CIFAR10, name: str) -> Split:
    label = np.asarray(loaded.targets, dtype=np.int64)
    source = [f"{name}/{row}" for row in range(len(label))]
    return Split(np.asarray(loaded.data, dtype=np.uint8), label, source, true_label=label)
