"""One epoch's results of one network: reduced to the columns of the log while they come."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from hmw_core.errors import UsageError
from hmw_core.log.tables import half_outputs
from hmw_core.margins import HMSettings
from hmw_core.recording.arrays import Array, as_numbers, is_on_device, is_tensor, to_numpy
from hmw_core.recording.sample_keys import outside
from hmw_core.recording.signals import signal_columns

CHUNK = 1 << 22  # numbers: batches are reduced together once they hold so many logits


@dataclass(frozen=True)
class RecordedEpoch:
    """All rows of an epoch in the order recorded; a later row of a sample replaces an earlier."""

    n_samples: int
    sample_id: np.ndarray
    """(R,), int64; one out of range came from a device, and its row is left out."""
    parts: Mapping[str, list[Array]]
    """Of R rows together: columns of shape (rows,), outputs of shape (rows, C)."""
    state: Mapping[str, tuple[np.ndarray, list[Array]]]
    """Of each column of the method: the samples (S,), and their values."""

    @cached_property
    def inside(self) -> np.ndarray | slice:
        """Return which rows belong to a sample."""
        return _inside(self.sample_id, self.n_samples)

    @property
    def refusal(self) -> UsageError | None:
        """Return what to say of ids out of range, None where there is none."""
        if isinstance(self.inside, slice):
            return None
        return outside(int(self.sample_id.min()), int(self.sample_id.max()), self.n_samples)

    def columns(self, row_of_sample: np.ndarray) -> dict[str, np.ndarray]:
        """Return each column by row, NaN or 0 where no row was recorded, and `seen` (bool).

        The values of sample i come to row `row_of_sample[i]`. Waits for the device.
        """
        rows = row_of_sample[self.sample_id[self.inside]]
        seen = np.zeros(self.n_samples, dtype=bool)
        seen[rows] = True
        columns = {"seen": seen}
        for name, parts in self.parts.items():
            values = _joined(parts)[self.inside]
            # As it is read back, so that a resumed run is equal.
            if values.dtype == np.float64 and name != "probabilities":
                with np.errstate(over="ignore"):  # infinite, and left out as such
                    values = values.astype(np.float32)
            empty = np.nan if values.dtype.kind == "f" else 0
            columns[name] = np.full((self.n_samples, *values.shape[1:]), empty, dtype=values.dtype)
            columns[name][rows] = values
        return columns

    def state_columns(self, row_of_sample: np.ndarray) -> dict[str, np.ma.MaskedArray]:
        """Return each column of the method by row, masked where the method gave no value."""
        found = {}
        for name, (sample_id, parts) in self.state.items():
            inside = _inside(sample_id, self.n_samples)
            values = _joined(parts)[inside]
            # Zeros, for what memory happened to hold may not fit the type of the log.
            column = np.ma.array(np.zeros(self.n_samples, dtype=values.dtype), mask=True)
            column[row_of_sample[sample_id[inside]]] = np.ma.masked_invalid(values)
            found[name] = column
        return found


class EpochCollector:
    """Takes the batches of an epoch and keeps what the log will hold of them.

    Logits and cosines are reduced in chunks of about four million numbers, where they are: in
    torch on a device, in numpy on the host. Beyond one chunk no array of N x C exists unless the
    log keeps outputs, and these are kept in their final float16. No call waits for the device.
    """

    def __init__(self, given_label: np.ndarray, n_classes: int, settings: HMSettings) -> None:
        self.given_label = given_label  # (N,), by sample_id
        self.n_classes = n_classes
        self.settings = settings
        self._label_on: dict[Any, Any] = {}  # the labels, on each device that batches came from
        self._start()

    def put(
        self, sample_id: Array, columns: Mapping[str, Array], keep: str, copy: bool = True
    ) -> None:
        """Keep a batch.

        Parameters
        ----------
        sample_id : (B,) int
        columns : mapping of name to (B,) or (B, C)
            The same names in every batch of an epoch. `logits` and `cosine` are reduced.
        keep : {"full", "topk", "none"}
            What of the outputs the log will hold of this epoch.
        copy : bool
            False where the caller promises not to change the arrays until the epoch ends.

        Raises
        ------
        UsageError
            If a length, a shape or a type does not fit, or the names differ from the batches
            before.
        """
        columns = self._checked(sample_id, columns)
        self._check_names(tuple(columns))
        if copy:
            sample_id = _copied(sample_id)
            columns = {name: _copied(values) for name, values in columns.items()}
        values = {name: v.detach() if is_tensor(v) else v for name, v in columns.items()}
        self.keep = keep
        self._pending.append((sample_id, values))
        self._n_pending += len(sample_id) * (self.n_classes if "logits" in values else 1)
        if self._n_pending >= CHUNK:
            self._reduce()

    def put_state(self, sample_id: Array, columns: Mapping[str, Array]) -> None:
        """Keep what a method knows of some samples, each column of shape (B,).

        Raises
        ------
        UsageError
            If a length, a shape or a type does not fit.
        """
        for name, values in self._checked(sample_id, columns).items():
            pair = _copied(sample_id), _copied(values)
            self._state.setdefault(name, []).append(pair)

    def take(self) -> RecordedEpoch | None:
        """Return the epoch, None if nothing was recorded; start afresh. Waits for the device."""
        self._reduce()
        ids, parts, state = self._ids, self._parts, self._state
        self._start()
        if not ids:
            return None
        found = {
            name: (_joined([ids for ids, _ in pairs]), [values for _, values in pairs])
            for name, pairs in state.items()
        }
        return RecordedEpoch(len(self.given_label), _joined(ids), parts, found)

    def _start(self) -> None:
        self._names: tuple[str, ...] | None = None
        self._pending: list[tuple[Array, dict[str, Array]]] = []
        self._n_pending = 0
        self._ids: list[Array] = []
        self._state: dict[str, list[tuple[Array, Array]]] = {}
        self._parts: dict[str, list[Array]] = {}
        self.keep = "none"

    def _checked(self, sample_id: Array, columns: Mapping[str, Array]) -> dict[str, Array]:
        """Return the columns of a batch as arrays or tensors of numbers, of fitting shapes."""
        found: dict[str, Array] = {}
        for name, values in columns.items():
            column = as_numbers(name, values)
            shape = tuple(column.shape)
            width = (self.n_classes,) if name in ("logits", "cosine", "probabilities") else ()
            if len(shape) != 1 + len(width) or shape[1:] != width:
                needed = ", ".join(map(str, ("B", *width))) + ("" if width else ",")
                raise UsageError(f"{name} must have shape ({needed}), got {shape}")
            if shape[0] != len(sample_id):
                raise UsageError(
                    f"record: {len(sample_id)} sample ids but {shape[0]} rows of {name}"
                )
            found[name] = column
        return found

    def _check_names(self, names: tuple[str, ...]) -> None:
        if self._names is not None and names != self._names:
            raise UsageError(
                f"record: this batch has {', '.join(names)}, "
                f"those before in this epoch {', '.join(self._names)}"
            )
        self._names = names

    def _reduce(self) -> None:
        """Reduce the pending batches and let go of their logits and cosines."""
        if not self._pending:
            return
        batches, self._pending, self._n_pending = self._pending, [], 0
        sample_id = _together([ids for ids, _ in batches])
        columns = {
            name: _together([values[name] for _, values in batches]) for name in batches[0][1]
        }
        if "logits" in columns:
            outputs = {n: columns.pop(n) for n in ("logits", "cosine") if n in columns}
            columns = {**self._reduced(sample_id, **outputs), **columns}
        self._ids.append(sample_id)
        for name, values in columns.items():
            self._parts.setdefault(name, []).append(values)

    def _reduced(
        self, sample_id: Array, logits: Array, cosine: Array | None = None
    ) -> Mapping[str, Array]:
        """Return the log's columns and outputs of a chunk: in torch on a device, else in numpy."""
        if is_on_device(logits):
            from hmw_core.objective import signals  # torch is loaded: a tensor has come in

            torch, device = sys.modules["torch"], logits.device
            near = None if cosine is None else torch.as_tensor(cosine).to(device)
            label_there = self._labels_of(sample_id, device)
            on_device = signals.signal_columns(logits, near, label_there, self.settings)
            return on_device | signals.half_outputs(logits, near, self.keep)
        last = len(self.given_label) - 1  # ids may be a device's, see `_labels_of`
        label = self.given_label[np.clip(to_numpy(sample_id), 0, last)]
        values = _floats(logits), None if cosine is None else _floats(cosine)
        columns = signal_columns(*values, label, self.settings)
        return columns | half_outputs(*values, self.keep)

    def _labels_of(self, sample_id: Array, device: Any) -> Any:
        """Return the given labels of a chunk on a device.

        An id out of range is known when the epoch ends; it must not break the device before.
        """
        torch = sys.modules["torch"]
        if device not in self._label_on:
            self._label_on[device] = torch.from_numpy(self.given_label).to(device)
        ids = torch.as_tensor(sample_id).to(device, non_blocking=True)
        return self._label_on[device][ids.clamp(0, len(self.given_label) - 1)]


def _inside(ids: np.ndarray, n_samples: int) -> np.ndarray | slice:
    """Return which ids are positions of samples, without a mask where all are."""
    if not len(ids) or 0 <= ids.min() <= ids.max() < n_samples:
        return slice(None)
    return (ids >= 0) & (ids < n_samples)


def _floats(values: Array) -> np.ndarray:
    """Return values on the host in float32 at least, whole numbers as well."""
    array = to_numpy(values)
    return array.astype(np.result_type(array.dtype, np.float32), copy=False)


def _copied(values: Array) -> Array:
    return values.detach().clone() if is_tensor(values) else np.array(values)


def _together(batches: Sequence[Array]) -> Array:
    """Return batches as one array where they are: on their device, or on the host."""
    if len(batches) == 1:
        return batches[0]
    if all(is_on_device(batch) for batch in batches):
        return sys.modules["torch"].cat(list(batches))
    return np.concatenate([to_numpy(batch) for batch in batches])


def _joined(parts: Sequence[Array]) -> np.ndarray:
    """Return parts as one array on the host; of a device, in one copy."""
    together = _together(parts)
    if is_tensor(together) and together.dtype == sys.modules["torch"].float16:
        return together.cpu().numpy()  # outputs keep their half precision
    return to_numpy(together)
