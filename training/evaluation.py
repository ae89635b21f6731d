"""Passes without training: test accuracy, and the features of the training set."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from training.data.batches import ImageSource
from training.data.epoch_data import EVALUATION_BATCH
from training.methods.base import Method
from training.stopping import StopWish

TOP = 5


class Accuracy(NamedTuple):
    """Shares of the pictures of a test split, in [0, 1]."""

    top1: float
    """Whose label has the largest logit."""
    top5: float | None
    """Whose label is among the five largest; None with ten classes or fewer, where it says
    little."""


def accuracy(
    method: Method,
    source: ImageSource,
    label: Tensor,
    stop: StopWish,
    n_classes: int | None = None,
) -> Accuracy:
    """Return how many pictures are predicted as `label`, (M,) on the device.

    Predicted is one of the first `n_classes` classes, by default of all the network has; no
    picture is of the class of threshold samples. Logits of which one is NaN or plus infinity
    predict nothing: such a picture counts as wrong, in both shares.
    """
    right, among = torch.zeros((2,), dtype=torch.int64, device=label.device)
    has_top5 = False
    order = torch.arange(len(label))
    for rows, (images,) in stop.between(source.batches(order, EVALUATION_BATCH)):
        logits = method.predict(images).logits[:, :n_classes]
        top, predicted = logits.max(dim=1)
        right += ((predicted == label[rows]) & top.isfinite()).sum()
        has_top5 = logits.shape[1] > 2 * TOP
        if has_top5:
            first = logits.topk(TOP, dim=1).indices == label[rows, None]  # (B, 5)
            among += (first.any(dim=1) & top.isfinite()).sum()
    n_samples = len(label)
    return Accuracy(right.item() / n_samples, among.item() / n_samples if has_top5 else None)


def features(
    method: Method, source: ImageSource, n_samples: int, stop: StopWish
) -> tuple[np.ndarray, np.ndarray]:
    """Return the features (N, D) of the plain pictures in order, and the class vectors (C, D)."""
    parts = []
    class_vectors = None
    for _, (images,) in stop.between(source.batches(torch.arange(n_samples), EVALUATION_BATCH)):
        out = method.predict(images)
        parts.append(out.features.cpu())
        class_vectors = out.class_vectors
    assert class_vectors is not None, "a training set has samples"
    return torch.cat(parts).numpy(), class_vectors.detach().float().cpu().numpy()
