"""One epoch's per-sample results, kept on the device they come from."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hmw_core.errors import UsageError

Array = Any  # numpy array or torch tensor; hmw_core must not import torch here


def is_tensor(values: Any) -> bool:
    """Tell whether this is a torch tensor, without importing torch."""
    return type(values).__module__.startswith("torch") and hasattr(values, "detach")


def to_numpy(values: Array) -> np.ndarray:
    """Return a tensor (any device, floats as float32) or anything array-like as a numpy array."""
    if not is_tensor(values):
        return np.asarray(values)
    values = values.detach()
    return (values.float() if values.is_floating_point() else values).cpu().numpy()


@dataclass(frozen=True)
class RecordedEpoch:
    """An epoch's batches on the host, in the order recorded, ready to be put in order anywhere."""

    n_samples: int
    widths: dict[str, int]
    """Of each column; 0 for one number a sample."""
    from_device: bool
    """Whether they came from a device, so that the host's processors are free beside it."""
    sample_id: np.ndarray
    """(R,), int64: of all R rows recorded."""
    batches: list[list[np.ndarray]]
    """Of R rows together, each the columns in the order of `widths`."""

    def columns(self, row_of_sample: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Return each column, float32, NaN where not recorded, and `seen` (bool).

        By sample, or with the values of sample i in row `row_of_sample[i]`.
        """
        rows = self.sample_id if row_of_sample is None else row_of_sample[self.sample_id]
        columns = {"seen": np.zeros(self.n_samples, dtype=bool)}
        columns["seen"][rows] = True
        parts = zip(*self.batches, strict=True)
        for (name, width), part in zip(self.widths.items(), parts, strict=True):
            shape = (self.n_samples, width) if width else (self.n_samples,)
            columns[name] = np.full(shape, np.nan, dtype=np.float32)
            columns[name][rows] = np.concatenate(part)
        return columns


class EpochBuffer:
    """An epoch's batches, kept where they are and put in order when the epoch ends.

    A step pays for one copy, whatever is recorded, or for none, and never waits for the device. A
    sample recorded again in the same epoch overwrites its earlier values: the last pass counts.
    """

    def __init__(self, n_samples: int) -> None:
        self.n_samples = n_samples
        self.widths: dict[str, int] = {}
        self.ids: list[Array] = []
        self.batches: list[list[Array]] = []  # on a device one tensor each: the columns packed

    def put(self, sample_id: Array, columns: Mapping[str, Array], copy: bool = True) -> None:
        """Keep a batch: `sample_id` of shape (B,), each column of shape (B,) or (B, C).

        Without `copy` the arrays may be kept as they are: they must not change until `take`.

        Raises
        ------
        UsageError
            If a length differs, or a shape differs from the batches before.
        """
        values = [v if is_tensor(v) else np.asarray(v) for v in columns.values()]
        widths = {}
        for name, column in zip(columns, values, strict=True):
            if len(column) != len(sample_id):
                raise UsageError(
                    f"record: {len(sample_id)} sample ids but {len(column)} rows of {name}"
                )
            widths[name] = column.shape[1] if column.ndim == 2 else 0
        if not self.batches:
            self.widths = widths
        elif widths != self.widths:
            raise UsageError(
                f"record: this batch has {_shapes(widths)}, "
                f"those before in this epoch {_shapes(self.widths)}"
            )
        if _is_on_device(values[0]):
            self.batches.append([_packed(values)])
        else:
            self.batches.append([to_numpy(v).copy() for v in values] if copy else values)
        self.ids.append(_copied(sample_id) if copy else sample_id)

    def take(self) -> RecordedEpoch | None:
        """Return the epoch's batches on the host, None if there are none; start afresh.

        Raises
        ------
        UsageError
            If a sample id is outside 0..n_samples-1.
        """
        batches, ids_of_batches = self.batches, self.ids
        self.batches, self.ids = [], []
        if not batches:
            return None
        ids = np.concatenate(_on_host(ids_of_batches)).astype(np.int64, copy=False)
        if len(ids) and not 0 <= ids.min() <= ids.max() < self.n_samples:
            raise UsageError(
                f"record: sample_id must lie in 0..{self.n_samples - 1}, "
                f"got {ids.min()}..{ids.max()}"
            )
        from_device = [_is_on_device(batch[0]) for batch in batches]
        if all(from_device):
            on_host = [self._unpacked(rows) for rows in _on_host([rows for (rows,) in batches])]
        else:
            on_host = [
                self._unpacked(to_numpy(batch[0])) if packed else [to_numpy(c) for c in batch]
                for batch, packed in zip(batches, from_device, strict=True)
            ]
        return RecordedEpoch(self.n_samples, self.widths, any(from_device), ids, on_host)

    def _unpacked(self, rows: np.ndarray) -> list[np.ndarray]:
        ends = np.cumsum([max(width, 1) for width in self.widths.values()])
        columns = np.split(rows, ends[:-1], axis=1)
        return [
            column if width else column[:, 0]
            for column, width in zip(columns, self.widths.values(), strict=True)
        ]


def _is_on_device(values: Array) -> bool:
    return is_tensor(values) and values.device.type != "cpu"


def _packed(columns: list[Array]) -> Array:
    """Return the columns side by side in one tensor on the device of the first."""
    torch = sys.modules["torch"]  # a tensor came in, so torch is loaded
    device = columns[0].device
    parts = [torch.as_tensor(c).detach().to(device, non_blocking=True) for c in columns]
    return torch.cat([part if part.ndim == 2 else part[:, None] for part in parts], dim=1)


def _copied(values: Array) -> Array:
    return values.clone() if is_tensor(values) else np.array(values)


def _on_host(batches: list[Array]) -> list[np.ndarray]:
    if all(_is_on_device(batch) for batch in batches):
        return [to_numpy(sys.modules["torch"].cat(batches))]  # one copy from the device
    return [to_numpy(batch) for batch in batches]


def _shapes(widths: dict[str, int]) -> str:
    return ", ".join(f"{k} (B, {width})" if width else f"{k} (B,)" for k, width in widths.items())
