"""A table of labels as the bytes of a CSV, Parquet or JSON file, and back without loss."""

import json
import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from hmw_core.errors import UsageError
from hmw_core.foreign.array_files import NPY, PICKLES
from hmw_core.foreign.delimited import as_text, read_delimited
from hmw_core.log.files import check_size, unpacked_size
from hmw_core.spreadsheet import csv_bytes, unguarded

ARRAYS = (NPY, *PICKLES)
FORMATS = ("csv", "parquet", "json")
METADATA = b"hmw_labels"  # key of the provenance in a Parquet file's schema
BOM = b"\xef\xbb\xbf"  # without it Excel takes UTF-8 for the machine's old code page


def encode(table: pa.Table, provenance: Mapping[str, Any], format: str) -> bytes:
    """Return a table and where it came from as the bytes of a file.

    Parameters
    ----------
    table : pyarrow Table
        Columns of whole numbers, floats, truth values and text.
    provenance : mapping
        Flat, of JSON values. In CSV each entry is a column that says the same in every row: any
        program reads it, and no sorting, filtering or copying of rows loses it. In Parquet it is
        in the schema's metadata and in the `attrs` of the frame that pandas reads; in JSON it is
        the object `provenance` beside the list `samples`.
    format : str
        Of `FORMATS`.

    Raises
    ------
    UsageError
        If the format is unknown.
    """
    if format == "csv":
        return _csv(table, provenance)
    if format == "parquet":
        return _parquet(table, provenance)
    if format == "json":
        rows = table.to_pylist()
        floats = [field.name for field in table.schema if pa.types.is_floating(field.type)]
        for row in rows:
            row.update({name: _json(row[name]) for name in floats})
        lines = ",\n".join(json.dumps(row, ensure_ascii=False, allow_nan=False) for row in rows)
        head = json.dumps(dict(provenance), ensure_ascii=False, allow_nan=False)
        return f'{{"provenance": {head},\n"samples": [\n{lines}\n]}}\n'.encode()
    raise UsageError(f"unknown format {format!r} of labels; known: {', '.join(FORMATS)}")


def decode(
    content: bytes,
    name: str,
    provenance_columns: Sequence[str] = (),
    needed: Collection[str] | None = None,
) -> tuple[pa.Table, dict[str, Any]]:
    """Return the table of a file and its provenance, which is empty where the file has none.

    The content tells the format. A CSV may have been through a spreadsheet, see `read_delimited`;
    its columns come as text.

    Parameters
    ----------
    content : bytes
    name : str
        Of the file, for messages.
    provenance_columns : sequence of str
        Columns of a CSV that are its provenance, where it has the first of them.
    needed : collection of str, optional
        Columns that may be asked for. All others are left as they are, be they double.

    Raises
    ------
    UsageError
        If it is no table, or has a needed column twice.
    """
    provenance: Any
    try:
        if content[:4] == b"PAR1":
            file = pq.ParquetFile(pa.BufferReader(content))
            check_size(unpacked_size(file), len(content))
            table = file.read()
            table.validate(full=True)  # text that is none is found here, not where it is read
            stored = (table.schema.metadata or {}).get(METADATA)
            provenance = {} if stored is None else json.loads(stored)
        elif content.startswith(ARRAYS) or b"data.pkl" in content[:200]:
            raise UsageError(f"{name} is a file of arrays; save its labels as CSV or Parquet")
        elif content[:2] == b"PK" or content[:4] == b"\xd0\xcf\x11\xe0":
            raise UsageError(f"{name} is a workbook; save its sheet as CSV")
        elif content.removeprefix(BOM).lstrip()[:1] in (b"{", b"["):
            table, provenance = _from_json(as_text(content, name), name)
        else:
            table, provenance = read_delimited(content, name), None
    except UsageError:
        raise
    except (pa.ArrowException, OSError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise UsageError(
            f"{name} is no table of labels in CSV, Parquet or JSON: {reason}"
        ) from None
    names = table.column_names
    for column in names if len(set(names)) < len(names) else ():
        if names.count(column) > 1 and (needed is None or column in needed):
            raise UsageError(f"{name} has two columns called {column!r}")
    if provenance is None:  # of a CSV
        return _apart(table, name, provenance_columns)
    return table, provenance if isinstance(provenance, dict) else {}


def _csv(table: pa.Table, provenance: Mapping[str, Any]) -> bytes:
    for key, value in provenance.items():
        table = table.append_column(key, pa.repeat(pa.scalar(value), len(table)))
    return BOM + csv_bytes(table)


def _parquet(table: pa.Table, provenance: Mapping[str, Any]) -> bytes:
    said = json.dumps(dict(provenance))
    of_pandas = json.dumps({"hmw_labels": dict(provenance)})
    marked = table.replace_schema_metadata({METADATA: said, b"PANDAS_ATTRS": of_pandas})
    file = pa.BufferOutputStream()
    pq.write_table(marked, file, compression="zstd")
    return file.getvalue().to_pybytes()


def _json(value: Any) -> Any:
    """Return a JSON value; the infinite ones, which JSON has not, as text that is read back."""
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value


def _from_json(content: str, name: str) -> tuple[pa.Table, dict[str, Any]]:
    whole = json.loads(content)
    rows = whole.get("samples") if isinstance(whole, dict) else whole
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UsageError(
            f"{name} must hold a list of objects, one a sample, or an object with such a list "
            "called 'samples'"
        )
    columns = dict.fromkeys(key for row in rows for key in row)
    table = pa.table({column: _array([row.get(column) for row in rows]) for column in columns})
    return table, whole.get("provenance", {}) if isinstance(whole, dict) else {}


def _array(values: list[Any]) -> pa.Array:
    """Return values as a column; those of several kinds as text."""
    try:
        return pa.array(values)
    except (pa.ArrowException, OverflowError):
        return pa.array([None if value is None else str(value) for value in values])


def _apart(
    table: pa.Table, name: str, provenance_columns: Sequence[str]
) -> tuple[pa.Table, dict[str, Any]]:
    """Return a CSV's table and the provenance in its columns, where it is an export of ours."""
    names = table.column_names
    if not provenance_columns or provenance_columns[0] not in names:
        return table, {}
    for place, column in enumerate(names):
        table = table.set_column(place, column, unguarded(table.column(place)))
    provenance: dict[str, Any] = {}
    for column in (column for column in provenance_columns if column in names):
        said = table[column].unique().to_pylist()
        if len(said) > 1:
            raise UsageError(f"{name} mixes two exports: {column!r} is {said[0]!r} and {said[1]!r}")
        provenance[column] = said[0] if said else None
    return table.drop_columns(list(provenance)), provenance
