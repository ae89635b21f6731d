"""What a data set hands over: pictures and labels, before any noise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hmw_core.log.schema import RunWarning
from training.data.pictures import EncodedImages, Images, load_pictures


class Broken(NamedTuple):
    """A picture that cannot be read, and so is in no split."""

    source: str
    reason: str
    label: int


@dataclass(frozen=True)
class Split:
    """N pictures with their labels, in the data set's own order."""

    images: Images
    """uint8 of shape (N, H, W, C), or encoded pictures."""
    label: np.ndarray
    """(N,), int64: the label to train on, before synthetic noise."""
    source: Sequence[str]
    """Place of each sample in the data set."""
    true_label: np.ndarray | None = None
    """(N,), int64, where the data set knows it."""
    human_label: np.ndarray | None = None
    """(N,), int64: the labels of the noise `human`."""
    broken: Sequence[Broken] = ()
    """Those left out; `training.data.prepare` decides whether they may be."""

    def __len__(self) -> int:
        return len(self.label)

    def take(self, rows: np.ndarray) -> "Split":
        """Return some rows, in the order given."""
        images = self.images
        return replace(
            self,
            images=images.take(rows) if isinstance(images, EncodedImages) else images[rows],
            label=self.label[rows],
            source=[self.source[row] for row in rows],
            true_label=None if self.true_label is None else self.true_label[rows],
            human_label=None if self.human_label is None else self.human_label[rows],
        )


def read_split(
    pictures: Sequence[bytes | Path],
    label: np.ndarray,
    source: Sequence[str],
    image_size: int | None,
    true_label: np.ndarray | None = None,
    human_label: np.ndarray | None = None,
) -> Split:
    """Return the split of N encoded pictures; the broken ones are noted and left out."""
    images, bad = load_pictures(pictures, image_size)
    sound = np.setdiff1d(np.arange(len(pictures)), list(bad))
    return Split(
        images,
        label[sound],
        [source[row] for row in sound],
        None if true_label is None else true_label[sound],
        None if human_label is None else human_label[sound],
        [Broken(source[row], reason, int(label[row])) for row, reason in bad.items()],
    )


@dataclass(frozen=True)
class Dataset:
    """A data set as it is loaded."""

    class_names: Sequence[str]
    train: Split
    test: Split | None
    """None where the data set brings no test split; one is then held out."""
    augment: str
    """What `--augment auto` means: `crop_flip`, `crop` or `none`."""
    mean: Sequence[float] | None = None
    """Of each channel on the scale 0..1. None: measured on the training pictures."""
    std: Sequence[float] | None = None
    """Of each channel, likewise."""
    warnings: Sequence[RunWarning] = ()
    """What a reader must know of how it was found on disk."""
    more_tests: Mapping[str, Split] = field(default_factory=dict)
    """Further splits that are tested beside `test`, by the names of their metrics."""
