"""Validation: a share of the noisy training data that a method chooses by; never the test split."""

from typing import Any

import numpy as np

from training.config import RunConfig
from training.data.prepare import VALIDATION_STREAM, hold_out


def draw_validation(config: RunConfig, given_label: np.ndarray, share: float) -> np.ndarray:
    """Return the samples that are held out of the training, (V,) int64, ascending.

    The same share of each class, by the labels as they are given, wrong ones in. Each class keeps
    a training sample, and gives one where it has two: so no share leaves a class empty, and a
    class of one sample is not in the validation.
    """
    if share == 0:
        return np.zeros(0, dtype=np.int64)
    seed = config.seed if config.data_seed is None else config.data_seed
    rng = np.random.default_rng([seed, VALIDATION_STREAM])
    return np.flatnonzero(hold_out(given_label, share, rng))


def as_json(validation_id: np.ndarray, share: float) -> dict[str, Any] | None:
    """Return what `run.json` says of them, None where there are none."""
    if not len(validation_id):
        return None
    labels = "given labels of the training data, wrong ones in"
    return {"n": len(validation_id), "share": share, "labels": labels}
