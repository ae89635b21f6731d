"""A Parquet file with a column of encoded pictures and columns of labels."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from PIL import Image

from hmw_core.errors import UsageError
from hmw_core.foreign.label_column import LabelColumn, label_column
from hmw_core.log.decoding import BadPicture
from hmw_core.log.images import as_png
from hmw_core.log.pixel_arrays import as_pixels
from training.config import RunConfig
from training.data.datasets.base import Dataset, Split, read_split


def parquet(config: RunConfig) -> Dataset:
    """Parquet file (--data) with encoded pictures and labels as `label_column` reads them.

    Class names come from the schema's metadata (`class_names`, joined by commas, or Hugging Face's
    ClassLabel), from the words, in alphabetical order, or are the numbers: 0 to the largest, or 1
    to it where each of these and no 0 occurs. The test file (--test-data) is read with the
    true-label column where it has one, else with the label column.
    """
    if config.data is None:
        raise UsageError("--dataset parquet needs --data FILE")
    path = Path(config.data)
    file = _open(path)
    label_columns = [config.label_column]
    label_columns += [c for c in (config.true_label_column, config.noise_column) if c is not None]
    table = _read(file, path, [config.image_column, *label_columns])
    names, first = _class_names(file.schema_arrow, table, label_columns, path)
    if len(names) < 2:
        columns = ", ".join(dict.fromkeys(label_columns))
        raise UsageError(f"{path} has one class only in {columns}; training needs 2 or more")
    labels = {c: _labels(table, c, names, first, path) for c in label_columns}
    true_label = labels.get(config.true_label_column or "")
    train = read_split(
        _pictures(table, path, config),
        labels[config.label_column],
        _sources(path, len(table)),
        config.image_size,
        true_label=true_label,
        human_label=labels.get(config.noise_column or ""),
    )
    test = None
    if config.test_data is not None:
        test = _test_split(Path(config.test_data), names, first, config)
    return Dataset(names, train, test, augment="crop_flip")


def _test_split(path: Path, names: list[str], first: int, config: RunConfig) -> Split:
    file = _open(path)
    column = config.true_label_column
    if column is None or column not in file.schema_arrow.names:
        column = config.label_column
    table = _read(file, path, [config.image_column, column])
    label = _labels(table, column, names, first, path)
    pictures = _pictures(table, path, config)
    return read_split(pictures, label, _sources(path, len(table)), config.image_size)


def _open(path: Path) -> pq.ParquetFile:
    if not path.is_file():
        raise UsageError(f"data file {path} does not exist")
    try:
        return pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())
        raise UsageError(f"data file {path} is not a readable Parquet file: {reason}") from None


def _read(file: pq.ParquetFile, path: Path, columns: list[str]) -> pa.Table:
    present = file.schema_arrow.names
    missing = [column for column in columns if column not in present]
    if missing:
        raise UsageError(f"{path} has no column {missing[0]!r}; it has {', '.join(present)}")
    twice = [column for column in columns if present.count(column) > 1]
    if twice:
        raise UsageError(f"{path} has two columns called {twice[0]!r}; give each a name of its own")
    if file.metadata.num_rows == 0:
        raise UsageError(f"data file {path} has no rows")
    try:
        return file.read(columns=list(dict.fromkeys(columns)))
    except (pa.ArrowException, OSError) as error:
        raise UsageError(f"data file {path} is damaged: {' '.join(str(error).split())}") from None


def _class_names(
    schema: pa.Schema, table: pa.Table, columns: list[str], path: Path
) -> tuple[list[str], int]:
    """Return the names of the classes, and the number that the file writes for the first."""
    stored = _stored_names(schema, columns[0])
    if stored:
        return stored, 0
    found = [_read_labels(table, column, None, path) for column in columns]
    words = {word for labels in found for word in labels.words or ()}
    if words:
        return sorted(words), 0
    numbers = np.unique(np.concatenate([labels.label for labels in found])).tolist()
    if numbers == list(range(1, len(numbers) + 1)):
        return [str(number) for number in numbers], 1
    return [str(number) for number in range(min(numbers[-1], len(table)) + 1)], 0


def _stored_names(schema: pa.Schema, column: str) -> list[str] | None:
    """Return the class names of the metadata, ours or those of Hugging Face's `datasets`."""
    metadata = schema.metadata or {}
    if metadata.get(b"class_names"):
        return metadata[b"class_names"].decode("utf-8", "replace").split(",")
    try:
        said: Any = json.loads(metadata.get(b"huggingface", b"{}"))
        names = said["info"]["features"][column]["names"]
        return [str(name) for name in names] or None
    except (KeyError, TypeError, ValueError, RecursionError):
        return None


def _read_labels(
    table: pa.Table, column: str, names: list[str] | None, path: Path, first: int = 0
) -> LabelColumn:
    return label_column(
        table[column],
        f"column {column!r} of {path}",
        class_names=names,
        n_classes=None if names is None else len(names) + first,
        digits_are_words=True,  # they are written as text, and could have been numbers
        sample=lambda row: f"row {row} (counted from 0)",
    )


def _labels(table: pa.Table, column: str, names: list[str], first: int, path: Path) -> np.ndarray:
    found = _read_labels(table, column, names, path, first)
    label = found.label if found.words else found.label - first
    if label.min() < 0:
        raise UsageError(f"column {column!r} of {path} has a label 0, but the classes are 1 and up")
    return label


def _pictures(table: pa.Table, path: Path, config: RunConfig) -> list[bytes]:
    """Return the encoded pictures; a row without one has empty bytes, which count as broken."""
    column, where = table[config.image_column], f"column {config.image_column!r} of {path}"
    if pa.types.is_struct(column.type) and "bytes" in column.type.names:
        column = pc.struct_field(column, "bytes")  # null where the struct is
    if column.null_count == len(column):
        raise UsageError(f"{where} holds no picture; paths are not followed, the bytes count")
    if _is_binary(column.type):
        return [content or b"" for content in column.to_pylist()]
    try:
        pixels = as_pixels(_tensor(column.combine_chunks()))
    except (BadPicture, ValueError) as error:
        raise UsageError(
            f"{where} must hold encoded pictures as bytes, or pixels as lists of one shape; "
            f"it holds {column.type}: {error}"
        ) from None
    return [as_png(Image.fromarray(picture)) for picture in pixels]


def _tensor(column: pa.Array) -> np.ndarray:
    """Return nested lists, or tensors, as one array."""
    if isinstance(column, pa.FixedShapeTensorArray):
        return column.to_numpy_ndarray()
    shape = [len(column)]
    while pa.types.is_nested(column.type) and not pa.types.is_struct(column.type):
        lengths = set(pc.list_value_length(column).unique().to_pylist())
        if len(lengths) != 1 or None in lengths:
            raise ValueError("lists of different lengths")
        shape += lengths
        column = column.flatten()
    if column.null_count:
        raise ValueError(f"{column.null_count} values are missing")
    return column.to_numpy(zero_copy_only=False).reshape(shape)


def _is_binary(kind: pa.DataType) -> bool:
    is_some = pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view
    return any(test(kind) for test in is_some) or pa.types.is_fixed_size_binary(kind)


def _sources(path: Path, n_rows: int) -> list[str]:
    return [f"{path.name}#{row}" for row in range(n_rows)]
