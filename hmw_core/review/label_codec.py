"""A table of labels as the bytes of a CSV, Parquet or JSON file, and back without loss."""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv as arrow_csv

from hmw_core.errors import UsageError
from hmw_core.spreadsheet import csv_bytes, unguarded

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
    content: bytes, name: str, provenance_columns: Sequence[str] = ()
) -> tuple[pa.Table, dict[str, Any]]:
    """Return the table of a file and its provenance, which is empty where the file has none.

    The content tells the format. A CSV may have been through Excel: with semicolons or tabs, with
    or without a byte order mark. Its columns come as text, null where a cell is empty.

    Parameters
    ----------
    content : bytes
    name : str
        Of the file, for messages.
    provenance_columns : sequence of str
        Columns of a CSV that are its provenance, where it has the first of them.

    Raises
    ------
    UsageError
        If it is no table.
    """
    try:
        if content[:4] == b"PAR1":
            table = pq.read_table(pa.BufferReader(content))
            stored = (table.schema.metadata or {}).get(METADATA)
            provenance = {} if stored is None else json.loads(stored)
        elif content[:2] == b"PK":
            raise UsageError(f"{name} is a workbook; save its sheet as CSV")
        elif content.removeprefix(BOM).lstrip()[:1] in (b"{", b"["):
            table, provenance = _from_json(content.removeprefix(BOM), name)
        else:
            table, provenance = _from_csv(content.removeprefix(BOM), name, provenance_columns)
    except UsageError:
        raise
    except (pa.ArrowException, OSError, ValueError, RecursionError, csv.Error) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise UsageError(
            f"{name} is no table of labels in CSV, Parquet or JSON: {reason}"
        ) from None
    names = table.column_names
    if len(set(names)) < len(names):
        twice = next(column for column in names if names.count(column) > 1)
        raise UsageError(f"{name} has two columns called {twice!r}")
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


def _from_json(content: bytes, name: str) -> tuple[pa.Table, dict[str, Any]]:
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


def _from_csv(
    content: bytes, name: str, provenance_columns: Sequence[str]
) -> tuple[pa.Table, dict[str, Any]]:
    text = content.decode()
    if not text.strip():
        raise UsageError(f"{name} is empty")
    head = text.split("\n", 1)[0]
    delimiter = next((sign for sign in ",;\t" if sign in head), ",")
    names = [word.strip() for word in next(csv.reader(io.StringIO(head), delimiter=delimiter))]
    table = arrow_csv.read_csv(
        pa.BufferReader(content),
        read_options=arrow_csv.ReadOptions(column_names=names, skip_rows=1, block_size=1 << 24),
        parse_options=arrow_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=arrow_csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
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
