"""What a loop hands in: numpy arrays, torch tensors of any device, lists of numbers."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard

import numpy as np

if TYPE_CHECKING:
    import torch

Array: TypeAlias = "np.ndarray | torch.Tensor | Sequence[Any]"
"""Torch is imported for the type alone: a logger of numpy arrays must not need it."""


def is_tensor(values: Any) -> TypeGuard[torch.Tensor]:
    """Tell whether this is a torch tensor, without importing torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(values, torch.Tensor)


def is_on_device(values: Any) -> TypeGuard[torch.Tensor]:
    """Tell whether this is a tensor that the host cannot read without waiting for a device."""
    return is_tensor(values) and values.device.type != "cpu"


def to_numpy(values: Array) -> np.ndarray:
    """Return a tensor (floats as float32) or anything array-like as a numpy array."""
    if not is_tensor(values):
        return np.asarray(values)
    tensor = values.detach()
    return (tensor.float() if tensor.is_floating_point() else tensor).cpu().numpy()
