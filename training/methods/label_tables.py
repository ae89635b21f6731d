"""What a method keeps of every sample over the epochs: labels of its own, and a rolling past."""

import torch
from torch import Tensor, nn

from hmw_core.log.schema import MethodColumn

METHOD_LABEL = MethodColumn(
    "method_label",
    unit="class",
    range="0 to C - 1",
    meaning="label that the method would rather train on after this epoch",
    dtype="int32",
)
"""Of a method that comes to labels of its own, its column."""


class WorkingLabels(nn.Module):
    """The labels that a method trains on: the given ones until it puts others in their place."""

    changed: Tensor
    """(N,), int64; -1 where the given label stands."""

    def __init__(self, n_samples: int, device: torch.device) -> None:
        super().__init__()
        self.register_buffer("changed", torch.full((n_samples,), -1, device=device))

    def of(self, sample_id: Tensor, given_label: Tensor) -> Tensor:
        """Return the labels of some samples, (B,), whose given ones are `given_label` (B,)."""
        own = self.changed[sample_id]
        return torch.where(own < 0, given_label, own)

    def put(self, sample_id: Tensor, label: Tensor) -> None:
        """Train on these labels (B,) from now on."""
        self.changed[sample_id] = label

    def share_changed(self, given_label: Tensor) -> float:
        """Return the share of samples whose label is not the given one (N,), in [0, 1]."""
        return float(((self.changed >= 0) & (self.changed != given_label)).float().mean())


class RollingPast(nn.Module):
    """The last entries of every sample; an entry is a row of a table, (N,) or (N, C).

    Parameters
    ----------
    length : int
        Entries kept, >= 1.
    shape : tuple of int
        Of an entry: (N,) or (N, C).
    fill : float
        Of entries that are not there yet.
    dtype, device
    """

    entries: Tensor
    """(length, N) or (length, N, C)."""
    n_seen: Tensor
    """(N,), int64: entries that a sample was given, also those that are no longer kept."""

    def __init__(
        self,
        length: int,
        shape: tuple[int, ...],
        device: torch.device,
        fill: float = 0.0,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.fill = fill
        table = torch.full((length, *shape), fill, dtype=dtype, device=device)
        self.register_buffer("entries", table)
        self.register_buffer("n_seen", torch.zeros(shape[0], dtype=torch.int64, device=device))

    def put(self, sample_id: Tensor, values: Tensor) -> None:
        """Add an entry of some samples, (B,) or (B, C), in place of their oldest."""
        slot = self.n_seen[sample_id] % len(self.entries)
        self.entries[slot, sample_id] = values.to(self.entries.dtype)
        self.n_seen[sample_id] += 1

    def is_full(self) -> Tensor:
        """Return which samples have as many entries as are kept, (N,) bool."""
        return self.n_seen >= len(self.entries)

    def clear(self) -> None:
        """Forget all entries."""
        self.entries.fill_(self.fill)
        self.n_seen.zero_()
