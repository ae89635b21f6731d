"""One epoch's per-sample results, kept on the device they come from."""

import sys
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


class EpochBuffer:
    """An epoch's batches, each packed into one array, put in order when the epoch ends.

    A step pays for one copy, whatever is recorded, and never waits for the device. A sample
    recorded again in the same epoch overwrites its earlier values: the last pass counts.
    """

    def __init__(self, n_samples: int) -> None:
        self.n_samples = n_samples
        self.widths: dict[str, int] = {}  # of each column; 0 for one number a sample
        self.ids: list[Array] = []
        self.rows: list[Array] = []

    def put(self, sample_id: Array, columns: dict[str, Array]) -> None:
        """Keep a copy of a batch: `sample_id` of shape (B,), each column of shape (B,) or (B, C).

        Raises
        ------
        UsageError
            If a length differs, or a shape differs from the batches before.
        """
        columns = {k: v if is_tensor(v) else np.asarray(v) for k, v in columns.items()}
        for name, values in columns.items():
            if len(values) != len(sample_id):
                raise UsageError(
                    f"record: {len(sample_id)} sample ids but {len(values)} rows of {name}"
                )
        widths = {k: v.shape[1] if v.ndim == 2 else 0 for k, v in columns.items()}
        if not self.rows:
            self.widths = widths
        elif widths != self.widths:
            raise UsageError(
                f"record: this batch has {_shapes(widths)}, "
                f"those before in this epoch {_shapes(self.widths)}"
            )
        pack = _pack_tensors if is_tensor(next(iter(columns.values()))) else _pack_arrays
        self.rows.append(pack(list(columns.values())))
        self.ids.append(sample_id.clone() if is_tensor(sample_id) else np.array(sample_id))

    def take(self) -> "RecordedEpoch | None":
        """Return the epoch's batches on the host, None if there are none; start afresh.

        Raises
        ------
        UsageError
            If a sample id is outside 0..n_samples-1.
        """
        batches, ids_of_batches = self.rows, self.ids
        self.rows, self.ids = [], []
        if not batches:
            return None
        ids = np.concatenate(_on_host(ids_of_batches)).astype(np.int64, copy=False)
        if len(ids) and not 0 <= ids.min() <= ids.max() < self.n_samples:
            raise UsageError(
                f"record: sample_id must lie in 0..{self.n_samples - 1}, "
                f"got {ids.min()}..{ids.max()}"
            )
        return RecordedEpoch(self.n_samples, self.widths, ids, _on_host(batches))


@dataclass(frozen=True)
class RecordedEpoch:
    """An epoch's batches on the host, in the order recorded, ready to be put in order anywhere."""

    n_samples: int
    widths: dict[str, int]
    sample_id: np.ndarray
    """(R,), int64: of all R rows recorded."""
    batches: list[np.ndarray]
    """Of R rows together, the columns side by side."""

    def columns(self) -> dict[str, np.ndarray]:
        """Return each column by sample, float32, NaN where not recorded, and `seen`."""
        width = sum(max(width, 1) for width in self.widths.values())
        ordered = np.full((self.n_samples, width), np.nan, dtype=np.float32)
        ordered[self.sample_id] = np.concatenate(self.batches)
        columns: dict[str, np.ndarray] = {"seen": np.zeros(self.n_samples, dtype=bool)}
        columns["seen"][self.sample_id] = True
        start = 0
        for name, width in self.widths.items():
            part = ordered[:, start : start + max(width, 1)]
            columns[name] = np.ascontiguousarray(part if width else part[:, 0])
            start += max(width, 1)
        return columns


def _pack_tensors(columns: list[Array]) -> Array:
    torch = sys.modules["torch"]  # a tensor came in, so torch is loaded
    device = columns[0].device
    parts = [torch.as_tensor(c).detach().to(device, non_blocking=True) for c in columns]
    return torch.cat([part if part.ndim == 2 else part[:, None] for part in parts], dim=1)


def _pack_arrays(columns: list[Array]) -> np.ndarray:
    parts = [to_numpy(column) for column in columns]
    return np.concatenate([p if p.ndim == 2 else p[:, None] for p in parts], axis=1)


def _on_host(batches: list[Array]) -> list[np.ndarray]:
    if all(is_tensor(batch) and batch.device.type != "cpu" for batch in batches):
        return [to_numpy(sys.modules["torch"].cat(batches))]  # one copy from the device
    return [to_numpy(batch) for batch in batches]


def _shapes(widths: dict[str, int]) -> str:
    return ", ".join(f"{k} (B, {width})" if width else f"{k} (B,)" for k, width in widths.items())
