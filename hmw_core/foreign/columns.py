"""The columns of a Parquet file, without reading its rows."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from hmw_core.errors import UsageError


def parquet_columns(path: Path) -> dict[str, bool]:
    """Return the columns of a file by name, in its order, and whether each may hold pictures.

    Pictures come as bytes, as Hugging Face's struct of bytes, or as nested lists of pixels.

    Raises
    ------
    UsageError
        If there is no such file, or it is not a Parquet file.
    """
    if not path.is_file():
        raise UsageError(f"there is no file {path}")
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UsageError(f"{path} is not a readable Parquet file: {reason}") from None
    return {field.name: _may_hold_pictures(field.type) for field in schema}


def _may_hold_pictures(kind: pa.DataType) -> bool:
    names = ("binary", "large_binary", "binary_view", "fixed_size_binary")
    return pa.types.is_nested(kind) or any(getattr(pa.types, f"is_{name}")(kind) for name in names)
