"""Tables computed from a run's log and kept beside it, each under what decides its numbers."""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from hmw_core.log import layout
from hmw_core.log.files import read_table
from hmw_core.log.reader import RunReader

KEY = b"hmw_cache_key"


def kept_table(
    run: RunReader,
    name: str,
    decides: Mapping[str, Any],
    compute: Callable[[], pd.DataFrame],
    *,
    reads: Sequence[str] = ("signals",),
    epochs: Sequence[int] | None = None,
) -> pd.DataFrame:
    """Return a table computed earlier from the same files and choices, or compute and keep it.

    Parameters
    ----------
    run : RunReader
    name : str
        What it is called, a word of letters, digits and dashes; tables of one name with other
        choices stand side by side.
    decides : mapping
        All choices that decide the numbers, with the version of the code among them; JSON values.
    compute : callable
        Makes the table. Its index is kept.
    reads : sequence of str
        Parts of the run folder that it reads: `samples.parquet`, or kinds of files by epoch
        (`signals`, `outputs`, `features`). Where one of these files changes, it is computed anew.
    epochs : sequence of int, optional
        Epochs whose files it reads. Default: all there are.

    Notes
    -----
    A folder that cannot be written, or a damaged copy, costs only time.
    """
    key = json.dumps(
        {"decides": decides, "files": _files(run, reads, epochs)}, sort_keys=True, default=str
    )
    digest = hashlib.sha256(key.encode()).hexdigest()
    path = layout.cache_file(run.network_folder, name, digest[:16])
    with suppress(ValueError, TypeError, KeyError):  # of pandas, which believes its metadata
        table = read_table(path)
        kept = table.to_pandas()
        if (table.schema.metadata or {}).get(KEY) == _key(digest, kept):
            return kept
    made = compute()
    table = pa.Table.from_pandas(made)
    table = table.replace_schema_metadata(
        {**(table.schema.metadata or {}), KEY: _key(digest, made)}
    )
    keep(path, table)
    return made


def _key(digest: str, table: pd.DataFrame) -> bytes:
    """Return the digest of the choices with that of the content: a table may be a stranger's."""
    values = pd.util.hash_pandas_object(table).to_numpy()
    content = hashlib.sha256(repr(list(table.columns)).encode() + values.tobytes())
    return f"{digest} {content.hexdigest()}".encode()


def read_only() -> bool:
    """Tell whether this process may only show runs: `HMW_READ_ONLY`, the option `--read-only`."""
    return os.environ.get("HMW_READ_ONLY") == "1"


def keep(path: Path, table: pa.Table) -> None:
    """Keep what can be computed again, where anything may be and can be written."""
    if not read_only():
        with suppress(OSError):  # a full disk or a folder of somebody else
            layout.write_table(path, table)


def _files(
    run: RunReader, reads: Sequence[str], epochs: Sequence[int] | None
) -> list[tuple[str, int, int]]:
    """Return name, time and size of each file that is read."""
    found: list[Path] = []
    for kind in reads:
        if kind.endswith(".parquet"):
            found.append(run.folder / kind)
            continue
        logged = layout.logged_epochs(run.network_folder, kind)
        wanted = None if epochs is None else set(epochs)
        numbers = [number for number in logged if wanted is None or number in wanted]
        found += [layout.epoch_file(run.network_folder, kind, number) for number in numbers]
    return [(str(path.relative_to(run.folder)), *layout.version(path)) for path in found]
