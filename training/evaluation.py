"""Passes without training: test accuracy, and the features of the training set."""

import numpy as np
import torch
from torch import Tensor

from training.data.batches import ImageSource
from training.data.epoch_data import EVALUATION_BATCH
from training.methods.base import Method
from training.stopping import StopWish


def accuracy(
    method: Method,
    source: ImageSource,
    label: Tensor,
    stop: StopWish,
    n_classes: int | None = None,
) -> float:
    """Return the share of pictures predicted as `label`, (M,) on the device; in [0, 1].

    Predicted is one of the first `n_classes` classes, by default of all the network has; no
    picture is of the class of threshold samples. Logits of which one is NaN or plus infinity
    predict nothing: such a picture counts as wrong.
    """
    right = torch.zeros((), dtype=torch.int64, device=label.device)
    order = torch.arange(len(label))
    for rows, (images,) in stop.between(source.batches(order, EVALUATION_BATCH)):
        logits = method.predict(images).logits[:, :n_classes]
        top, predicted = logits.max(dim=1)
        right += ((predicted == label[rows]) & top.isfinite()).sum()
    return right.item() / len(label)


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
