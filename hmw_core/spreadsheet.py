"""Tables as CSV in which no cell is read as a formula by the spreadsheet that opens it."""

import re
from collections.abc import Callable

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

# What a spreadsheet runs where it comes first (OWASP, "CSV Injection"), full-width signs included.
_SIGNS = "=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20"
# A text that looks like a guarded one is guarded, too: only so can reading undo it exactly.
_TO_GUARD = re.compile(f"'*[{_SIGNS}]")
_GUARDED = re.compile(f"'+[{_SIGNS}]")
NUMBER = re.compile(r"[+-]?\d[\d,]*(\.\d+)?([eE][+-]?\d+)?")


def csv_bytes(table: pd.DataFrame | pa.Table) -> bytes:
    """Return a table as CSV in UTF-8, in which no text and no column's title is run.

    Parameters
    ----------
    table : DataFrame or pyarrow Table
        Of a DataFrame, an index with a name, or of anything but 0, 1, ..., comes first.

    Returns
    -------
    bytes
        Numbers with all their digits, nothing for a missing value. Every text stands in quotes, so
        that no carriage return in it begins a row. A text that a spreadsheet would run gets an
        apostrophe before it; of a DataFrame, a text that is a number gets none.
    """
    made_safe = guard
    if isinstance(table, pd.DataFrame):
        table, made_safe = _as_arrow(table), _guard_but_numbers
    for place, field in enumerate(table.schema):
        column = table.column(place)
        if pa.types.is_floating(field.type):
            column = pc.if_else(pc.is_nan(column), pa.scalar(None, field.type), column)
        elif is_text(field.type):
            column = _each(column, made_safe, _TO_GUARD)
        table = table.set_column(place, made_safe(field.name), column)
    file = pa.BufferOutputStream()
    csv.write_csv(table, file)
    return file.getvalue().to_pybytes()


def guard(text: str) -> str:
    """Return a text that no spreadsheet runs: an apostrophe comes before a formula's sign.

    Examples
    --------
    >>> guard("=1+2"), guard("a=b"), guard("'=1+2")
    ("'=1+2", 'a=b', "''=1+2")
    """
    return f"'{text}" if _TO_GUARD.match(text) else text


def unguard(text: str) -> str:
    """Return what `guard` was given."""
    return text[1:] if _GUARDED.match(text) else text


def unguarded(column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
    """Return a column of text of a CSV as it was before `csv_bytes`."""
    return _each(column, unguard, _GUARDED)


def is_text(kind: pa.DataType) -> bool:
    """Tell whether a column of this type holds text."""
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def with_index(table: pd.DataFrame) -> pd.DataFrame:
    """Return a copy with the index as its first columns, where it says anything."""
    if isinstance(table.index, pd.RangeIndex) and table.index.name is None:
        return table.copy()
    index = table.index.to_frame(index=False)
    index.columns = pd.Index(["" if name is None else name for name in table.index.names])
    return pd.concat([index, table.reset_index(drop=True)], axis=1)


def _guard_but_numbers(text: str) -> str:
    return text if NUMBER.fullmatch(text) else guard(text)


def _as_arrow(table: pd.DataFrame) -> pa.Table:
    """Return a table with its index; what is neither number nor truth becomes text."""
    whole = with_index(table)
    columns = []
    for place in range(whole.shape[1]):  # two may have one title
        column = whole.iloc[:, place]
        if not pd.api.types.is_numeric_dtype(column):
            column = column.astype("object").map(str, na_action="ignore")
            columns.append(pa.array(column, pa.string(), from_pandas=True))
        else:
            columns.append(pa.array(column, from_pandas=True))
    return pa.table(columns, names=[str(title) for title in whole.columns])


def _each(
    column: pa.ChunkedArray, change: Callable[[str], str], where: re.Pattern[str]
) -> pa.ChunkedArray | pa.Array:
    """Return a column of text in which `change` was at the values that begin as `where` says."""
    if not pc.any(pc.match_substring_regex(column, f"^({where.pattern})")).as_py():
        return column
    encoded = column.combine_chunks().dictionary_encode()
    changed = [None if text is None else change(text) for text in encoded.dictionary.to_pylist()]
    return pa.array(changed, pa.string()).take(encoded.indices)
