"""Data sets, one file each.

Contract, so that no file repeats it: a data set is a function of a ``RunConfig`` (it reads
``data``, ``test_data``, the column names and ``image_size``) that returns a ``Dataset``. Labels
are int64 in ``0..n_classes-1``. It puts no noise on them and holds nothing out:
`training.data.prepare` does. ``true_label`` is given only where the data set knows it: a benchmark
whose labels count as true, or a file with a column for them. What the user can get wrong is a
``UsageError``.
"""

from collections.abc import Callable

from training.config import RunConfig
from training.data.datasets.animal10n import animal10n
from training.data.datasets.base import Dataset
from training.data.datasets.cifar import cifar10, cifar10n, cifar100, cifar100n
from training.data.datasets.digits import digits
from training.data.datasets.image_folder import image_folder
from training.data.datasets.parquet import parquet
from training.data.datasets.webvision import webvision

DATASETS: dict[str, Callable[[RunConfig], Dataset]] = {
    "digits": digits,
    "cifar10": cifar10,
    "cifar100": cifar100,
    "cifar10n": cifar10n,
    "cifar100n": cifar100n,
    "animal10n": animal10n,
    "webvision": webvision,
    "image-folder": image_folder,
    "parquet": parquet,
}
