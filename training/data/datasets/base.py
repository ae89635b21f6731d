"""What a data set hands over: pictures and labels, before any noise."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from training.data.pictures import EncodedImages, Images


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
