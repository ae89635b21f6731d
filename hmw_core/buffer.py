"""One epoch's per-sample results, kept on the device they come from."""

import sys
from typing import Any

import numpy as np

from hmw_core.errors import UsageError

Array = Any  # numpy array or torch tensor; hmw_core must not import torch here


def is_tensor(values: Any) -> bool:
    """Tell whether this is a torch tensor, without importing torch."""
    return type(values).__module__.startswith("torch") and hasattr(values, "detach")


class EpochBuffer:
    """Buffers of shape (n_samples, ...), filled batch by batch at `sample_id`.

    A sample recorded again in the same epoch overwrites its earlier values: the last pass counts.
    Nothing here waits for the device.
    """

    def __init__(self, n_samples: int) -> None:
        self.n_samples = n_samples
        self.columns: dict[str, Array] = {}

    def put(self, sample_id: Array, columns: dict[str, Array]) -> None:
        """Store a batch: `sample_id` of shape (B,), each column of shape (B,) or (B, C).

        Raises
        ------
        UsageError
            If the lengths differ, or an id on the CPU is outside 0..n_samples-1. (Ids on an
            accelerator are checked by the device itself.)
        """
        columns = {k: v if is_tensor(v) else np.asarray(v) for k, v in columns.items()}
        for name, values in columns.items():
            if len(values) != len(sample_id):
                raise UsageError(
                    f"record: {len(sample_id)} sample ids but {len(values)} rows of {name}"
                )
            known = self.columns.get(name)
            if known is not None and tuple(known.shape[1:]) != tuple(values.shape[1:]):
                raise UsageError(
                    f"record: {name} has rows of shape {tuple(values.shape[1:])}, "
                    f"earlier in this epoch {tuple(known.shape[1:])}"
                )
        place = self._put_tensor if is_tensor(next(iter(columns.values()))) else self._put_numpy
        place(sample_id, columns)

    def to_host(self) -> dict[str, np.ndarray]:
        """Return float32 arrays on the host (NaN where not recorded) and `seen`; start afresh."""
        host = {
            name: values.cpu().numpy() if is_tensor(values) else values
            for name, values in self.columns.items()
        }
        self.columns = {}
        return host

    def _put_numpy(self, sample_id: Array, columns: dict[str, Array]) -> None:
        ids = sample_id.cpu().numpy() if is_tensor(sample_id) else np.asarray(sample_id)
        self._check_range(ids)
        for name, batch in columns.items():
            host = batch.detach().float().cpu().numpy() if is_tensor(batch) else batch
            values = host.astype(np.float32, copy=False)
            if name not in self.columns:
                shape = (self.n_samples, *values.shape[1:])
                self.columns[name] = np.full(shape, np.nan, dtype=np.float32)
            self.columns[name][ids] = values
        self.columns.setdefault("seen", np.zeros(self.n_samples, dtype=bool))[ids] = True

    def _put_tensor(self, sample_id: Array, columns: dict[str, Array]) -> None:
        torch = sys.modules["torch"]  # a tensor came in, so torch is loaded
        device = next(iter(columns.values())).device
        ids = torch.as_tensor(sample_id)
        if ids.device.type == "cpu":
            self._check_range(ids.numpy())
        ids = ids.to(device, torch.int64, non_blocking=True)
        for name, batch in columns.items():
            values = torch.as_tensor(batch).detach().to(device, torch.float32, non_blocking=True)
            if name not in self.columns:
                shape = (self.n_samples, *values.shape[1:])
                self.columns[name] = values.new_full(shape, float("nan"))
            self.columns[name].index_copy_(0, ids, values)
        if "seen" not in self.columns:
            self.columns["seen"] = torch.zeros(self.n_samples, dtype=torch.bool, device=device)
        self.columns["seen"].index_fill_(0, ids, True)

    def _check_range(self, ids: np.ndarray) -> None:
        if len(ids) and not (0 <= ids.min() and ids.max() < self.n_samples):
            raise UsageError(
                f"record: sample_id must lie in 0..{self.n_samples - 1}, "
                f"got {ids.min()}..{ids.max()}"
            )
