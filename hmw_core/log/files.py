"""The one way to read a file of a run folder, which anybody may have made.

Only regular files are opened, so that a FIFO or a device never blocks; how much a file unpacks to
is known, and bounded, before it is read; whatever is wrong with it is a `DamagedFile`.
"""

import errno
import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hmw_core.errors import UsageError

LARGEST_JSON = 64 << 20  # bytes; a transition matrix of 1,500 classes has as many
MOST_PARTS = 2_000_000  # texts, lists and objects of a JSON file; each takes 50 bytes and more
DEEPEST = 50  # lists and objects within one another
ALWAYS_READ = 256 << 20  # bytes that any Parquet file may unpack to
UNPACKS_TO = 100  # times its own size, for one that unpacks to more
FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)


class DamagedFile(UsageError):
    """A file of a run folder that cannot be used, and why."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{shown(path)} {reason}")


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Turn what opening or reading a file raises into the `DamagedFile` that names it."""
    try:
        yield
    except UsageError:
        raise
    except FileNotFoundError:
        raise DamagedFile(path, "is missing") from None
    except OSError as error:  # without a number it is Arrow's, and about the content
        words = "cannot be read" if error.errno else "is damaged"
        raise DamagedFile(path, f"{words}: {_line(error.strerror or error)}") from None
    except RecursionError:
        raise DamagedFile(path, "is damaged: it is nested too deep") from None
    # Arrow's own errors are no ValueErrors throughout.
    except (ValueError, KeyError, TypeError, MemoryError, pa.ArrowException) as error:
        raise DamagedFile(path, f"is damaged: {_line(error)}") from None


def shown(path: Path | str) -> str:
    """Return a path as a text: what is no UTF-8 in a name becomes \ufffd."""
    return os.fsencode(path).decode(errors="replace")


def _line(reason: object) -> str:
    return " ".join(str(reason).split())[:200]


def open_file(path: Path) -> BinaryIO:
    """Open a regular file, or a link to one, for reading; anything else is an OSError."""
    _check_regular(os.stat(path))  # first, as opening alone makes some devices act
    descriptor = os.open(path, FLAGS | getattr(os, "O_BINARY", 0))
    file = os.fdopen(descriptor, "rb", buffering=0)
    try:
        _check_regular(os.fstat(descriptor))
    except BaseException:
        file.close()
        raise
    return file


def _check_regular(found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is no regular file")


def read_bytes(path: Path, largest: int = LARGEST_JSON) -> bytes:
    """Return a file's content; more than `largest` bytes are an OSError."""
    with open_file(path) as file:
        return read_open(file, largest)


def read_open(file: BinaryIO, largest: int) -> bytes:
    """Return an open file's content; more than `largest` bytes are an OSError."""
    size = _size(file)
    if size > largest:
        raise OSError(errno.EFBIG, f"it has {size:,} bytes, and at most {largest:,} are read")
    parts = []
    while size > 0 and (part := file.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def read_json(path: Path) -> Any:
    """Return the value of a JSON file, in which numbers are finite and texts can be shown.

    Raises
    ------
    DamagedFile
        If it is missing, too large, nested too deep or no JSON.
    """
    with naming(path):
        content = read_bytes(path)
        if sum(map(content.count, (b'"', b"[", b"{"))) > MOST_PARTS:
            raise ValueError("it has too many parts")
        value = json.loads(content.decode("utf-8-sig"), parse_constant=_no_number)
        level = [value]
        for _ in range(DEEPEST):
            level = [child for parent in level for child in _children(parent)]
        if level:
            raise RecursionError
        if b"\\ud" in content or b"\\uD" in content:
            try:
                json.dumps(value, ensure_ascii=False).encode()
            except UnicodeEncodeError:
                raise ValueError("it holds half a surrogate pair, which is no text") from None
        return value


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number in JSON")


def _children(value: Any) -> Iterator[Any]:
    """Yield the lists and objects of a list or object."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return (child for child in inner if isinstance(child, list | dict))


@contextmanager
def open_table(
    path: Path,
    columns: Mapping[str, str] | None,
    n_rows: int | None = None,
    most_rows: int | None = None,
) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file whose metadata has been checked; nothing else is read yet.

    Parameters
    ----------
    path : path
    columns : mapping of str to str, or None
        Columns it must have, with their types as `schema` writes them: `int32`, `float16[C]`.
        Any width of a kind will do; a length that is a number must be that of the lists. None
        for all columns that there are, of any type but lists of any length.
    n_rows, most_rows : int, optional
        How many rows it must have, or may have.

    Raises
    ------
    DamagedFile
        If it is missing or no such file, or unpacks to more than a file of its size may.
    """
    with naming(path), open_file(path) as source:
        try:
            file = pq.ParquetFile(source)
        except (pa.ArrowException, OSError) as error:
            raise ValueError(f"it is truncated or not Parquet ({error})") from None
        schema, n_found = file.schema_arrow, file.metadata.num_rows
        if n_rows is not None and n_found != n_rows:
            raise ValueError(f"it has {n_found:,} rows instead of {n_rows:,}")
        if most_rows is not None and n_found > most_rows:
            raise ValueError(f"it has {n_found:,} rows, more than {most_rows:,}")
        _check_columns(schema, columns)
        check_size(unpacked_size(file, columns), _size(source))
        texts = [field.name for field in schema if _has_any_length(field.type)]
        if texts:  # one long text in a million rows is then in memory once
            file = pq.ParquetFile(source, metadata=file.metadata, read_dictionary=texts)
        yield file


def read_table(
    path: Path,
    columns: Mapping[str, str] | None = None,
    n_rows: int | None = None,
    most_rows: int | None = None,
    *,
    filters: pc.Expression | None = None,
) -> pa.Table:
    """Return columns of a Parquet file, checked as by `open_table`, of the rows that fit a filter.

    Raises
    ------
    DamagedFile
        See `open_table`.
    """
    names = None if columns is None else list(columns)
    with open_table(path, columns, n_rows, most_rows) as file:
        if filters is None:
            table = file.read(columns=names, use_threads=False)
        else:
            texts = [f.name for f in file.schema_arrow if pa.types.is_dictionary(f.type)]
            with open_file(path) as source:
                table = pq.read_table(source, columns=names, filters=filters, read_dictionary=texts)
        return plain(table, path.stat().st_size)


def plain(table: pa.Table, size: int) -> pa.Table:
    """Return the table with texts in place of dictionaries.

    Raises
    ------
    ValueError
        If texts repeated in many rows take more than a file of this size may unpack to.
    """
    for position, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type) and _has_any_length(field.type.value_type):
            unpacked = 0
            for chunk in table[position].chunks:
                lengths = pc.binary_length(chunk.dictionary).cast(pa.int64())
                unpacked += pc.sum(lengths.take(chunk.indices)).as_py() or 0
            check_size(unpacked, size)
            table = table.set_column(
                position, field.name, table[position].cast(field.type.value_type)
            )
    return table


def unpacked_size(file: pq.ParquetFile, columns: Iterable[str] | None = None) -> int:
    """Return how many bytes columns (default: all) take in memory, by the metadata alone."""
    metadata, schema = file.metadata, file.schema_arrow
    groups = range(metadata.num_row_groups)
    packed = sum(metadata.row_group(i).total_byte_size for i in groups)
    types = schema.types if columns is None else [schema.field(name).type for name in columns]
    return max(packed, metadata.num_rows * sum(map(_width, types)))


def check_size(unpacked: int, size: int) -> None:
    """Raise ValueError if a file of `size` bytes would take too much memory."""
    if unpacked > max(ALWAYS_READ, UNPACKS_TO * size):
        raise ValueError(f"its {size:,} bytes unpack to {unpacked:,}, so it is not read")


def _size(source: BinaryIO) -> int:
    return os.fstat(source.fileno()).st_size


def _check_columns(schema: pa.Schema, columns: Mapping[str, str] | None) -> None:
    names = schema.names
    lacking = [name for name in columns or () if name not in names]
    if lacking:
        raise ValueError(f"it lacks the column {', '.join(lacking)}")
    twice = [name for name in columns or names if names.count(name) > 1]
    if twice:
        raise ValueError(f"it has the column {twice[0]} twice")
    for field in schema:
        if columns is None and pa.types.is_nested(field.type):
            raise ValueError(f"its column {field.name} holds {field.type}")
        if columns is not None and not _is(columns.get(field.name), field.type):
            raise ValueError(
                f"its column {field.name} holds {field.type}, not {columns[field.name]}"
            )


def _is(kind: str | None, dtype: pa.DataType) -> bool:
    """Tell whether an Arrow type is of the kind that `schema` writes."""
    if kind is None:
        return True
    base, _, length = kind.partition("[")
    if length:
        if not (pa.types.is_fixed_size_list(dtype) and _is(base, dtype.value_type)):
            return False
        wanted = length.rstrip("]")
        return dtype.list_size == int(wanted) if wanted.isdigit() else dtype.list_size > 0
    return {
        "int": pa.types.is_integer,
        "float": pa.types.is_floating,
        "bool": pa.types.is_boolean,
        "binary": lambda t: pa.types.is_binary(t) or pa.types.is_large_binary(t),
        "string": lambda t: pa.types.is_string(t) or pa.types.is_large_string(t),
    }[base.rstrip("0123456789")](dtype)


def _has_any_length(dtype: pa.DataType) -> bool:
    return _is("string", dtype) or _is("binary", dtype)


def _width(dtype: pa.DataType) -> int:
    """Return the bytes of a row, its texts apart."""
    if pa.types.is_fixed_size_list(dtype):
        return dtype.list_size * _width(dtype.value_type)
    try:
        return max(dtype.bit_width // 8, 1)
    except ValueError:  # a text's: where it begins
        return 8
