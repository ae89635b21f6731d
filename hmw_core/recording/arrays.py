"""What a loop hands in: numpy arrays, torch tensors of any device, lists of numbers."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeGuard

import numpy as np

from hmw_core.errors import UsageError

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


def as_numbers(name: str, values: Array) -> np.ndarray | torch.Tensor:
    """Return a tensor as it is, and anything else array-like as an array of real numbers.

    Raises
    ------
    UsageError
        If it holds anything else, such as text or objects.
    """
    if is_tensor(values):
        if values.is_complex():
            raise UsageError(f"{name} must hold real numbers, got {values.dtype}")
        return values
    try:
        array = np.asarray(values)
        if array.dtype.kind == "V":  # bfloat16 of JAX, which numpy does not know as a float
            array = array.astype(np.float32)
    except (ValueError, TypeError) as error:
        raise UsageError(f"{name} is no array of numbers: {error}") from None
    if array.dtype.kind not in "biuf":
        raise UsageError(f"{name} must hold real numbers, got {array.dtype}")
    return array


def to_numpy(values: Array) -> np.ndarray:
    """Return a tensor (floats as float32) or anything array-like as a numpy array."""
    if not is_tensor(values):
        return np.asarray(values)
    tensor = values.detach()
    return (tensor.float() if tensor.is_floating_point() else tensor).cpu().numpy()
