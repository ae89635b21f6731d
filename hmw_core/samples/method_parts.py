"""Into which parts a run's training method puts its samples, and the labels it would train on."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from hmw_core.log import layout
from hmw_core.log.reader import RunReader

METHOD_LABEL = "method_label"
NO_YES = ("no", "yes")
CHANGED = ("given label stands", "another label")
METHOD_RULE = "The label that the training method itself would train on, as of the last epoch used."


class Parts(NamedTuple):
    """A part of each sample: `codes` (N,), row = sample_id, places in `names`, -1 if unknown."""

    names: tuple[str, ...]
    codes: np.ndarray


def part_columns(run: RunReader) -> dict[str, tuple[str, ...]]:
    """Return the names of the parts by the column of the method that tells them.

    They are those of a column of groups, `NO_YES` of a flag, and `CHANGED` of the method's labels.
    """
    found: dict[str, tuple[str, ...]] = {}
    for name, column in run.method_columns.items():
        if name == METHOD_LABEL:
            found[name] = CHANGED
        elif column.categories:
            found[name] = column.categories
        elif column.dtype == "bool":
            found[name] = NO_YES
    return found


def parts_of(run: RunReader, name: str, epoch: int | None = None) -> Parts:
    """Return the parts of a column of `part_columns` after an epoch (default: the last).

    Unknown is the part of a sample of which the method told nothing in that epoch.
    """
    names = part_columns(run)[name]
    codes = np.full(run.n_samples, -1, dtype=np.int64)
    kept = _kept_epochs(run, epoch)
    if kept:
        value = run.epoch_columns(kept[-1], [name])[name]
        known = np.isfinite(value)
        if name == METHOD_LABEL:
            value = value != run.samples()["given_label"].to_numpy()[run.sample_ids()]
        found = np.where(known, value, -1).astype(np.int64)
        codes[run.sample_ids()] = np.where(found < len(names), found, -1)
    return Parts(names, codes)


def has_labels(run: RunReader) -> bool:
    """Tell whether the run's method comes to labels of its own."""
    return METHOD_LABEL in run.method_columns


def method_labels(run: RunReader, epoch: int | None = None) -> pd.Series:
    """Return the label that the method would train on, Int64 by `sample_id`; see `METHOD_RULE`.

    It is the last that the method told of a sample, since a training may leave samples out for
    some epochs; null where it never told one, and for every sample of a method without labels.
    """
    label = np.full(run.n_samples, np.nan)
    order = run.sample_ids()
    for number in reversed(_kept_epochs(run, epoch) if has_labels(run) else []):
        found = np.empty(run.n_samples)
        found[order] = run.epoch_columns(number, [METHOD_LABEL])[METHOD_LABEL]
        label = np.where(np.isnan(label), found, label)
        if not np.isnan(label).any():
            break
    is_class = (label >= 0) & (label < run.n_classes)  # a damaged log may hold others
    array = pd.array(np.where(is_class, label, np.nan), dtype="Float64").astype("Int64")
    index = pd.RangeIndex(run.n_samples, name="sample_id")
    return pd.Series(array, index=index, name=METHOD_LABEL)


def _kept_epochs(run: RunReader, epoch: int | None) -> list[int]:
    last = run.last_epoch if epoch is None else epoch
    kept = set(layout.logged_epochs(run.network_folder, "method"))
    return [number for number in run.epochs() if number in kept and number <= last]
