"""A data set's own keys of its samples, as positions."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import pandas as pd

from hmw_core.errors import UsageError
from hmw_core.recording.arrays import Array


class SampleKeys:
    """Turns keys such as `"img/0007.png"` into positions; numbers pass as they are."""

    def __init__(self, source: pd.Series) -> None:
        """Take the `source` of samples.parquet, null where there is none."""
        self._source = source

    def positions(self, sample_id: Array) -> Array:
        """Return the positions of a batch: of keys from `source`, numbers unchanged.

        Raises
        ------
        UsageError
            If a key is not in `source`, or `source` names two samples the same.
        """
        if not _are_keys(sample_id):
            return sample_id
        found = [self._position_of.get(str(key), -1) for key in sample_id]
        if -1 in found:
            key = sample_id[found.index(-1)]
            raise UsageError(
                f"record: unknown sample {str(key)!r}; known are the "
                f"{len(self._position_of):,} keys given to RunWriter.create as source"
            )
        return np.array(found)

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


def _are_keys(sample_id: Array) -> bool:
    """Tell whether these are texts: a list or tuple of them, or a numpy array."""
    if isinstance(sample_id, np.ndarray):
        return sample_id.dtype.kind in "UOT"
    return isinstance(sample_id, list | tuple) and any(isinstance(i, str) for i in sample_id)
