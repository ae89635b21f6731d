"""Pairs of pictures in a run's folder, each table under all that decides it."""

import hashlib
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from hmw_core.log.cache import keep
from hmw_core.log.files import read_table
from hmw_core.log.reader import RunReader

_ONE_AT_A_TIME = threading.Lock()  # a second caller finds the first one's pairs kept


@dataclass(frozen=True)
class KeptPairs:
    """Where a table of pairs is kept, and what it must hold to count.

    Parameters
    ----------
    folder : path
        Of the run, or of its network.
    kind : str
        What the files' names begin with.
    schema : Schema
    metadata_key : bytes
        Under which the file says its plan.
    """

    folder: Path
    kind: str
    schema: pa.Schema
    metadata_key: bytes

    def read(self, run: RunReader, plan: dict[str, Any]) -> pd.DataFrame | None:
        """Return kept pairs, or None if there are none, or they are damaged or not of this plan.

        `plan` is everything that decides the pairs, as JSON can hold it.
        """
        path = self._file(plan)
        try:
            table = read_table(path)
            run.check_numbers(path, table)
            about = json.loads((table.schema.metadata or {})[self.metadata_key])
        except (ValueError, KeyError, RecursionError):
            return None
        return table.to_pandas() if about == plan and table.schema.equals(self.schema) else None

    def read_or_compute(
        self, run: RunReader, plan: dict[str, Any], compute: Callable[[], pd.DataFrame]
    ) -> pd.DataFrame:
        """Return kept pairs, or compute and keep them; a folder that takes no file keeps none."""
        with _ONE_AT_A_TIME:
            kept = self.read(run, plan)
            if kept is not None:
                return kept
            schema = self.schema.with_metadata({self.metadata_key: json.dumps(plan).encode()})
            table = pa.Table.from_pandas(compute(), schema=schema, preserve_index=False)
            keep(self._file(plan), table)
        return table.to_pandas()

    def _file(self, plan: dict[str, Any]) -> Path:
        key = hashlib.sha256(json.dumps(plan, sort_keys=True).encode()).hexdigest()[:12]
        return self.folder / "duplicates" / f"{self.kind}-{key}.parquet"
