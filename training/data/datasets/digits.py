"""The demo's data: scikit-learn's handwritten digits, no download."""

import numpy as np
from sklearn.datasets import load_digits

from training.config import RunConfig
from training.data.datasets.base import Dataset, Split


def digits(config: RunConfig) -> Dataset:
    """Handwritten digits of scikit-learn: 1,797 grey pictures of 8 x 8 pixels, 10 classes.

    Source: Alpaydin and Kaynak (1998), the test part of the UCI set, bundled with scikit-learn.
    """
    bunch = load_digits()
    pixels = np.rint(bunch.images * (255 / 16)).astype(np.uint8)  # (N, 8, 8), from 0..16
    label = bunch.target.astype(np.int64)
    source = [f"digits/{row}" for row in range(len(label))]
    train = Split(pixels[..., None], label, source, true_label=label)
    return Dataset([str(digit) for digit in range(10)], train, None, augment="none")
