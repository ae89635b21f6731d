"""What an importer is, and what it reads."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hmw_core.log.schema import RunWarning

COSINES = (
    "given_distance",
    "other_distance",
    "topk_distance",
    "hm_slice",
    "hm_weight",
)


class ThresholdMargins(NamedTuple):
    """Samples of an extra class, put there on purpose, and all margins over C + 1 classes."""

    is_threshold: np.ndarray
    """(N,), bool."""
    margin: Callable[[int], np.ndarray]
    """Of an epoch, 1-based: (N,), NaN where a sample was not seen."""


class ImportedEpoch(NamedTuple):
    """What one epoch's file says of the samples in it."""

    sample_id: np.ndarray
    """(B,), positions."""
    columns: dict[str, np.ndarray]
    """`logits` (B, C), or what `RunWriter.record_signals` takes."""


@dataclass(frozen=True)
class ImportedLog:
    """A log of another program, read as far as its labels; the epochs follow one by one."""

    given_label: np.ndarray
    """(N,), int64."""
    n_classes: int
    """As the source says; or, with `has_all_classes` false, as many as occur in it."""
    n_epochs: int
    epochs: Iterable[ImportedEpoch]
    absent: Mapping[str, str]
    """What the source does not hold, and why; as `RunWriter.create` takes it."""
    keys: list[str] | None = None
    """The source's own names of the samples, where they are not 0..N-1."""
    has_all_classes: bool = True
    warnings: Sequence[RunWarning] = ()
    """What a reader of the run must know of the source."""
    threshold: ThresholdMargins | None = None


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """What the sources cannot say themselves."""

    labels: Path | None = None
    """File of the given labels, where SOURCE holds none: delimited text, Parquet, JSON, npy, npz or
    pt, with a column `label`; FILE:COLUMN names another."""
    true_labels: Path | None = None
    """File of the true labels, likewise; -1 or empty where they are not known. A column `sample_id`
    in it says which sample is meant; without one they are in the order of SOURCE."""
    class_names: tuple[str, ...] = field(default=())
    """Names of the classes, in the order of the labels, which may be these names. Default: their
    numbers."""


@dataclass(frozen=True)
class Importer:
    """How logs of one program are read; `reads` says for a list what SOURCE is."""

    title: str
    reads: str
    read: Callable[[Path, ImportOptions], ImportedLog]


def absent(what: str) -> dict[str, str]:
    """Return the absences of logits without a network: no cosines, weights, features, pictures."""
    reasons = dict.fromkeys(COSINES, f"{what} no features")
    reasons |= {"weight": f"{what} no weights of the losses"}
    return reasons | {"features": f"{what} no features", "images": f"{what} no pictures"}
