"""What a batch calls its samples: positions, or a data set's own keys, as positions.

One rule, applied when `record` is called: whole numbers of any integer type are positions; text,
bytes (UTF-8), UUIDs and paths are keys, compared with `source` as text. Both may come as a list, an
array, a tensor or a pandas Series, of shape (B,) or (B, 1). Everything else is refused. Tensors on
a device are checked as far as that needs no wait; their range is known when the epoch ends.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cached_property
from numbers import Integral
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd

from hmw_core.errors import UsageError
from hmw_core.recording.arrays import Array, is_on_device, is_tensor, to_numpy

ACCEPTED = "accepted are positions as whole numbers, or keys of `source` as text"
KEY_TYPES = (str, bytes, UUID, os.PathLike)


class SampleKeys:
    """Turns what `record` is given as sample ids into positions."""

    def __init__(self, source: pd.Series) -> None:
        """Take the `source` of samples.parquet, null where there is none."""
        self._source = source

    def positions(self, sample_id: Array) -> Array:
        """Return the positions of a batch, (B,): int64, or a tensor on its device.

        Raises
        ------
        UsageError
            If they are no ids, one is out of range or not in `source`, or `source` names two
            samples the same.
        """
        if is_on_device(sample_id):
            if sample_id.dtype.is_floating_point or str(sample_id.dtype) == "torch.bool":
                raise _refused(f"are {sample_id.dtype}")
            return sample_id.reshape(_batch(tuple(sample_id.shape)))
        ids = _as_array(sample_id)
        if ids.dtype.kind not in "iu":
            return self._found([k if type(k) is str else text_of_key(k) for k in ids])
        if len(ids) and not 0 <= ids.min() <= ids.max() < len(self._source):
            raise outside(int(ids.min()), int(ids.max()), len(self._source))
        return ids.astype(np.int64)

    def _found(self, keys: list[str]) -> np.ndarray:
        found = [self._position_of.get(key, -1) for key in keys]
        if -1 in found:
            raise UsageError(
                f"record: unknown sample {keys[found.index(-1)]!r}; known are the "
                f"{len(self._position_of):,} keys given to RunWriter.create as source"
            )
        return np.array(found, dtype=np.int64)

    @cached_property
    def _position_of(self) -> dict[str, int]:
        keys = self._source.dropna()
        twice = keys[keys.duplicated()]
        if len(twice):
            raise UsageError(
                f"record: source names two samples {twice.iloc[0]!r}, so text cannot say which is "
                "meant; give unique keys, or record numbers"
            )
        return dict(zip(keys, keys.index.tolist(), strict=True))


def text_of_key(key: Any) -> str:
    """Return a key as the log keeps it: bytes are UTF-8, all else as its own text.

    Raises
    ------
    UsageError
        If bytes are no UTF-8.
    """
    try:
        return key.decode() if isinstance(key, bytes) else str(key)
    except UnicodeDecodeError:
        raise UsageError(f"the key {key!r} is no UTF-8; give keys as text") from None


def outside(lowest: int, highest: int, n_samples: int) -> UsageError:
    """Return the refusal of positions out of range."""
    return UsageError(f"record: sample_id must lie in 0..{n_samples - 1}, got {lowest}..{highest}")


def _as_array(sample_id: Array) -> np.ndarray:
    """Return ids on the host as whole numbers, or as objects that are all keys: shape (B,)."""
    if np.ma.isMaskedArray(sample_id) and np.ma.getmaskarray(sample_id).any():
        raise _refused("are masked in places")
    try:
        # A list keeps the types of its items: numpy would turn True, and 3 beside "a", into others.
        values = to_numpy(sample_id) if is_tensor(sample_id) else _array_of(sample_id)
    except ValueError:  # rows of several lengths
        raise _refused("are lists of several lengths") from None
    values = values.reshape(_batch(values.shape))
    if values.dtype.kind in "iu":
        return values
    if not len(values):
        return values.astype(np.int64)
    if values.dtype.kind not in "OUST":
        raise _refused(f"are {values.dtype}")
    items = values.astype(object)
    types = set(map(type, items))
    numbers = {kind for kind in types if issubclass(kind, Integral) and kind is not bool}
    keys = {kind for kind in types if issubclass(kind, KEY_TYPES)}
    odd = (types - numbers - keys) or (numbers if keys else ())
    if odd:
        item = next(item for item in items if type(item) in odd)
        beside = " beside keys" if keys else ""
        raise _refused(f"hold {item!r} ({type(item).__name__}){beside}")
    if keys:
        return items
    try:
        return items.astype(np.int64)
    except OverflowError:
        raise _refused(f"hold {max(items, key=abs)}") from None


def _array_of(sample_id: Any) -> np.ndarray:
    if not isinstance(sample_id, list | tuple) or set(map(type, sample_id)) == {int}:
        return np.asarray(sample_id)
    if sample_id and is_tensor(sample_id[0]):
        sample_id = [i.item() if is_tensor(i) else i for i in sample_id]
    return np.array(sample_id, dtype=object)


def _batch(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the shape (B,) of ids that come as (B,) or (B, 1)."""
    if len(shape) == 1 or (len(shape) == 2 and shape[1] == 1):
        return (shape[0],)
    raise _refused(f"have shape {tuple(shape)}")


def _refused(what: str) -> UsageError:
    return UsageError(f"record: the sample ids {what}; {ACCEPTED}, one for each row of the batch")
