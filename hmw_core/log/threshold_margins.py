"""Margins over C + 1 classes, which a run with AUM's threshold samples keeps beside its signals."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from hmw_core.errors import UsageError
from hmw_core.log import layout
from hmw_core.log.cache import kept_table
from hmw_core.log.files import DamagedFile, read_table
from hmw_core.log.reader import RunReader
from hmw_core.log.schema import THRESHOLD, types_of

MARGIN = "margin"
TYPES = types_of(THRESHOLD)
VERSION = 1  # of the means, for what is kept with a run


def write_margins(folder: Path, epoch: int, is_threshold: np.ndarray, margin: np.ndarray) -> None:
    """Write an epoch's margins over the C + 1 classes that a run with threshold samples has.

    The file appears whole, and before the epoch's metrics, which make the epoch count: so an
    epoch that counts has its own. A resumed run overwrites the files of an unfinished epoch.
    """
    table = {
        "sample_id": pa.array(np.arange(len(margin), dtype=np.int32)),
        "is_threshold": pa.array(is_threshold),
        MARGIN: pa.array(margin.astype(np.float32), mask=np.isnan(margin)),
    }
    layout.write_table(layout.epoch_file(folder, "threshold", epoch), pa.table(table))


def has_threshold_samples(run: RunReader) -> bool:
    """Tell whether a run was trained with threshold samples."""
    return bool(run.info.get("threshold_samples"))


def margin_means(run: RunReader, epoch: int | None = None) -> pd.DataFrame:
    """Return `is_threshold` and the mean `margin` over the epochs up to one, by `sample_id`.

    Raises
    ------
    UsageError
        If the run has no threshold samples, or an epoch's margins cannot be read.

    Notes
    -----
    Source: Pleiss et al. (NeurIPS 2020), Eq. 1, over all C + 1 outputs.
    """
    if not has_threshold_samples(run):
        raise UsageError(
            f"run {run.name!r} was trained without threshold samples; "
            "train one with --threshold-samples auto"
        )
    last = run.last_epoch if epoch is None else epoch
    epochs = [number for number in run.epochs() if number <= last]

    def compute() -> pd.DataFrame:
        total, n_seen = np.zeros(run.n_samples), np.zeros(run.n_samples)
        is_threshold = np.zeros(run.n_samples, dtype=bool)
        for number in epochs:
            path = layout.epoch_file(run.folder, "threshold", number)
            try:
                table = read_table(path, TYPES, n_rows=run.n_samples)
            except DamagedFile as error:
                raise UsageError(
                    f"run {run.name!r}: margins of epoch {number} cannot be read: {error}"
                ) from None
            margin = table[MARGIN].to_numpy()
            is_threshold = table["is_threshold"].to_numpy()
            seen = np.isfinite(margin)
            total[seen] += margin[seen]
            n_seen += seen
        with np.errstate(invalid="ignore"):
            mean = total / n_seen
        ids = pd.RangeIndex(run.n_samples, name="sample_id")
        return pd.DataFrame({"is_threshold": is_threshold, MARGIN: mean}, index=ids)

    decides = {"version": VERSION, "last": last}
    return kept_table(
        run, "threshold-margins", decides, compute, reads=("threshold",), epochs=epochs
    )
